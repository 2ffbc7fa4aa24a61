"""The attempts of one call: which failures are tried again, after what pause, and until when."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from grpc import StatusCode

from oversight_client.errors import CallError, DeadlineExceededError

__all__ = ["Attempts", "checked_timeout_s"]

RETRIED = frozenset({StatusCode.UNAVAILABLE, StatusCode.CANCELLED})
"""A stopping server answers CANCELLED for calls it never began; repeating is safe because ids are deterministic."""

_FIRST_PAUSE_S = 0.004
_LONGEST_PAUSE_S = 0.1
_TOO_LATE_S = 0.001


def checked_timeout_s(value: float, name: str = "timeout_s") -> float:
    """Return *value*; ValueError unless it is a finite number of seconds above 0, so that no call waits for ever."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number of seconds, got {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a number of seconds above 0, got {value}")
    return float(value)


class Attempts:
    """
    One call's deadline and how it is spent.

    Pauses double from 4 ms to 100 ms, each shortened by up to half at random so that many callers do not come back
    together, and none is longer than half of what remains. A pushback of the service replaces the pause, and is the
    only reason to try RESOURCE_EXHAUSTED again; a negative one, or one beyond the deadline, ends the call (gRFC A6).
    *clock* returns seconds and never goes back.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float]) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._ends_s = clock() + timeout_s
        self._made = 0
        self._last: CallError | None = None

    def remaining_s(self) -> float:
        """Return the seconds left for the next attempt; raise DeadlineExceededError when there are none."""
        remaining_s = self._ends_s - self._clock()
        if remaining_s <= 0:
            raise self._expired()
        return remaining_s

    def pause_s(self, error: CallError) -> float:
        """Return the seconds to wait after *error* before the next attempt; raise when there is to be none."""
        self._made += 1
        remaining_s = self._ends_s - self._clock()
        if error.code is StatusCode.DEADLINE_EXCEEDED and self._last:
            raise self._expired() from error
        asked_s = error.retry_after_s
        overloaded = error.code is StatusCode.RESOURCE_EXHAUSTED and asked_s is not None
        if not overloaded and error.code not in RETRIED:
            raise error
        if asked_s is not None and not 0 <= asked_s < remaining_s:
            raise error
        self._last = error
        if remaining_s <= _TOO_LATE_S:
            raise self._expired() from error
        longest_s: float = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._made - 1, 10))
        pause_s = random.uniform(longest_s / 2, longest_s)  # noqa: S311 - spreads load, guards nothing
        return asked_s or min(pause_s, remaining_s / 2)

    def _expired(self) -> DeadlineExceededError:
        text, last = f"no answer within {self._timeout_s * 1000:g} ms", self._last
        if last is None:
            return DeadlineExceededError(text, code=StatusCode.DEADLINE_EXCEEDED)
        text += f" ({self._made} attempts; {last.code.name}: {last})"
        return DeadlineExceededError(
            text, code=StatusCode.DEADLINE_EXCEEDED, reason=last.reason, metadata=last.metadata
        )
