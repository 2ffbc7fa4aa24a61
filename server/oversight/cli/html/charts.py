"""Line charts as SVG, drawn by hand: a report that needs no library and no network can be read in ten years."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Axis", "Line", "draw_chart", "linear_axis", "log_axis", "percentile_axis", "round_step"]

_WIDTH, _HEIGHT = 900, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 16, 52
_LEAST_RATIO = 2.0
_MOST_TICKS = 8
_MOST_DECADES = 3.5


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its *label*, where a value lies from 0 to 1, and the values that are marked, with what stands there."""

    label: str
    place: Callable[[float], float]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line through *points* (x, y, what is shown on pointing there), in a CSS colour; *dots* shows the points."""

    name: str
    points: Sequence[tuple[float, float, str]]
    colour: str
    dashed: bool = False
    dots: bool = False


def linear_axis(label: str, highest: float) -> Axis:
    """Return an axis from 0 to *highest*, marked at round values."""
    highest = highest if highest > 0 else 1.0
    step = round_step(highest / _MOST_TICKS)
    ticks = [number * step for number in range(int(highest / step + 1e-9) + 1)]
    return Axis(label, lambda value: value / highest, tuple((tick, f"{tick:g}") for tick in ticks))


def log_axis(label: str, values: Sequence[float]) -> Axis:
    """Return a logarithmic axis that has room for *values*; those that are not positive lie at its lower end."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    if high < low * _LEAST_RATIO:
        low, high = low / _LEAST_RATIO, high * _LEAST_RATIO
    first, last = math.log10(low), math.log10(high)
    decades = range(math.floor(first), math.ceil(last) + 1)
    # 2 and 5 between the tens are only in the way where there are many tens.
    digits = (1, 2, 5) if last - first <= _MOST_DECADES else (1,)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    marked = tuple((tick, f"{tick:g}") for tick in ticks if low <= tick <= high)
    return Axis(label, lambda value: (math.log10(max(value, low)) - first) / (last - first), marked)


def percentile_axis(label: str, count: int) -> Axis:
    """Return an axis of per cent on which each nine takes as much room: 90, 99, 99.9 and so on, of *count* values."""
    most = max(1.0, math.log10(max(count, 1)))

    def place(percent: float) -> float:
        above = 1 - percent / 100
        return 1.0 if above <= 0 else min(1.0, -math.log10(above) / most)

    nines = [100 - 10.0 ** (2 - number) for number in range(math.floor(most) + 1)]
    return Axis(label, place, tuple((percent, f"{percent:.10g} %") for percent in nines))


def draw_chart(title: str, lines: Sequence[Line], x_axis: Axis, y_axis: Axis) -> str:
    """Return a `figure` element: an SVG with *lines* and axes, and the legend below."""
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(_vertical(_x(x_axis.place(value)), text) for value, text in x_axis.ticks),
        *(_horizontal(_y(y_axis.place(value)), text) for value, text in y_axis.ticks),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_axis.label, "middle"),
        f'<text transform="translate(14 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y_axis.label)}</text>',
    ]
    for line in lines:
        places = [(_x(x_axis.place(x)), _y(y_axis.place(y)), text) for x, y, text in line.points]
        parts += _line(line, places)
    legend = " ".join(map(_legend, lines))
    return "\n".join(["<figure>", *parts, "</svg>", f"<figcaption>{legend}</figcaption>", "</figure>"])


def _line(line: Line, places: Sequence[tuple[float, float, str]]) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
    drawn = f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dashes}/>'
    # Where they are not to be seen, they are wide enough to point at.
    fill = line.colour if line.dots else "transparent"
    spots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}"><title>{escape(text)}</title></circle>'
        for x, y, text in places
    ]
    return [drawn, *spots]


def _legend(line: Line) -> str:
    sample = "●" if line.dots else "┅┅" if line.dashed else "━━"
    return f'<span><b style="color: {line.colour}">{sample}</b> {escape(line.name)}</span>'


def _vertical(x: float, text: str) -> str:
    grid = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
    return grid + _text(x, _HEIGHT - _BOTTOM + 18, text, "middle")


def _horizontal(y: float, text: str) -> str:
    grid = f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return grid + _text(_LEFT - 8, y + 4, text, "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(place: float) -> float:
    return _LEFT + place * (_WIDTH - _LEFT - _RIGHT)


def _y(place: float) -> float:
    return _HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM)


def round_step(step: float) -> float:
    """Return the nearest of 1, 2, 5, 10, 20, … that is not below *step*."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= step * (1 - 1e-9))
