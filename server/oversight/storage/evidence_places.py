"""Where in the evidence something is: windows of whole hours, conditions on cells, cells by what was split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from oversight.durations import HOUR_US
from oversight.storage.evidence import Cell, CellFilter, Split
from oversight.storage.evidence_tables import cells, evidence

__all__ = ["END_OF_TIME_US", "EVIDENCE_LOCK", "Window", "cell_conditions", "cell_of_split", "given", "times"]

END_OF_TIME_US = 2**63 - 1
EVIDENCE_LOCK = 0x65766964_656E6365
"""Of PostgreSQL's advisory locks, the one of a transaction that changes the evidence: "evidence" in ASCII."""


class Window(NamedTuple):
    """Whole hours: from `since_hour` to before `until_hour`, counted from 1970 (UTC)."""

    since_hour: int
    until_hour: int

    @classmethod
    def around(cls, wanted: CellFilter) -> Window:
        """Return the hours that what is *wanted* begins and ends in, and those between."""
        until_us = END_OF_TIME_US if wanted.until_us is None else wanted.until_us
        return cls((wanted.since_us or 0) // HOUR_US, min(-(-until_us // HOUR_US), END_OF_TIME_US // HOUR_US))

    @property
    def since_us(self) -> int:
        """When it begins, in microseconds since 1970 (UTC)."""
        return self.since_hour * HOUR_US

    @property
    def until_us(self) -> int:
        """When it is over."""
        return self.until_hour * HOUR_US


def cell_conditions(wanted: CellFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on `cells` that *wanted* makes."""
    return [cells.c[name] == getattr(wanted, name) for name in Cell._fields if getattr(wanted, name) is not None]


def times(wanted: CellFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on when a row of `evidence` was decided that *wanted* makes."""
    at = evidence.c.decided_at_us
    since = [] if wanted.since_us is None else [at >= wanted.since_us]
    return since if wanted.until_us is None else [*since, at < wanted.until_us]


def cell_of_split(split: Sequence[Split], names: Sequence[Any]) -> Cell:
    """Return the cell that has these *names* of the *split*."""
    return Cell(**dict(zip(map(str, split), names, strict=True)))


def given(name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> tuple[str, dict[str, Any]]:
    """
    Return a table *name* of these *rows* for a WITH, and the parameters in it; *columns* are names and SQL types.

    Rows that are looked up so are found by the index of what they are joined to, in either database; SQLite does not
    use one for a list of tuples.
    """
    places = ", ".join(
        "(" + ", ".join(f"CAST(:{column}_{number} AS {kind})" for column, kind in columns.items()) + ")"
        for number in range(len(rows))
    )
    values = {
        f"{column}_{number}": value
        for number, row in enumerate(rows)
        for column, value in zip(columns, row, strict=True)
    }
    return f"{name} ({', '.join(columns)}) AS (VALUES {places})", values
