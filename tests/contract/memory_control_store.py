"""A control store in memory, for tests that need speed or failures; it passes the contract suite like any other."""

from __future__ import annotations

from collections.abc import Sequence

from oversight.engine.control import ControlEvent
from oversight.errors import StaleRevisionError, StoreUnavailableError


class MemoryControlStore:
    """Implements `ControlStore`; while `down` it does not answer."""

    def __init__(self, *events: ControlEvent) -> None:
        self.down = False
        self.events: list[ControlEvent] = []
        for event in events:
            self.append(event, expected_revision=len(self.events))

    def append(self, event: ControlEvent, *, expected_revision: int) -> int:
        """See `ControlStore`."""
        self._answer()
        if expected_revision != len(self.events):
            raise StaleRevisionError(expected_revision, len(self.events))
        self.events.append(event._replace(revision=expected_revision + 1))
        return expected_revision + 1

    def events_after(self, revision: int) -> Sequence[ControlEvent]:
        """See `ControlStore`."""
        self._answer()
        return tuple(self.events[revision:])

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailableError("the control store is down")
