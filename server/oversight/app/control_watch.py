"""The controller's look at what administrators decided: followed event by event, and brought into force here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from oversight.app.last_control import LastControl, LastControlFile
from oversight.app.local_stops import LocalStops
from oversight.app.publication import Publication
from oversight.app.stop_recorder import StopRecorder
from oversight.engine.control import SYSTEM, ControlEvent, ControlState, ControlStore, EventKind, fold
from oversight.errors import OversightError, StaleRevisionError

__all__ = ["ControlWatch", "ControlWatchState"]

_log = logging.getLogger(__name__)


class ControlWatchState(NamedTuple):
    """
    What is in force of it here; `problem` says why newer events may be missing, or is empty.

    `confirmed_at_us` is when the store was last found to have no others. `local_stops` are engaged on this machine
    alone.
    """

    control: ControlState = ControlState()
    confirmed_at_us: int = 0
    problem: str = ""
    local_stops: int = 0


class ControlWatch:
    """
    Follows a `ControlStore`; `state` is replaced by one assignment, for any thread to read.

    What the service decides by itself is only ever stricter: rules that outlaw a live value, and stops that were
    engaged on this machine, become events of the store here.
    """

    def __init__(
        self,
        store: ControlStore,
        publication: Publication,
        *,
        local_stops: LocalStops,
        last: LastControlFile,
        clock_us: Callable[[], int],
    ) -> None:
        self.state = ControlWatchState()
        self._store = store
        self._publication = publication
        self._local_stops = local_stops
        self._recorder = StopRecorder(store, local_stops, clock_us)
        self._last = last
        self._clock_us = clock_us
        self._followed = ControlState()
        self._newest: ControlEvent | None = None

    def start(self) -> None:
        """Put in force what the store has or, while it does not answer, what it had when it last did."""
        self.step()
        kept = self._last.read() if self._newest is None and self.state.problem else None
        if kept is not None:
            self._publication.put_control(kept.state)
            self.state = self.state._replace(control=kept.state, confirmed_at_us=kept.confirmed_at_us)
            _log.warning("thresholds and stops are those of revision %d until the store answers", kept.state.revision)

    def step(self) -> bool:
        """Look once; return whether anything changed. What is wrong stands in `state`."""
        before, problem = self.state.control.revision, ""
        try:
            self._publication.expire()
            self._follow()
            self._correct()
            self._recorder.record(self._followed, self._follow)
        except (OversightError, OSError, ValueError) as error:
            problem = str(error)
        self._tell(problem)
        return self.state.control.revision != before

    def _follow(self) -> ControlState:
        """Bring the events behind the last one into force; return the state then."""
        looked_us = self._clock_us()
        events = self._read()
        state = fold(self._followed, events) if events else self._followed
        # A snapshot that cannot be published must not make values look fresh that are not in force.
        if state != self.state.control:
            self._publication.put_control(state)
        self._followed = state
        self._newest = events[-1] if events else self._newest
        self._recorder.note(events)
        self.state = self.state._replace(control=state, confirmed_at_us=looked_us)
        self._last.keep(LastControl(state, looked_us))
        return state

    def _read(self) -> Sequence[ControlEvent]:
        """Return the events behind the last one; that one is read again, to see that they are behind it."""
        newest = self._newest
        if newest is None:
            return self._store.events_after(0)
        events = self._store.events_after(newest.revision - 1)
        if events and events[0] == newest:
            return events[1:]
        _log.error("the store has another history than before: event %d is not there as it was", newest.revision)
        self._newest, self._followed = None, ControlState()
        return self._store.events_after(0)

    def _correct(self) -> None:
        """Record what stands in for live values that the rules do not allow any more."""
        outlawed = self._publication.in_force.outlawed
        if not outlawed:
            return
        event = ControlEvent(
            revision=0,
            at_us=self._clock_us(),
            kind=EventKind.THRESHOLDS_SET,
            author=SYSTEM,
            justification="The rules do not allow the live value any more, by a bound or a constraint: the stricter of "
            "their value and the nearest bound is in force.",
            settings=outlawed,
        )
        try:
            self._store.append(event, expected_revision=self._followed.revision)
        except StaleRevisionError:
            return  # somebody was quicker, maybe with the same
        self._follow()

    def _tell(self, problem: str) -> None:
        if problem and problem != self.state.problem:
            _log.error("changes of thresholds and stops may be missing here: %s", problem)
        if self.state.problem and not problem:
            _log.info("thresholds and stops are those of the store again")
        try:
            engaged = len(self._local_stops.engaged())
        except OSError as error:
            engaged, problem = self.state.local_stops, problem or str(error)
        self.state = self.state._replace(problem=problem, local_stops=engaged)

    def confirm_at_once(self) -> None:
        """Note when the store was last seen, for the next start. Raises OSError."""
        if self._newest is not None:
            self._last.keep(LastControl(self.state.control, self.state.confirmed_at_us), at_once=True)
