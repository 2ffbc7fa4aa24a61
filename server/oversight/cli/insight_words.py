"""Shares, intervals, ages and groups of decisions, as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from oversight.cli.output import in_words, percent
from oversight_client import InsightGroup, MeanDifference, Share

__all__ = [
    "age",
    "difference",
    "group_cells",
    "group_columns",
    "group_name",
    "interval",
    "level",
    "share",
    "told",
]

_NAMES = {
    "tenant_id": "Tenant",
    "department": "Department",
    "intent": "Intent",
    "tier": "Tier",
    "model_version": "Model version",
}
_NONE = "(none)"


def interval(low: float, high: float) -> str:
    """Return an interval of shares: `2.37 % to 3.94 %`."""
    return f"{percent(low)} to {percent(high)}"


def level(value: float) -> str:
    """Return a target or a confidence without needless digits: `5 %`, `99.5 %`."""
    return f"{value * 100:.6g} %"


def share(found: Share | None) -> str:
    """Return a share with its interval, "-" where there is none."""
    return "-" if found is None else f"{percent(found.value)} ({interval(found.low, found.high)})"


def difference(found: MeanDifference | None) -> str:
    """Return a difference of means with its interval, "-" where it is not known."""
    return "-" if found is None else f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def age(at: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago *at* was: `3 d`, `5 h`, `12 min`; "never" for None."""
    if at is None:
        return "never"
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds // 60} min"


def group_columns(group: InsightGroup) -> list[str]:
    """Return the headings of what a *group* is split by."""
    return [heading for name, heading in _NAMES.items() if getattr(group, name) is not None]


def group_cells(group: InsightGroup) -> list[str]:
    """Return the values of what a *group* is split by; requests that named none are said so."""
    return list(_values(group))


def group_name(group: InsightGroup) -> str:
    """Return a group in a line: `retail_banking, on the loop`."""
    return ", ".join(_values(group)) or "everything"


def told(seen: datetime | None) -> str:
    """Return up to when what was recorded is in an answer, as a sentence."""
    if seen is None:
        return "nothing is on record yet"
    return f"what was recorded up to {seen:%Y-%m-%d %H:%M:%S} UTC is in it"


def _values(group: InsightGroup) -> Iterator[str]:
    for name in _NAMES:
        value = getattr(group, name)
        if value is not None:
            yield in_words(value).removeprefix("human ") if name == "tier" else value or _NONE
