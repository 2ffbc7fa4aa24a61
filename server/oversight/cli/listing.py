"""Rows as a table where the screen has room for it, else one below the other: nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

__all__ = ["Listing"]


class Listing:
    """
    Rows with *words* (columns on the left), *numbers* (on the right), and where there is one a column of *verdicts*.

    A row is given as cells in this order. `count` is how many there are.
    """

    def __init__(self, words: Sequence[str], numbers: Sequence[str] = (), title: str = "", *, verdicts: bool = False):
        self._words, self._numbers, self._title, self._verdicts = list(words), list(numbers), title, verdicts
        self._rows: list[list[Text]] = []

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def add(self, *cells: str | Text) -> None:
        """Add a row."""
        self._rows.append([cell if isinstance(cell, Text) else Text(cell) for cell in cells])

    def print(self, screen: Console) -> None:
        """Print the rows: a table, or a paragraph each."""
        table = self._table()
        natural = Measurement.get(screen, screen.options.update(max_width=10_000), table).maximum
        if natural <= screen.width:
            screen.print(table)
            return
        if self._title:
            screen.print(Text(self._title, style="bold"))
        for row in self._rows:
            self._print_paragraph(row, screen)

    def _table(self) -> Table:
        title = self._title or None
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), title=title, title_justify="left", title_style="bold")
        for name in self._words:
            table.add_column(name)
        for name in self._numbers:
            table.add_column(name, justify="right")
        if self._verdicts:
            table.add_column("")
        for row in self._rows:
            table.add_row(*row)
        return table

    def _print_paragraph(self, row: Sequence[Text], screen: Console) -> None:
        split = len(self._words)
        # Words are understood without their heading, numbers are not.
        heading = _join(", ", (cell for cell in row[:split] if cell.plain))
        named = zip(self._numbers, row[split:], strict=False)
        figures = _join("; ", (Text.assemble(f"{_in_a_sentence(name)} ", cell) for name, cell in named))
        verdict = [row[-1]] if self._verdicts and row[-1].plain != "-" else []
        body = _join(": ", [*verdict, figures])
        heading.stylize("bold")
        screen.print(heading)
        if body.plain:
            screen.print(Padding(body, (0, 0, 0, 2)))


def _in_a_sentence(name: str) -> str:
    """Return a heading as it stands in a sentence; an abbreviation keeps its capitals."""
    return name if name[1:2].isupper() else f"{name[:1].lower()}{name[1:]}"


def _join(between: str, parts: Iterable[Text]) -> Text:
    return Text(between).join(parts)
