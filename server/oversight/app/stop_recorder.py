"""Stops engaged on this machine alone, on their way into the store."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable, Iterator

from oversight.app.local_stops import LocalStop, LocalStops
from oversight.engine.control import ControlEvent, ControlState, ControlStore, EventKind, local_stop_of
from oversight.errors import OversightError, StaleRevisionError, StoreUnavailableError

__all__ = ["StopRecorder"]

_log = logging.getLogger(__name__)


class StopRecorder:
    """
    Records each local stop once, and its release, and removes the file when the stop is in force by the snapshot.

    The evidence of such an event names the file, so that one that was recorded and not removed is not recorded again.
    """

    def __init__(self, store: ControlStore, local_stops: LocalStops, clock_us: Callable[[], int]) -> None:
        self._store = store
        self._local_stops = local_stops
        self._clock_us = clock_us
        self._known: set[tuple[str, EventKind]] = set()

    def note(self, events: Iterable[ControlEvent]) -> None:
        """Remember which files are recorded in *events*."""
        for event in events:
            stop_id = local_stop_of(event)
            if stop_id:
                self._known.add((stop_id, event.kind))

    def record(self, state: ControlState, follow: Callable[[], ControlState]) -> None:
        """
        Record what is not behind *state* yet; *follow* brings new events into force.

        A file that cannot be recorded keeps no other from it. Raises `StoreUnavailableError`, which names such files,
        OSError.
        """
        problems = []
        for stop_id, stop in self._local_stops.read().items():
            if stop is None:
                continue  # it holds, for everything, until somebody looks at it
            try:
                self._record(stop_id, stop, state.revision, follow)
            except StaleRevisionError:
                break  # at the next look
            except (OversightError, OSError, ValueError) as error:
                problems.append(f"stops/{stop_id}.json: {error}")
            state = follow()
        if problems:
            raise StoreUnavailableError(
                f"stops of this machine are not on record and hold here alone: {'; '.join(problems)}"
            )

    def _record(self, stop_id: str, stop: LocalStop, revision: int, follow: Callable[[], ControlState]) -> None:
        for event in self._events(stop_id, stop):
            if (stop_id, event.kind) in self._known:
                continue
            self._store.append(event, expected_revision=revision)
            revision = follow().revision
            _log.warning("a stop of this machine is on record: %s", event.kind, extra={"author": event.author})
        self._local_stops.remove(stop_id, stop)

    def _events(self, stop_id: str, stop: LocalStop) -> Iterator[ControlEvent]:
        evidence = json.dumps(
            {"local_stop": stop_id, "host": socket.gethostname(), "recorded_at_us": self._clock_us()}, sort_keys=True
        )
        engaged = ControlEvent(
            revision=0,
            at_us=stop.at_us,
            kind=EventKind.STOP_ENGAGED,
            author=stop.author,
            justification=stop.justification,
            stop=stop.stop,
            evidence=evidence,
        )
        yield engaged
        if stop.released_at_us is not None:
            yield engaged._replace(
                at_us=stop.released_at_us,
                kind=EventKind.STOP_RELEASED,
                author=stop.released_by,
                justification=stop.release_justification,
            )
