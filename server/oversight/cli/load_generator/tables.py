"""A run's figures for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.load_generator.summary import FIGURES
from oversight.cli.output import colour, in_words, percent

__all__ = ["describe_run", "figure_name", "latency_rows", "print_summary", "shown_ms"]

_COLUMNS = (*FIGURES, "max")


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print *summary* (see `summarise`): latency, rates and tiers of every step; problems are for stderr."""
    console.print(Text(describe_run(summary), style="dim"))
    console.print(_latency(summary))
    console.print(_rates(summary))
    console.print(_tiers(summary))


def describe_run(summary: Mapping[str, Any]) -> str:
    """Return in one line what was sent to whom, and the seed that would send it again."""
    calls = f"BatchDecide of {summary['batch']}" if summary["batch"] else "Decide"
    parts = [
        f"{calls} to {summary['target']}",
        f"{summary['duration_s']:g} s after {summary['warmup_s']:g} s of warm-up",
        f"{summary['arrivals']} arrivals",
        f"{summary['connections']} connections",
        *([f"{summary['processes']} processes"] if summary["processes"] > 1 else []),
        summary["messages"],
        f"seed {summary['seed']}",
    ]
    if summary["saturation_per_s"] is not None:
        parts.append(f"saturation {summary['saturation_per_s']:,.0f} calls/s")
    return " · ".join(parts)


def latency_rows(step: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield the rows of a step's latency table: what it is, the figures, and its style."""
    yield "since due", step["latency"]["all"], "bold"
    if step["failed"]:
        yield "  answered", step["latency"]["answered"], ""
        for status, figures in step["latency"]["failed"].items():
            yield f"  {status}", figures, "red"
    yield "since sent", step["service"], ""
    yield "sent late by", step["lag"], "dim"


def figure_name(name: str) -> str:
    """Return a figure's name as people write it: `p99_9` is "p99.9"."""
    return name.replace("_", ".")


def shown_ms(value: float | None) -> str:
    """Return milliseconds with as many digits as are worth reading, "-" where there are none."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.3f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _latency(summary: Mapping[str, Any]) -> Table:
    table = _table("Latency, ms", "Calls", *map(figure_name, _COLUMNS))
    for step in summary["steps"]:
        table.add_row(Text(f"{step['rate_asked_per_s']:,.6g} calls/s", style="bold"))
        for what, figures, style in latency_rows(step):
            cells = [f"{figures['calls']:,}", *(shown_ms(figures[name]) for name in _COLUMNS)]
            table.add_row(Text(f"  {what}"), *cells, style=style)
    return table


def _rates(summary: Mapping[str, Any]) -> Table:
    table = _table("Calls/s asked", "Due", "Sent", "Answered", "Decisions/s", "Failed calls", "Generator CPU")
    for step in summary["steps"]:
        table.add_row(
            f"{step['rate_asked_per_s']:,.6g}",
            f"{step['rate_due_per_s']:,.0f}",
            Text(f"{step['rate_sent_per_s']:,.0f}", style="" if step["rate_kept"] else "red"),
            f"{step['rate_answered_per_s']:,.0f}",
            f"{step['decisions_per_s']:,.0f}",
            Text(f"{step['failed']:,}", style="red" if step["failed"] else ""),
            f"{step['generator_cpu'] * 100:.0f} %",
        )
    return table


def _tiers(summary: Mapping[str, Any]) -> Table:
    table = _table("Tier", "Decisions", "Share")
    counts: dict[str, int] = {}
    for step in summary["steps"]:
        for name, tier in step["tiers"].items():
            counts[name] = counts.get(name, 0) + tier["count"]
    decisions = sum(counts.values())
    for name, count in counts.items():
        share = percent(count / decisions if decisions else 0.0)
        table.add_row(Text(in_words(name).removeprefix("human "), style=colour(name)), f"{count:,}", share)
    return table
