"""Moments in rule files: RFC 3339 with its zone, as microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["MOMENT_PATTERN", "read_moment"]

MOMENT_PATTERN = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$"
"""RFC 3339, section 5.6, with the zone that it requires; a leap second (:60) is refused."""

_MOMENT = re.compile(MOMENT_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED = "must be a date and time with its zone, such as 2026-12-24T08:00:00+01:00 or 2026-12-24T07:00:00Z, not"


def read_moment(text: object) -> int:
    """Return the microseconds since 1970 (UTC) that *text* names; raise ValueError in words if it names none."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise ValueError(f"{_EXPECTED} {text!r}")
    try:
        # Fractions beyond microseconds are cut off: fromisoformat takes six digits at most.
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
        delta = moment - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError(f"{_EXPECTED} {text!r}, which does not exist") from None
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
