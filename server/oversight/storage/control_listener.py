"""What waits between two looks at the control events."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["ControlListener", "PollingListener"]

_POLL_S = 0.1


class ControlListener(Protocol):
    """A wait that may end early, with a hint that there is something new; looking is what finds it."""

    def wait(self) -> None:
        """Return when it is time to look. Never raises."""
        ...


class PollingListener:
    """For an embedded store, where a look is cheap and nobody tells: a wait takes *poll_s* seconds."""

    def __init__(self, *, poll_s: float = _POLL_S) -> None:
        self._poll_s = poll_s

    def wait(self) -> None:
        """Return after the time of a poll."""
        time.sleep(self._poll_s)
