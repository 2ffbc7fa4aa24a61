"""A page as one HTML file, its tables, and numbers that machines can read back."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

__all__ = ["Cell", "Number", "render_cell", "render_document", "render_table"]

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
svg { width: 100%; height: auto; font-size: 12px; fill: currentColor }
figure { margin: 1rem 0 }
figcaption span { margin-right: 1.2rem; white-space: nowrap }
.grid { stroke: currentColor; stroke-opacity: .15 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left; white-space: pre }
.problems { border-left: 4px solid #d33; padding: .1rem 1rem; background: #d331 }
.problems li { font-weight: 600 }
"""


class Number(NamedTuple):
    """A number that is shown as *text*; the page carries the exact value too."""

    value: float
    text: str


Cell = str | Number
"""What stands in a cell of a table."""


def render_document(title: str, body: Iterable[str], style: str = "") -> str:
    """Return the page *title* with the elements of *body*; *style* comes after the style of all pages."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def render_table(columns: Iterable[str], rows: Iterable[Iterable[Cell]], caption: str = "") -> str:
    """Return a table; what stands in cells is text, never HTML. A column that has a `Number` is of the class `n`."""
    lines = [list(row) for row in rows]
    numeric = {place for line in lines for place, cell in enumerate(line) if isinstance(cell, Number)}

    def line_of(tag: str, cells: Iterable[Cell]) -> str:
        marked = ((' class="n"' if place in numeric else "", cell) for place, cell in enumerate(cells))
        return "<tr>" + "".join(f"<{tag}{mark}>{render_cell(cell)}</{tag[:2]}>" for mark, cell in marked) + "</tr>"

    head = line_of('th scope="col"', columns)
    body = "\n".join(line_of("td", line) for line in lines)
    title = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    return f"<table>\n{title}{head}\n{body}\n</table>"


def render_cell(cell: Cell) -> str:
    """Return text or a number as HTML."""
    if isinstance(cell, Number):
        return f'<data value="{cell.value!r}">{escape(cell.text)}</data>'
    return escape(cell)
