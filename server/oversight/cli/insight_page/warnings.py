"""The section of warnings: the five signs as cards, the worst first in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from oversight.cli.html.document import Number, render_cell
from oversight.cli.insight_words import age
from oversight.cli.output import in_words
from oversight.cli.warning_words import SIGNS, doubts, must_act, no_warning, place
from oversight_client import OversightWarning, WarningReport, WarningSign

__all__ = ["warning_section"]

_MOST_PER_SIGN = 8
_MARKS = {"CRITICAL": "■", "WARN": "▲", "BIASED": "◐", "INSUFFICIENT_DATA": "?", "OK": "✓"}


def warning_section(found: WarningReport, now: datetime) -> Iterator[str]:
    """Yield the elements of the section."""
    yield "<h2>The five warning signs</h2>"
    words, kind = _answer(found, now)
    yield f'<p class="answer {kind}">{words}</p>'
    if said := doubts(found, now):
        items = "".join(f"<li>{escape(doubt)}</li>" for doubt in said)
        yield f'<div class="problems"><ul>{items}</ul></div>'
    yield '<div class="cards">'
    of = {sign: [one for one in found.warnings if one.sign is sign] for sign in SIGNS}
    for sign in sorted(SIGNS, key=lambda sign: _rank(of[sign])):
        yield _card(sign, SIGNS[sign], of[sign])
    yield "</div>"
    if found.left_out:
        yield f'<p class="note">{found.left_out:,} more are left out.</p>'
    if found.tested_at:
        tested = f"Tested {found.tested_at:%Y-%m-%d %H:%M} UTC, {age(found.tested_at, now)} ago."
        yield f'<p class="note">{tested} Too little data is a state of its own, and never OK.</p>'


def _answer(found: WarningReport, now: datetime) -> tuple[str, str]:
    """Return the answer in words and its colour; only what was tested and found well is green."""
    states = {_state(one) for one in found.warnings}
    if must_act(found, now):
        return "Somebody must act.", "bad"
    if found.tested_at is None:
        return "Nothing was tested yet.", "unknown"
    if states & {"WARN", "BIASED"}:
        return "Nothing is critical; somebody should look.", "open"
    words = f"{no_warning(found).capitalize()}."
    return words, "good" if found.ok and not found.insufficient_data else "unknown"


def _card(sign: WarningSign, heading: str, warnings: Sequence[OversightWarning]) -> str:
    worst = _state(warnings[0]) if warnings else ""
    parts = [f'<section class="card {worst.lower()}" id="{sign.value.lower()}"><h3>{escape(heading)}</h3>']
    if not warnings:
        parts.append('<p class="state">nothing to show</p>')
    for one in warnings[:_MOST_PER_SIGN]:
        state = _state(one)
        parts.append(f'<p><span class="state">{_MARKS.get(state, "!")} {escape(in_words(state).upper())}</span> ')
        parts.append(f"{escape(place(one))}</p><p>{escape(one.message)}</p>{_figures(one)}")
    if len(warnings) > _MOST_PER_SIGN:
        parts.append(f"<p>and {len(warnings) - _MOST_PER_SIGN:,} more</p>")
    return "".join([*parts, "</section>"])


def _figures(one: OversightWarning) -> str:
    measured = {
        "measured": one.value,
        "from": one.low,
        "to": one.high,
        "compared with": one.baseline,
        "rests on": one.n,
        "p-value": one.p_value,
        "e-value": one.e_value,
    }
    rows = [
        f"<dt>{name}</dt><dd>{render_cell(Number(value, f'{value:,.4g}' if name != 'rests on' else f'{value:,}'))}</dd>"
        for name, value in measured.items()
        if value is not None
    ]
    if one.raised_at:
        rows.append(f"<dt>since</dt><dd>{one.raised_at:%Y-%m-%d}</dd>")
    if one.quiet_since:
        rows.append(f"<dt>quiet since</dt><dd>{one.quiet_since:%Y-%m-%d}</dd>")
    return f"<dl>{''.join(rows)}</dl>"


def _rank(warnings: Sequence[OversightWarning]) -> int:
    """Return where a card stands: the worst first, and last what there is nothing to show of."""
    states = list(_MARKS)
    return min((states.index(_state(one)) if one.state else 0 for one in warnings), default=len(states))


def _state(one: OversightWarning) -> str:
    return one.state.value if one.state else "UNKNOWN"
