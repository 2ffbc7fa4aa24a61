"""The sections of quality: scores side by side, escalations by rule, containment, satisfaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from oversight.cli.html.bars import Bar, draw_bars
from oversight.cli.html.document import Cell, Number, render_table
from oversight.cli.insight_words import group_cells, group_columns, told
from oversight.cli.output import percent
from oversight.cli.quality_words import gap_verdict, rule_verdict
from oversight_client import (
    Containment,
    ContainmentReport,
    CsatDelta,
    CsatReport,
    EscalationQuality,
    InsightGroup,
    MeanDifference,
    QualityGap,
    QualityParity,
    Share,
)

__all__ = ["containment_section", "csat_section", "escalation_section", "parity_section"]

_MOST_BARS = 30


def parity_section(found: QualityParity) -> Iterator[str]:
    """Yield the elements of the section of quality scores."""
    yield "<h2>Is the AI's work as good as people's?</h2>"
    if not found.gaps:
        yield "<p>There are no quality scores of AI and people on one rubric yet.</p>"
        return
    drawn = [(gap, gap.gap) for gap in found.gaps if gap.gap is not None][:_MOST_BARS]
    if drawn:
        widest = 1.15 * max(1.0, *(max(abs(one.low), abs(one.high)) for _, one in drawn))
        bars = [_gap_bar(gap, one) for gap, one in drawn]
        title = "Quality scores of the AI less people's, with their intervals"
        same = (0.0, "as good as people")
        yield draw_bars(title, bars, span=(-widest, widest), reference=same, shown=lambda x: f"{x:+.6g}")
    columns = ["Intent", "Department", "Rubric", "AI less people", "from", "to", "Scores AI", "Scores people", ""]
    rows = [
        [
            *(gap.intent or "(none)", gap.department or "(none)", gap.qa_rubric_version),
            *_difference(gap.gap),
            *_counts(gap.n_ai, gap.n_human),
            gap_verdict(gap),
        ]
        for gap in found.gaps
    ]
    yield f'<div class="wide">{render_table(columns, rows, "Points of 100")}</div>'
    if found.left_out:
        yield f'<p class="note">{found.left_out:,} more are left out.</p>'


def escalation_section(found: EscalationQuality) -> Iterator[str]:
    """Yield the elements of the section of escalations."""
    yield "<h2>Which rule asks for people rightly?</h2>"
    if not found.judged:
        yield "<p>Nobody has judged yet whether a person was needed.</p>"
        return
    columns = ["Rule", "Needed", "Not needed", "Share needed", "from", "to", "Missed", "Rightly left", "Share missed"]
    rows = [
        [
            rule.rule_id,
            *_counts(rule.needed, rule.unneeded),
            *_share(rule.needed_share),
            *_counts(rule.missed, rule.rightly_left),
            *_share(rule.missed_share),
            *_counts(rule.covered, rule.overruled),
            rule_verdict(rule),
        ]
        for rule in found.rules
    ]
    caption = f"{found.judged:,} judged decisions"
    table = render_table([*columns, "from", "to", "Covered", "Overruled", ""], rows, caption)
    yield f'<div class="wide">{table}</div>'


def containment_section(found: ContainmentReport) -> Iterator[str]:
    """Yield the elements of the section of containment."""
    yield "<h2>How much is handled without people?</h2>"
    columns = ["Confirmed", "from", "to", "Assumed", "Known", "Decisions"]
    rows = [[*_group(one.group, found.groups), *_containment(one)] for one in (found.total, *found.groups)]
    yield f'<div class="wide">{render_table([*_headings(found.groups), *columns], rows, "Of what is known")}</div>'


def csat_section(found: CsatReport) -> Iterator[str]:
    """Yield the elements of the section of satisfaction, and up to when all of this is."""
    yield "<h2>Are customers as satisfied with the AI?</h2>"
    columns = [
        "AI",
        "People",
        "AI less people",
        "from",
        "to",
        "AI now less before",
        "from",
        "to",
        "Scores AI",
        "people",
    ]
    rows = [[*_group(one.group, found.groups), *_csat(one)] for one in (found.total, *found.groups)]
    caption = "Scores of 1 to 5; self-selected: they warn, and label nothing"
    yield f'<div class="wide">{render_table([*_headings(found.groups), *columns], rows, caption)}</div>'
    yield f'<p class="note">{escape(told(found.evidence_through))}.</p>'


def _gap_bar(gap: QualityGap, one: MeanDifference) -> Bar:
    words = gap_verdict(gap)
    kind = "unknown" if not gap.enough else "bad" if one.high < 0 else "good" if one.low > 0 else "open"
    name = f"{gap.intent or '(none)'} ({gap.qa_rubric_version})"
    return Bar(name, one.value, one.low, one.high, f"{one.value:+.2f}, {words}", kind)


def _containment(one: Containment) -> Iterator[Cell]:
    yield _optional(one.confirmed_share)
    yield Number(one.confirmed_low, percent(one.confirmed_low)) if one.known else "-"
    yield Number(one.confirmed_high, percent(one.confirmed_high)) if one.known else "-"
    yield _optional(one.assumed_share)
    yield from _counts(one.known, one.volume)


def _csat(one: CsatDelta) -> Iterator[Cell]:
    for mean in (one.mean_ai, one.mean_human):
        yield "-" if mean is None else Number(mean, f"{mean:.2f}")
    yield from _difference(one.difference)
    yield from _difference(one.trend)
    yield from _counts(one.n_ai, one.n_human)


def _difference(found: MeanDifference | None) -> tuple[Cell, ...]:
    if found is None:
        return "-", "-", "-"
    return tuple(Number(value, f"{value:+.2f}") for value in (found.value, found.low, found.high))


def _share(found: Share | None) -> tuple[Cell, ...]:
    if found is None:
        return "-", "-", "-"
    return tuple(Number(value, percent(value)) for value in (found.value, found.low, found.high))


def _optional(share: float | None) -> Cell:
    return "-" if share is None else Number(share, percent(share))


def _counts(*counts: int) -> Iterable[Cell]:
    return [Number(count, f"{count:,}") for count in counts]


def _headings(groups: Iterable[Containment | CsatDelta]) -> list[str]:
    return next((group_columns(one.group) for one in groups), []) or [""]


def _group(group: InsightGroup, groups: Iterable[Containment | CsatDelta]) -> list[str]:
    return group_cells(group) or ["everything", *[""] * (len(_headings(groups)) - 1)]
