"""Values as they stand in sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["phrase_out_of_bounds", "short_commit", "show_number", "show_value"]

_MAX_LENGTH = 60
_COMMIT_LENGTH = 12


def show_number(number: float) -> str:
    """Return a number as a person writes it: 10000000 and 0.85, never 1e+07 or 10000000.0."""
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return str(number)


def show_value(value: object) -> str:
    """Return a value from a rule file as its author would recognise it, shortened where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 3] + "..."


def phrase_out_of_bounds(name: str, value: float, low: float, high: float) -> str:
    """Return the sentence about a *value* that threshold *name* may not have."""
    bounds = f"from {show_number(low)} to {show_number(high)}"
    return f"{show_number(value)} is out of bounds: '{name}' must be {bounds}"


def short_commit(commit: str) -> str:
    """Return the commit of `RuleFiles` as people write it, with `-dirty` where rule files differ from it."""
    name, dirty, _ = commit.partition("-dirty")
    return name[:_COMMIT_LENGTH] + dirty
