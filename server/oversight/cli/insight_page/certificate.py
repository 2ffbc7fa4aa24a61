"""The section of a certificate: the answer, risk against coverage, and what each value has behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from oversight.cli.certificate_words import describe_answer, footnotes
from oversight.cli.html.charts import Line, draw_chart, linear_axis
from oversight.cli.html.document import Cell, Number, render_table
from oversight.cli.insight_page.findings import Question
from oversight.cli.insight_words import level
from oversight.cli.output import percent
from oversight.cli.risk_chart import highest_risk
from oversight_client import CandidateProof, CertificateStatus, Recommendation

__all__ = ["certificate_section"]

_BOUND, _SEEN, _TARGET, _CHOSEN, _UNTESTED = "#c98a00", "#2f7ed8", "#d6433b", "#2e9e5b", "#8a8f98"


def certificate_section(found: Recommendation, question: Question, command: str) -> Iterator[str]:
    """Yield the elements of the section."""
    proven = found.status is CertificateStatus.CERTIFIED
    yield "<h2>Which threshold can be defended?</h2>"
    answer = describe_answer(found, question.target, question.confidence)
    yield f'<p class="answer {"good" if proven else "open"}">{escape(answer)}</p>'
    if command:
        yield f"<p>Nothing is changed. A person applies it by <code>{escape(command)}</code></p>"
    if found.candidates:
        yield _chart(found, question)
        yield f'<div class="wide">{_table(found)}</div>'
    for line in footnotes(found, question.confidence):
        yield f'<p class="note">{escape(line)}</p>'


def _chart(found: Recommendation, question: Question) -> str:
    tested = [one for one in found.candidates if one.tested]
    untested = [one for one in found.candidates if not one.tested]
    target = 100 * question.target
    ends = [(0.0, target, f"target {level(question.target)}"), (100.0, target, f"target {level(question.target)}")]
    lines = [
        Line(f"target {level(question.target)}", ends, _TARGET, dashed=True),
        Line("upper bound, tested", [_bound(one) for one in tested], _BOUND),
        Line("errors seen", [_seen(one) for one in found.candidates if one.n], _SEEN),
    ]
    if untested:
        lines.append(Line("upper bound, not tested", [_bound(one) for one in untested], _UNTESTED, dashed=True))
    chosen = [_bound(one) for one in found.candidates if one.threshold == found.threshold]
    if chosen:
        lines.append(Line(f"certified: {found.threshold:.6g}", chosen, _CHOSEN, dots=True))
    highest = 100 * highest_risk(found.candidates, question.target)
    lines = [replace(line, points=[(x, min(y, highest), words) for x, y, words in line.points]) for line in lines]
    x_axis = linear_axis("per cent of what the threshold decides that would go out unreviewed", 100.0)
    return draw_chart("Risk against coverage", lines, x_axis, linear_axis("per cent wrong", highest))


def _bound(one: CandidateProof) -> tuple[float, float, str]:
    words = f"{one.threshold:.6g}: at most {percent(one.upper_bound)} wrong, {percent(one.autonomy)} unreviewed"
    return 100 * one.autonomy, 100 * one.upper_bound, words


def _seen(one: CandidateProof) -> tuple[float, float, str]:
    words = f"{one.threshold:.6g}: {one.errors:,} errors in {one.n:,} labels, {percent(one.autonomy)} unreviewed"
    return 100 * one.autonomy, 100 * one.errors / one.n, words


def _table(found: Recommendation) -> str:
    columns = ["Value", "Unreviewed", "Labels", "Errors", "Not looked at", "Upper bound", "p-value", ""]
    return render_table(columns, (_row(one, found.threshold) for one in found.candidates), "Candidates")


def _row(one: CandidateProof, chosen: float | None) -> Iterator[Cell]:
    yield Number(one.threshold, f"{one.threshold:.6g}")
    yield Number(one.autonomy, percent(one.autonomy))
    yield Number(one.n, f"{one.n:,}")
    yield Number(one.errors, f"{one.errors:,}")
    yield Number(one.missed, f"{one.missed:,}")
    yield Number(one.upper_bound, percent(one.upper_bound))
    yield Number(one.p_value, f"{one.p_value:.4g}")
    yield "certified" if one.threshold == chosen else "tested" if one.tested else "not tested"
