"""The clock of the processes; whatever is tested with another takes it as an argument."""

from __future__ import annotations

import time

__all__ = ["now_us"]


def now_us() -> int:
    """Return the time in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000
