"""The events as use cases read and write them: folded once, and then only what is new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeVar

from oversight.engine.control import ControlEvent, ControlState, ControlStore, EventKind, fold
from oversight.errors import JustificationMissingError, StaleRevisionError

__all__ = ["ControlLog", "needed_justification"]

_log = logging.getLogger(__name__)

_ATTEMPTS = 20
_Result = TypeVar("_Result")


class ControlLog:
    """The events of *store* and the state they make; safe for any number of threads."""

    def __init__(self, store: ControlStore, *, clock_us: Callable[[], int]) -> None:
        self.now_us = clock_us
        self._store = store
        self._state = ControlState()
        self._newest: ControlEvent | None = None
        self._folding = Lock()

    def state(self) -> ControlState:
        """Return what is in force after the newest event; raise `StoreUnavailableError`."""
        with self._folding:
            events = self._read()
            if events:
                self._state = fold(self._state, events)
                self._newest = events[-1]
            return self._state

    def _read(self) -> Sequence[ControlEvent]:
        """
        Return the events behind the newest one; that one is read again, to see that they are behind it.

        A store that was restored from a backup, or a replica that took over, may not have it: then nothing that was
        folded holds, and all events are returned.
        """
        newest = self._newest
        if newest is None:
            return self._store.events_after(0)
        events = self._store.events_after(newest.revision - 1)
        if events and events[0] == newest:
            return events[1:]
        _log.error("the store has another history than before: event %d is not there as it was", newest.revision)
        self._newest, self._state = None, ControlState()
        return self._store.events_after(0)

    def state_at(self, revision: int) -> ControlState:
        """Return what was in force after the event *revision*, which exists."""
        return fold(ControlState(), [one for one in self._store.events_after(0) if one.revision <= revision])

    def events_after(self, revision: int) -> Sequence[ControlEvent]:
        """Return the events behind *revision*, in order; raise `StoreUnavailableError`."""
        return self._store.events_after(revision)

    def append(self, state: ControlState, kind: EventKind, author: str, justification: str, **fields: Any) -> int:
        """
        Put an event behind those that *state* is the sum of; return its revision.

        Raises `StaleRevisionError`, `StoreUnavailableError`.
        """
        event = ControlEvent(state.revision + 1, self.now_us(), kind, author, justification, **fields)
        return self._store.append(event, expected_revision=state.revision)

    def repeat(self, attempt: Callable[[ControlState], _Result], expected_revision: int | None) -> _Result:
        """
        Return what *attempt* makes of the newest state, again while others come first.

        With an *expected_revision* there is one attempt, on that revision; else `StaleRevisionError`.
        """
        for number in range(_ATTEMPTS):
            state = self.state()
            if expected_revision is not None and expected_revision != state.revision:
                raise StaleRevisionError(expected_revision, state.revision)
            try:
                return attempt(state)
            except StaleRevisionError:
                if expected_revision is not None or number == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")


def needed_justification(text: str) -> str:
    """Return *text* without blanks around it; raise `JustificationMissingError` where nothing is left."""
    if not text.strip():
        raise JustificationMissingError
    return text.strip()
