"""The report as Markdown and as JSON, and its place in a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.figures import TARGETS, Figure, NotMeasuredError, Table, Target, judge

__all__ = ["BEGIN", "END", "as_document", "count", "render", "replace_between", "spread"]

BEGIN = "<!-- bench:begin -->"
END = "<!-- bench:end -->"
_NOTHING = NotMeasuredError("no experiment was asked for it")


def render(
    facts: Sequence[str], figures: Mapping[str, Figure | NotMeasuredError], tables: Sequence[Table], rounds: int
) -> str:
    """Return the whole report; *facts* are sentences about machine and versions."""
    rows = tuple(_row(target, figures.get(target.key, _NOTHING)) for target in TARGETS)
    columns = ("figure", "must", "aim", "median", "spread", "verdict")
    note = f"Medians of up to {rounds} rounds; the spread is from the lowest round to the highest."
    parts = [" ".join(facts), note, _markdown(Table("Targets", columns, rows)), *map(_markdown, tables)]
    return "\n\n".join(parts)


def as_document(
    facts: Sequence[str], figures: Mapping[str, Figure | NotMeasuredError], tables: Sequence[Table]
) -> dict[str, Any]:
    """Return the report for machines."""
    return {
        "machine": list(facts),
        "figures": {target.key: _entry(target, figures.get(target.key, _NOTHING)) for target in TARGETS},
        "tables": [table._asdict() for table in tables],
    }


def replace_between(document: str, text: str) -> str:
    """Return *document* with *text* between its two marks; raise ValueError where it has not each of them once."""
    before, begin, rest = document.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in old + after or END in before + after:
        raise ValueError(f"expected one {BEGIN} and, after it, one {END}")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def count(value: float) -> str:
    """Return a figure with about three digits that say something: 12,345, 123, 12.3, 1.23, 0.123."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def spread(values: Sequence[float]) -> str:
    """Return a median with its spread in brackets."""
    found = Figure(tuple(values))
    if len(found.rounds) == 1:
        return count(found.median)
    return f"{count(found.median)} ({count(found.low)}..{count(found.high)})"


def _row(target: Target, found: Figure | NotMeasuredError) -> tuple[str, ...]:
    unit = f" {target.unit}" if target.unit else ""
    limits = (_limit(target, target.must), _limit(target, target.aim))
    if isinstance(found, NotMeasuredError):
        return (target.title, *limits, "", "", judge(target, found))
    median, low, high = (_value(target, value) for value in (found.median, found.low, found.high))
    return (target.title, *limits, f"{median}{unit}", f"{low}..{high}", judge(target, found))


def _limit(target: Target, limit: float | None) -> str:
    if limit is None:
        return ""
    return f"{'≥' if target.higher else '≤'} {limit:g}{f' {target.unit}' if target.unit else ''}"


def _value(target: Target, value: float) -> str:
    """Return a value to the digits in which targets are given; a ratio has two."""
    return f"{value:.1f}" if target.unit else f"{value:.2f}"


def _entry(target: Target, found: Figure | NotMeasuredError) -> dict[str, Any]:
    entry: dict[str, Any] = {"title": target.title, "must": target.must, "aim": target.aim, "unit": target.unit}
    if isinstance(found, NotMeasuredError):
        return entry | {"not_measured": str(found)}
    measured = {"median": found.median, "low": found.low, "high": found.high, "rounds": list(found.rounds)}
    return entry | measured | {"verdict": judge(target, found)}


def _markdown(table: Table) -> str:
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    cells = "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)
    return f"### {table.title}\n\n{cells}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
