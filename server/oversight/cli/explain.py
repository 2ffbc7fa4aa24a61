"""`oversight explain`: why a decision on record came out as it did, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from oversight.cli.connection import open_client
from oversight.cli.decision_panel import comparison_line, print_decision
from oversight.cli.options import AsJson, Insecure, Target, TimeoutS
from oversight.cli.output import console, in_words, print_json
from oversight_client.convert import stored_decision_to_dict

__all__ = ["run"]

_RULE_COLOURS: Mapping[str, str] = {"MATCHED": "bold", "FAILED": "bold red", "UNKNOWN": "yellow"}


def run(
    decision_id: Annotated[str, typer.Argument(help="The decision: 32 hex digits, as in every reply.")],
    target: Target = "127.0.0.1:50051",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Show a decision on record with every rule of its policy, replayed as things stood then, and its outcomes."""
    with open_client(target, timeout_s, insecure=insecure) as client:
        stored = stored_decision_to_dict(client.get_decision(decision_id, explain=True))
    if as_json:
        print_json(stored)
    else:
        _print_stored(stored, console())


def _print_stored(stored: Mapping[str, Any], console: Console) -> None:
    print_decision(stored["response"], console)
    taken = f"decided {stored['decided_at']} for {stored['caller']} in {stored['latency_us']} µs"
    console.print(Text(f"{taken}; the personal part has been erased" if stored["erased"] else taken))
    if stored["request"]:
        console.print(_table("Request", ("Field", "Value"), [(name, str(v)) for name, v in stored["request"].items()]))
    console.print(_rules(stored["rules"]))
    if stored["outcomes"]:
        console.print(_outcomes(stored["outcomes"]))
    else:
        console.print("no outcome is on record yet")


def _rules(rules: list[Mapping[str, Any]]) -> Table:
    table = _table("Rules", ("Rule", "Result", "Comparisons"), [])
    for rule in rules:
        result = in_words(rule["outcome"]) + (" (shadow)" if rule["shadow"] else "")
        comparisons = Group(*map(comparison_line, rule["comparisons"]))
        table.add_row(Text(rule["rule_id"]), Text(result, style=_RULE_COLOURS.get(rule["outcome"], "dim")), comparisons)
    return table


def _outcomes(outcomes: list[Mapping[str, Any]]) -> Table:
    rows = []
    for recorded in outcomes:
        facts = {name: value for name, value in recorded["outcome"].items() if name != "decision_id"}
        told = ", ".join(f"{name} {value}" for name, value in facts.items())
        rows.append((recorded["received_at"], in_words(recorded["status"]), recorded["caller"], told))
    return _table("Outcomes", ("Received", "Status", "Caller", "Facts"), rows)


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
