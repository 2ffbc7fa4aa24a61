"""The section of error rates: the answer, intervals beside the target, and every figure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from oversight.cli.error_rate_words import describe_rates, standing, unknown
from oversight.cli.html.bars import Bar, draw_bars
from oversight.cli.html.document import Cell, Number, render_table
from oversight.cli.insight_page.findings import Question
from oversight.cli.insight_words import age, group_cells, group_columns, group_name, interval, level, told
from oversight.cli.output import percent
from oversight_client import ErrorRate, ErrorRateReport

__all__ = ["rate_section"]

_MOST_BARS = 30
_KINDS = {"below": "good", "above": "bad", "either": "open", "unknown": "unknown"}
_WORDS = {"below": "below the target", "above": "above the target", "either": "undecided"}


def rate_section(found: ErrorRateReport, question: Question) -> Iterator[str]:
    """Yield the elements of the section."""
    yield "<h2>How often does the AI err?</h2>"
    for rate, words in describe_rates(found, question.target, question.confidence):
        yield f'<p class="answer {_KINDS[standing(rate, question.target)]}">{escape(words)}</p>'
    if found.rates:
        yield _chart(found, question)
    if len(found.rates) > _MOST_BARS:
        yield f'<p class="note">The {_MOST_BARS} groups with most decisions are drawn; the table has all.</p>'
    yield f'<div class="wide">{_table(found, question)}</div>'
    yield (
        '<p class="note">A review or an audit that was due and not done (missed) is in no rate, and an error in '
        "certificates. No complaint is no label.</p>"
    )
    if found.left_out:
        yield f'<p class="note">{found.left_out:,} smaller groups are left out.</p>'
    yield f'<p class="note">{escape(told(found.evidence_through))}.</p>'


def _chart(found: ErrorRateReport, question: Question) -> str:
    rates = found.rates[:_MOST_BARS]
    known = [rate.high for rate in rates if standing(rate, question.target) != "unknown"]
    highest = min(1.0, 1.15 * max([2 * question.target, *known]))
    bars = [_bar(rate, question) for rate in rates]
    label = f"target {level(question.target)}"
    title = "Error rates with their intervals, beside the target"
    return draw_bars(
        title, bars, span=(0.0, highest), reference=(question.target, label), shown=lambda x: level(round(x, 9))
    )


def _bar(rate: ErrorRate, question: Question) -> Bar:
    kind = standing(rate, question.target)
    words = unknown(rate) if kind == "unknown" else f"{percent(rate.rate)}, {_WORDS[kind]}"
    return Bar(group_name(rate.group), rate.rate, rate.low, rate.high, words, _KINDS[kind])


def _table(found: ErrorRateReport, question: Question) -> str:
    groups = group_columns(found.rates[0].group) if found.rates else [""]
    columns = [
        *groups,
        *("Error rate", f"{level(question.confidence)} interval", "Errors", "Labels", "More labels"),
        *("Decisions", "Share", "Labelled", "Missed", "Newest label"),
    ]
    everything = ["everything", *[""] * (len(groups) - 1)]
    rows = [[*everything, *_figures(found.total, question)]]
    if found.on_the_loop is not None:
        rows.insert(0, ["unreviewed", *everything[1:], *_figures(found.on_the_loop, question)])
    rows += [[*group_cells(rate.group), *_figures(rate, question)] for rate in found.rates]
    return render_table(columns, rows, "Every figure")


def _figures(rate: ErrorRate, question: Question) -> Iterator[Cell]:
    known = standing(rate, question.target) != "unknown"
    yield Number(rate.rate, percent(rate.rate)) if known and rate.rate is not None else "not known yet"
    yield interval(rate.low, rate.high) if rate.n else "-"
    yield Number(rate.errors, f"{rate.errors:,}")
    yield Number(rate.n, f"{rate.n:,}")
    yield Number(rate.labels_needed, f"{rate.labels_needed:,}")
    yield Number(rate.volume, f"{rate.volume:,}")
    for share in (rate.volume_share, rate.labelled_share, rate.missed_share):
        yield Number(share, percent(share))
    yield age(rate.newest_label_at, question.at)
