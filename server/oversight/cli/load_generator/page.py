"""A run as one HTML file: charts and tables, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from oversight.cli.html.charts import Line, draw_chart, linear_axis, log_axis, percentile_axis
from oversight.cli.html.document import render_document, render_table
from oversight.cli.load_generator.summary import FIGURES
from oversight.cli.load_generator.tables import describe_run, figure_name, latency_rows, shown_ms
from oversight.cli.output import in_words, percent

__all__ = ["render_page"]

_COLOURS = ("#2f7ed8", "#e4572e", "#3a9d5d", "#9b59b6", "#d4a017", "#17a2b8", "#c2185b", "#7f8c8d")

_LEGEND = (
    "Solid: since the call was due, which is what its caller waits. Dashed: since it was sent. Failed calls are in "
    "both, with their full time."
)


def render_page(summary: Mapping[str, Any]) -> str:
    """Return the page of *summary* (see `summarise`)."""
    steps = summary["steps"]
    body = [
        "<h1>oversight load</h1>",
        f"<p>{escape(describe_run(summary))}</p>",
        *_lines("problems", "What is wrong", summary["problems"]),
        *_lines("notes", "To know", summary["notes"]),
        "<h2>Latency by percentile</h2>",
        f"<p>{_LEGEND}</p>",
        _percentile_chart(steps),
        _latency_table(steps),
        "<h2>Rates</h2>",
        _rate_table(steps),
        "<h2>Latency over the run</h2>",
        *(part for step in steps for part in _over_the_run(step)),
        "<h2>Tiers</h2>",
        _tier_table(steps),
    ]
    return render_document("oversight load", body)


def _lines(kind: str, title: str, lines: Iterable[str]) -> list[str]:
    items = [f"<li>{escape(line)}</li>" for line in lines]
    return [f'<div class="{kind}"><h2>{title}</h2><ul>', *items, "</ul></div>"] if items else []


def _percentile_chart(steps: Iterable[Mapping[str, Any]]) -> str:
    lines, most, values = [], 1, []
    for number, step in enumerate(steps):
        colour = _COLOURS[number % len(_COLOURS)]
        name = _name(step)
        most = max(most, step["calls"])
        for column, what, dashed in ((1, "since due", False), (2, "since sent", True)):
            points = [(row[0], row[column], f"{row[0]:.6g} %: {shown_ms(row[column])} ms") for row in step["curve"]]
            values += [y for _, y, _ in points]
            lines.append(Line(f"{name}, {what}", points, colour, dashed=dashed))
    return draw_chart("Latency by percentile", lines, percentile_axis("percentile", most), log_axis("ms", values))


def _over_the_run(step: Mapping[str, Any]) -> list[str]:
    intervals = step["intervals"]
    if not intervals:
        return []
    lines, values = [], []
    for name, colour in (("p50", _COLOURS[0]), ("p99", _COLOURS[4]), ("max", _COLOURS[1])):
        points = [(row["start_s"], row[name], _at(row, name)) for row in intervals]
        values += [y for _, y, _ in points]
        lines.append(Line(name, points, colour))
    x_axis = linear_axis("second in which the call was due", intervals[-1]["start_s"])
    return [f"<h3>{escape(_name(step))}</h3>", draw_chart(_name(step), lines, x_axis, log_axis("ms", values))]


def _at(row: Mapping[str, Any], name: str) -> str:
    failed = f", {row['failed']:,} failed" if row["failed"] else ""
    return f"{row['start_s']:g} s: {name} {shown_ms(row[name])} ms of {row['calls']:,} calls{failed}"


def _latency_table(steps: Iterable[Mapping[str, Any]]) -> str:
    columns = (*FIGURES, "max")
    rows = []
    for step in steps:
        rows.append([_name(step), *([""] * (len(columns) + 1))])
        for what, figures, _ in latency_rows(step):
            rows.append([f"  {what}", f"{figures['calls']:,}", *(shown_ms(figures[name]) for name in columns)])
    return render_table(["ms", "calls", *map(figure_name, columns)], rows)


def _rate_table(steps: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [
            _name(step),
            *(f"{step[f'rate_{what}_per_s']:,.0f}" for what in ("due", "sent", "answered")),
            f"{step['decisions_per_s']:,.0f}",
            f"{step['failed']:,}",
            percent(step["generator_cpu"]),
        ]
        for step in steps
    ]
    return render_table(["asked", "due/s", "sent/s", "answered/s", "decisions/s", "failed", "generator CPU"], rows)


def _tier_table(steps: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [f"{_name(step)}: {in_words(name)}", f"{tier['count']:,}", percent(tier["share"])]
        for step in steps
        for name, tier in step["tiers"].items()
    ]
    return render_table(["tier", "decisions", "share"], rows)


def _name(step: Mapping[str, Any]) -> str:
    return f"{step['rate_asked_per_s']:,.6g} calls/s"
