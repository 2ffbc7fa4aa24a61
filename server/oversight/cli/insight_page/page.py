"""The page of what outcomes teach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from pathlib import Path

from oversight.cli.html.document import render_document
from oversight.cli.insight_page.certificate import certificate_section
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.quality import (
    containment_section,
    csat_section,
    escalation_section,
    parity_section,
)
from oversight.cli.insight_page.rates import rate_section
from oversight.cli.insight_page.warnings import warning_section
from oversight.cli.output import in_words
from oversight.cli.whole_file import whole_file

__all__ = ["render_page", "write_page"]

_STYLE = """
body { max-width: 68rem; line-height: 1.45 }
h1 { margin-bottom: .2rem } h2 { margin-top: 2.6rem; border-bottom: 1px solid #8886; padding-bottom: .2rem }
.asked, .note { opacity: .75; margin: .2rem 0 }
.answer { font-size: 1.25rem; line-height: 1.4; padding: .8rem 1rem; border-radius: .5rem; background: #8a8f9818;
  border-left: 6px solid #8a8f98 }
.answer.good { border-color: #2e9e5b } .answer.bad { border-color: #d6433b } .answer.open { border-color: #c98a00 }
.reference { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 6 4 }
.bar { stroke-width: 5; stroke-linecap: round }
.dot { stroke: Canvas; stroke-width: 2 }
.wide { overflow-x: auto } .wide table { min-width: 100% } figure { overflow-x: auto } svg { min-width: 36rem }
table { font-size: .85rem } caption { text-align: left; opacity: .75 }
th, td { padding: .2rem .5rem; text-align: left; white-space: nowrap }
th { vertical-align: bottom; white-space: normal }
td:first-child, td:last-child { white-space: normal } td:last-child:not(.n) { min-width: 8rem }
th.n, td.n { text-align: right }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; align-items: start }
.card { border: 1px solid #8886; border-top: 6px solid #8a8f98; border-radius: .5rem; padding: .6rem 1rem }
.card h3 { margin: .2rem 0 } .card .state { font-weight: 700; letter-spacing: .03em }
.card.critical { border-top-color: #d6433b } .card.warn, .card.biased { border-top-color: #c98a00 }
.card.ok { border-top-color: #2e9e5b }
.card dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; margin: .4rem 0; font-size: .9rem }
.card dd { margin: 0; font-variant-numeric: tabular-nums } .card dt { opacity: .75 }
code { background: #8a8f9822; padding: .1rem .3rem; border-radius: .25rem; overflow-wrap: anywhere }
"""


def render_page(findings: Findings) -> str:
    """Return the page of *findings*: one section for each answer."""
    return render_document("Oversight: what outcomes teach", _body(findings), _STYLE)


def write_page(path: Path, findings: Findings) -> None:
    """Write the page to *path*, whole or not at all."""
    page = render_page(findings).encode()
    with whole_file(path) as unfinished:
        unfinished.write_bytes(page)


def _body(findings: Findings) -> Iterator[str]:
    question = findings.question
    yield "<h1>What outcomes teach</h1>"
    yield f'<p class="asked">{escape(_asked(question))}</p>'
    if findings.rates:
        yield from rate_section(findings.rates, question)
    if findings.warnings:
        yield from warning_section(findings.warnings, question.at)
    if findings.recommendation:
        yield from certificate_section(findings.recommendation, question, findings.apply)
    if findings.parity:
        yield from parity_section(findings.parity)
    if findings.escalations:
        yield from escalation_section(findings.escalations)
    if findings.containment:
        yield from containment_section(findings.containment)
    if findings.csat:
        yield from csat_section(findings.csat)


def _asked(question: Question) -> str:
    given = [f"{in_words(name)}: {_shown(value)}" for name, value in question.given.items()]
    return "; ".join([*(given or ["everything on record in the window"]), f"asked {question.at:%Y-%m-%d %H:%M} UTC"])


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M %Z}" if isinstance(value, datetime) else str(value)
