"""Intervals one below the other, beside a reference, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from oversight.cli.html.charts import round_step

__all__ = ["Bar", "draw_bars"]

_WIDTH = 900
_LEFT, _RIGHT, _TOP, _ROW = 270, 230, 26, 26
_COLOURS = {"good": "#2e9e5b", "bad": "#d6433b", "open": "#c98a00", "unknown": "#8a8f98"}
_TICKS = 7
_EPSILON = 1e-9


class Bar(NamedTuple):
    """
    One interval from *low* to *high* around *value* (None: not known), named *name*.

    *words* stand beside it and say what its colour says: *kind* is `good`, `bad`, `open` or `unknown`.
    """

    name: str
    value: float | None
    low: float
    high: float
    words: str
    kind: str


def draw_bars(
    title: str,
    bars: Sequence[Bar],
    *,
    span: tuple[float, float],
    reference: tuple[float, str],
    shown: Callable[[float], str],
) -> str:
    """
    Return a `figure` element of *bars* on an axis over *span*; an interval that goes on beyond it has an arrow.

    *reference* is a value that is marked and what stands there; *shown* writes a value of the axis.
    """
    low, high = span
    bottom = _TOP + _ROW * len(bars)

    def place(value: float) -> float:
        return _LEFT + (min(max(value, low), high) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {bottom + 26}" role="img" aria-label="{escape(title)}">']
    step = round_step((high - low) / _TICKS)
    for number in range(math.ceil(low / step - _EPSILON), math.floor(high / step + _EPSILON) + 1):
        value = number * step
        x = place(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 18, shown(value), "middle"))
    at = place(reference[0])
    parts.append(f'<line class="reference" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>')
    parts.append(_text(at, _TOP - 12, reference[1], "middle"))
    for number, bar in enumerate(bars):
        parts += _bar(bar, _TOP + _ROW * (number + 0.5), place, span)
    return "\n".join(["<figure>", *parts, "</svg>", "</figure>"])


def _bar(bar: Bar, y: float, place: Callable[[float], float], span: tuple[float, float]) -> list[str]:
    colour = _COLOURS[bar.kind]
    left, right = place(bar.low), place(bar.high)
    dashes = ' stroke-dasharray="3 4"' if bar.kind == "unknown" else ""
    words = f"{bar.name}: {bar.words}"
    parts = [
        f"<g><title>{escape(words)}</title>",
        _text(_LEFT - 12, y + 4, _short(bar.name), "end"),
        f'<line class="bar" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"{dashes}/>',
    ]
    if bar.value is not None and span[0] <= bar.value <= span[1]:
        parts.append(f'<circle cx="{place(bar.value):.1f}" cy="{y:.1f}" r="6" fill="{colour}" class="dot"/>')
    if bar.high > span[1]:
        parts.append(f'<path d="M {right + 4:.1f} {y - 5:.1f} l 8 5 l -8 5 z" fill="{colour}"/>')
    if bar.low < span[0]:
        parts.append(f'<path d="M {left - 4:.1f} {y - 5:.1f} l -8 5 l 8 5 z" fill="{colour}"/>')
    return [*parts, _text(_WIDTH - _RIGHT + 18, y + 4, bar.words, "start"), "</g>"]


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
