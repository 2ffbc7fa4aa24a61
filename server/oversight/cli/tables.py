"""The table that a replay ends with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.output import colour, in_words, percent

__all__ = ["print_replay"]


def print_replay(summary: Mapping[str, Any], console: Console) -> None:
    """Print *summary* (see `Tally.as_dict`) for people: tiers overall and by department, escalations, reasons."""
    messages = summary["messages"]
    console.print(_tiers(summary))
    console.print(_counts("Escalations", summary["escalations"], messages))
    if summary["reasons"]:
        console.print(_counts("Reasons (a message may have several)", summary["reasons"], messages))
    facts = [f"{messages:,} messages decided", f"{summary['decisions_per_s']:,.0f} decisions/s"]
    if summary["unrecorded"]:
        facts.append(f"[red]{summary['unrecorded']:,} not on record[/]")
    if summary["repeated"]:
        facts.append(f"[yellow]{summary['repeated']:,} repeated[/]")
    failed = summary["failed"]
    facts.append(f"[red]{failed:,} failed[/]" if failed else "0 failed")
    console.print(" · ".join(facts))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def _tiers(summary: Mapping[str, Any]) -> Table:
    """Return the tiers of all messages and of each department's; it fits on 80 columns."""
    table = _table("", "Messages", "Share", "Errors / labelled", "Rate", "95 % interval")
    parts = {"all messages": summary, **(summary["departments"] if len(summary["departments"]) > 1 else {})}
    for part, figures in parts.items():
        table.add_row(Text(part, style="bold"))
        for name, tier in figures["tiers"].items():
            table.add_row(*_tier_cells(name, tier))
    return table


def _tier_cells(name: str, tier: Mapping[str, Any]) -> tuple[Text | str, ...]:
    interval = f"{percent(tier['error_low'])} to {percent(tier['error_high'])}" if tier["labelled"] else "-"
    return (
        Text(f"  {in_words(name).removeprefix('human ')}", style=colour(name)),
        f"{tier['count']:,}",
        percent(tier["share"]),
        f"{tier['errors']:,} / {tier['labelled']:,}",
        percent(tier["error_rate"]),
        interval,
    )


def _counts(title: str, counts: Mapping[str, int], messages: int) -> Table:
    table = _table(title, "Messages", "Share")
    for name, count in counts.items():
        table.add_row(Text(name), f"{count:,}", percent(count / messages if messages else 0.0))
    return table
