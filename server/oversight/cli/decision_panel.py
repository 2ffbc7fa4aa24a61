"""A decision for people: what it is, why, and by which policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from oversight.cli.output import ROLES, colour, in_words, percent, shown
from oversight.rules.wording import short_commit

__all__ = ["comparison_line", "print_decision"]

_ESCALATIONS: Mapping[str, str] = {
    "NONE": "no escalation",
    "OFFER": "offer the customer a person",
    "TRANSFER": "transfer to a person now",
}


def print_decision(decision: Mapping[str, Any], console: Console) -> None:
    """Print *decision* (see `decision_to_dict`) in a panel that has the tier's colour."""
    tier, escalation = decision["tier"], decision["escalation"]
    lines: list[RenderableType] = [
        Text.assemble((in_words(tier).capitalize(), f"bold {colour(tier)}"), f": {ROLES.get(tier, '')}"),
        Text(_ESCALATIONS.get(escalation, escalation), style=colour(escalation)),
        *_reasons("", decision["reasons"]),
        *_reasons("in shadow, without effect: ", decision["shadow_reasons"]),
    ]
    if decision["missing_signals"]:
        lines.append(Text(f"absent though required: {', '.join(decision['missing_signals'])}"))
    if not decision["recorded"]:
        lines.append(Text("NOT ON RECORD: the server could not write its journal", style="bold red"))
    lines += [Text(), *_identity(decision)]
    console.print(Panel(Group(*lines), border_style=colour(tier), expand=False))


def comparison_line(comparison: Mapping[str, Any]) -> Text:
    """Return one comparison as it was made: signal, value seen, operator, limit and where the limit comes from."""
    source = comparison["limit_source"]
    limit: Text | str = shown(comparison["limit"])
    if comparison["limit"] is None:
        # Lists as long as a policy's intents are named, not repeated.
        limit, source = source, ""
    return Text.assemble(
        f"{comparison['signal']} ",
        shown(comparison["observed"]),
        f" {comparison['operator']} ",
        limit,
        ("" if source in ("", "literal") else f"  ({source})", "dim"),
    )


def _reasons(prefix: str, reasons: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    for reason in reasons:
        yield Text.assemble((f"{prefix}{reason['code']}", "bold"), f" {reason['message']}")
        for comparison in reason["comparisons"]:
            yield Text.assemble("    ", comparison_line(comparison))


def _identity(decision: Mapping[str, Any]) -> Iterator[RenderableType]:
    policy = decision["policy"]
    commit = f", commit {short_commit(policy['commit'])}" if policy["commit"] else ""
    yield Text(f"policy      {policy['name']} {policy['version']}{commit}, digest {policy['digest'][:12]}", style="dim")
    yield Text(f"evaluation  {in_words(decision['evaluation'])}", style="dim")
    if decision["audit_selected"]:
        yield Text(f"audit       selected for a check, at {percent(decision['audit_probability'])}", style="dim")
    if decision["review_sla_s"] is not None:
        then = f", then {in_words(decision['on_expiry'])}" if decision["on_expiry"] else ""
        yield Text(f"review      within {decision['review_sla_s']} s{then}", style="dim")
    yield Text(f"decision    {decision['decision_id']}", style="dim")
    yield Text(f"request     {decision['request_id']}", style="dim")
