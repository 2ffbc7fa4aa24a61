"""Live values with their ends: which of them are in force in which phase between two ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from oversight.engine.limits import LiveValue

__all__ = ["Dated", "live_in", "moments"]


class Dated(NamedTuple):
    """A live value, and when it ends by itself (microseconds since 1970, UTC); None is never."""

    value: LiveValue
    expires_at_us: int | None = None


def moments(values: Iterable[Dated]) -> tuple[int, ...]:
    """Return the times at which one of *values* ends, in order; phase 0 is before the first of them."""
    return tuple(sorted({one.expires_at_us for one in values if one.expires_at_us is not None}))


def live_in(values: Sequence[Dated], phase: int) -> tuple[LiveValue, ...]:
    """Return the values that are in force in *phase*: those that end at its beginning are not."""
    over = frozenset(moments(values)[:phase])
    return tuple(one.value for one in values if one.expires_at_us not in over)
