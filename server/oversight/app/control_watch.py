"""The controller's look at what administrators decided: followed event by event, and brought into force here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
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

    A store that does not have the history that was in force here (another database, an older backup) is followed, but
    never confirmed, so that decisions are tightened; stops and values that it lacks stay in force. That ends when the
    history is back, or when somebody accepts the store's by taking the file of *last* away.
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
        self._known: LastControl | None = None
        self._lost: LastControl | None = None

    def start(self) -> None:
        """Put in force what the store has or, while it does not answer, what it had when it last did."""
        kept = self._known = self._last.read()
        self.step()
        if kept is not None and self._newest is None and self.state.problem and self._lost is None:
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
        self._tell(problem or self._say_lost())
        return self.state.control.revision != before

    def _follow(self) -> ControlState:
        """Bring the events behind the last one into force; return the state then."""
        looked_us = self._clock_us()
        events = self._read()
        followed = fold(self._followed, events) if events else self._followed
        state = followed if self._lost is None else _with_lost(followed, self._lost.state)
        # A snapshot that cannot be published must not make values look fresh that are not in force.
        if state != self.state.control:
            self._publication.put_control(state)
        self._followed = followed
        self._newest = events[-1] if events else self._newest
        self._recorder.note(events)
        self.state = self.state._replace(control=state, confirmed_at_us=0 if self._lost else looked_us)
        if self._lost is None:
            self._last.keep(self._in_force())
        return followed

    def _read(self) -> Sequence[ControlEvent]:
        """Return the events behind the last one; that one is read again, to see that they are behind it."""
        if self._lost is not None and not self._last.is_there():
            _log.warning("the store's history of thresholds and stops was accepted")
            self._lost = self._known = None
        newest = self._newest
        if newest is not None:
            events = self._store.events_after(newest.revision - 1)
            if events and events[0] == newest:
                return events[1:]
            self._known = self._lost or self._in_force()
        events = self._store.events_after(0)
        self._newest, self._followed = None, ControlState()
        self._lost = None if self._known is None or self._known.is_in(events) else self._known
        return events

    def _in_force(self) -> LastControl:
        return LastControl(
            self.state.control, self.state.confirmed_at_us, 0 if self._newest is None else self._newest.at_us
        )

    def _say_lost(self) -> str:
        if self._lost is None:
            return ""
        return (
            f"the store does not have the history that was in force here: revision {self._lost.state.revision} is not "
            f"in it, its newest is {self._followed.revision}. Stops and values that it lacks stay, and decisions are "
            "tightened, until that history is back or `oversight store accept` takes the store's"
        )

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
        if self._newest is not None and self._lost is None:
            self._last.keep(self._in_force(), at_once=True)


def _with_lost(state: ControlState, lost: ControlState) -> ControlState:
    """Return *state* with the stops and values of *lost* where it has none of its own."""
    engaged = {one.stop for one in state.stops}
    missing = tuple(one for one in lost.stops if one.stop not in engaged)
    return replace(state, values={**lost.values, **state.values}, stops=(*state.stops, *missing))
