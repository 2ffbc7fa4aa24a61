"""How long a proposal waits for a second person."""

from __future__ import annotations

from collections.abc import Iterable

from oversight.engine.control import PendingChange, Setting

__all__ = ["has_lapsed", "lapse_of"]


def lapse_of(settings: Iterable[Setting], at_us: int) -> int:
    """Return until when *settings* may be approved: *at_us*, or when the first of their values would have ended."""
    return min([at_us, *(one.expires_at_us for one in settings if one.expires_at_us is not None)])


def has_lapsed(proposal: PendingChange, now_us: int) -> bool:
    """Tell whether *proposal* has waited too long at *now_us* (microseconds since 1970, UTC)."""
    # Its values are looked at, too: earlier versions wrote proposals down that were to wait beyond the end of these.
    ends = [proposal.lapses_at_us, *(one.expires_at_us for one in proposal.settings)]
    return any(end_us is not None and end_us <= now_us for end_us in ends)
