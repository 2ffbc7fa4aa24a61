"""Durations and lists of numbers as people type them."""

from __future__ import annotations

import math
import re

from oversight.errors import UsageError

__all__ = ["parse_duration_s", "parse_numbers"]

_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")


def parse_duration_s(option: str, text: str, *, low_s: float, high_s: float) -> float:
    """Return the seconds that *text* stands for, as in `500ms`, `30s`, `2m`, `1h` or `30`; UsageError in words."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{option} {text}: expected a duration, for instance 30s, 500ms or 2m")
    seconds = float(found[1]) * _UNITS_S[found[2]]
    if not low_s <= seconds <= high_s:
        raise UsageError(f"{option} {text}: expected {low_s:g} to {high_s:,.0f} seconds")
    return seconds


def parse_numbers(option: str, text: str, *, high: float, most: int = 20) -> list[float]:
    """Return the numbers of `1000,2000,4000`, all above 0 and at most *high*; UsageError in words."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text}: expected numbers with commas between them") from None
    if len(numbers) > most:
        raise UsageError(f"{option}: {len(numbers)} numbers are too many; expected at most {most}")
    for number in numbers:
        if not (math.isfinite(number) and 0 < number <= high):
            raise UsageError(f"{option} {text}: {number:g} is not above 0 and at most {high:,.0f}")
    return numbers
