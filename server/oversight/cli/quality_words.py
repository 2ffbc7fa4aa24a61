"""Quality in tables: scores side by side, what became of escalations, containment, satisfaction."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from oversight.cli.insight_words import difference, group_cells, group_columns, interval, share, told
from oversight.cli.listing import Listing
from oversight.cli.output import percent
from oversight_client import (
    ContainmentReport,
    CsatReport,
    EscalationQuality,
    InsightGroup,
    QualityGap,
    QualityParity,
    RuleQuality,
)

__all__ = [
    "gap_verdict",
    "print_containment",
    "print_csat",
    "print_escalations",
    "print_parity",
    "rule_verdict",
]

_ASKS_TOO_OFTEN = 0.5
_LETS_GO = 0.1


def gap_verdict(gap: QualityGap) -> str:
    """Return what a gap says in words; an interval with 0 in it says neither."""
    if gap.gap is None:
        return "not known: too few scores"
    if not gap.enough:
        return "too few scores to rely on"
    if gap.gap.high < 0:
        return "the AI scores lower"
    return "the AI scores higher" if gap.gap.low > 0 else "no difference found"


def rule_verdict(rule: RuleQuality) -> str:
    """Return whether a rule asks too often or lets go, where its whole interval says so."""
    said = []
    if rule.needed_share and rule.needed_share.high < _ASKS_TOO_OFTEN:
        said.append("asks too often")
    if rule.missed_share and rule.missed_share.low > _LETS_GO:
        said.append("lets go what needs a person")
    return ", ".join(said) or "-"


def print_parity(found: QualityParity, screen: Console) -> None:
    """Print the AI's scores beside people's."""
    if not found.gaps:
        screen.print("Quality scores: none of AI and people on one rubric yet")
        return
    words = ["Department", "Intent", "Rubric"]
    numbers = ["AI less people (95 %)", "Scores AI", "Scores people"]
    listing = Listing(words, numbers, "Quality scores (0 to 100)", verdicts=True)
    for gap in found.gaps:
        cells = (gap.department or "(none)", gap.intent or "(none)", gap.qa_rubric_version)
        figures = (difference(gap.gap), f"{gap.n_ai:,}", f"{gap.n_human:,}", gap_verdict(gap))
        listing.add(*cells, *figures)
    listing.print(screen)
    if found.left_out:
        screen.print(f"and {found.left_out:,} more")


def print_escalations(found: EscalationQuality, screen: Console) -> None:
    """Print what became of each rule's escalations."""
    if not found.judged:
        screen.print("Escalations: nobody judged yet whether a person was needed (escalation_expected)")
        return
    numbers = ["Needed", "Not needed", "Share needed (95 %)", "Missed", "Rightly left", "Share missed (95 %)"]
    title = f"Escalations by rule ({found.judged:,} judged decisions)"
    listing = Listing(["Rule"], [*numbers, "Covered", "Overruled"], title, verdicts=True)
    for rule in found.rules:
        counts = [f"{number:,}" for number in (rule.needed, rule.unneeded, rule.missed, rule.rightly_left)]
        cells = [*counts[:2], share(rule.needed_share), *counts[2:], share(rule.missed_share)]
        rest = (f"{rule.covered:,}", f"{rule.overruled:,}", rule_verdict(rule))
        listing.add(rule.rule_id, *cells, *rest)
    listing.print(screen)


def print_containment(found: ContainmentReport, screen: Console) -> None:
    """Print how many contacts were handled without people, confirmed and assumed apart."""
    if not found.total.known:
        screen.print("Containment: of no decision an outcome says yet who handled the contact (handled_by)")
        return
    words = _headings(group.group for group in found.groups)
    numbers = ["Confirmed", "95 % interval", "Assumed", "Known", "Decisions"]
    listing = Listing(words, numbers, "Containment: handled without people")
    for one in (found.total, *found.groups):
        where = group_cells(one.group) or ["everything", *[""] * (len(words) - 1)]
        bounds = interval(one.confirmed_low, one.confirmed_high) if one.known else "-"
        figures = (percent(one.confirmed_share), bounds, percent(one.assumed_share))
        listing.add(*where, *figures, f"{one.known:,}", f"{one.volume:,}")
    listing.print(screen)
    _say_left_out(found.left_out, screen)


def print_csat(found: CsatReport, screen: Console) -> None:
    """Print satisfaction with what the AI handled beside people's; then up to when all of this is."""
    if found.total.n_ai or found.total.n_human:
        words = _headings(group.group for group in found.groups)
        numbers = ["AI", "Scores", "People", "Scores", "AI less people (95 %)", "AI, 14 d less 28 d before (95 %)"]
        listing = Listing(words, numbers, "Satisfaction (1 to 5; self-selected: it warns, and labels nothing)")
        for one in (found.total, *found.groups):
            where = group_cells(one.group) or ["everything", *[""] * (len(words) - 1)]
            means = (_mean(one.mean_ai), f"{one.n_ai:,}", _mean(one.mean_human), f"{one.n_human:,}")
            listing.add(*where, *means, difference(one.difference), difference(one.trend))
        listing.print(screen)
        _say_left_out(found.left_out, screen)
    else:
        screen.print("Satisfaction: no scores yet (csat)")
    screen.print(told(found.evidence_through))


def _headings(groups: Iterable[InsightGroup]) -> list[str]:
    return next((group_columns(group) for group in groups), []) or [""]


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _say_left_out(count: int, screen: Console) -> None:
    if count:
        screen.print(f"and {count:,} smaller groups")
