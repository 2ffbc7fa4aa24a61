"""One batch written to the evidence: rows put in place, counts and numbers of labels moved with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, TextClause, bindparam, func, insert, select, text, update

from oversight.durations import HOUR_US
from oversight.feedback.facts import LabelBasis
from oversight.feedback.labels import drawn_probability
from oversight.storage.evidence import Cell
from oversight.storage.evidence_places import given
from oversight.storage.evidence_rows import Evidence, cell_of, decision_facts
from oversight.storage.evidence_tables import cells, evidence, hours

__all__ = ["EvidenceWriting"]

_KEYS_A_LOOK = 500


class _Hour:
    """What a batch adds to one row of `hours`."""

    def __init__(self) -> None:
        self.decisions = 0
        self.censused = 0
        self.first_us = 2**63 - 1
        self.confidences: list[float] = []


class _Old(NamedTuple):
    """What there was of a decision."""

    decision_id: str
    due_at_us: int | None
    basis: int | None
    loss: int | None


class EvidenceWriting:
    """Writes one batch over *connection*; of the *wanted* cells those that are new are made at once."""

    def __init__(self, connection: Connection, wanted: Iterable[Cell]) -> None:
        self._connection = connection
        self._cells = _cell_ids(connection, list(dict.fromkeys(wanted)))
        self._hours: dict[tuple[int, int, float], _Hour] = defaultdict(_Hour)
        self._labelled: Counter[int] = Counter()
        self._rows: list[tuple[Any, ...]] = []

    def read(self, rows: Sequence[Row[Any]]) -> dict[str, _Old]:
        """Return what there is of these decisions."""
        keys = [(self._cells[cell_of(row)], row.decided_at_us, row.decision_id) for row in rows]
        found: dict[str, _Old] = {}
        for start in range(0, len(keys), _KEYS_A_LOOK):
            table, values = given("wanted", _KEY, keys[start : start + _KEYS_A_LOOK])
            for old in self._connection.execute(text(f"WITH {table} {_OLD}"), values):
                found[old.decision_id] = _Old(*old)
        return found

    def count(self, row: Row[Any], made: Evidence | None) -> None:
        """Count a decision that is new to the evidence, and put its row there, if it has one."""
        hour = self._hour(row)
        hour.decisions += 1
        hour.first_us = min(hour.first_us, row.decided_at_us)
        if row.response_confidence is not None:
            hour.confidences.append(row.response_confidence)
        if made is not None:
            self.replace(row, None, made)

    def replace(self, row: Row[Any], old: _Old | None, made: Evidence) -> None:
        """Put the row *made* of a decision in the place of the *old* one."""
        cell_id = self._cells[cell_of(row)]
        was = (False, False) if old is None else (old.loss is not None, old.basis == LabelBasis.CENSUS)
        self._labelled[cell_id] += (made.label.loss is not None) - was[0]
        if censused := (made.label.basis is LabelBasis.CENSUS) - was[1]:
            self._hour(row).censused += censused
        self._rows.append((cell_id, made.decided_at_us, made.decision_id, *made.values))

    def finish(self) -> None:
        """Write it all."""
        if self._rows:
            names = evidence.c.keys()
            self._connection.execute(_PUT, [dict(zip(names, row, strict=True)) for row in self._rows])
        if self._hours:
            self._connection.execute(_ADD, [_hour_row(key, hour) for key, hour in self._hours.items()])
        moved = [{"cell": cell_id, "by": count} for cell_id, count in self._labelled.items() if count]
        if moved:
            self._connection.execute(_MOVE, moved)

    def _hour(self, row: Row[Any]) -> _Hour:
        probability = float(drawn_probability(decision_facts(row)))
        return self._hours[self._cells[cell_of(row)], row.decided_at_us // HOUR_US, probability]


def _hour_row(key: tuple[int, int, float], hour: _Hour) -> dict[str, Any]:
    cell_id, number, probability = key
    return {
        "cell_id": cell_id,
        "hour": number,
        "probability": probability,
        "decisions": hour.decisions,
        "censused": hour.censused,
        "first_us": hour.first_us,
        "confidence_n": len(hour.confidences),
        "confidence_total": float(sum(hour.confidences)),
        "confidence_squares": float(sum(value * value for value in hour.confidences)),
    }


def _cell_ids(connection: Connection, wanted: Sequence[Cell]) -> dict[Cell, int]:
    found: dict[Cell, int] = {}
    for start in range(0, len(wanted), _KEYS_A_LOOK):
        table, values = given("wanted", _CELL, wanted[start : start + _KEYS_A_LOOK])
        for cell_id, *names in connection.execute(text(f"WITH {table} {_CELLS}"), values):
            found[Cell(*names)] = cell_id
    missing = [cell for cell in wanted if cell not in found]
    if missing:
        last = connection.execute(_LAST_CELL).scalar_one()
        found |= {cell: number for number, cell in enumerate(missing, last + 1)}
        rows = [{"cell_id": found[cell], **cell._asdict(), "labelled": 0} for cell in missing]
        connection.execute(insert(cells), rows)
    return found


def _put_in_place(table: Table, changes: dict[str, str]) -> TextClause:
    """Return an insert that changes the row of the same key, if there is one; both databases understand it."""
    names = table.c.keys()
    key = ", ".join(column.name for column in table.primary_key)
    changed = ", ".join(f"{name} = {change}" for name, change in changes.items())
    values = ", ".join(f":{name}" for name in names)
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {changed}"  # noqa: S608 - our own names
    )


_PUT = _put_in_place(
    evidence, {column.name: f"excluded.{column.name}" for column in evidence.c if not column.primary_key}
)
_sums = ("decisions", "censused", "confidence_n", "confidence_total", "confidence_squares")
_ADD = _put_in_place(
    hours,
    {name: f"hours.{name} + excluded.{name}" for name in _sums}
    | {
        "first_us": "CASE WHEN excluded.first_us < hours.first_us THEN excluded.first_us ELSE hours.first_us END",
    },
)
_MOVE = update(cells).where(cells.c.cell_id == bindparam("cell")).values(labelled=cells.c.labelled + bindparam("by"))
_LAST_CELL = select(func.coalesce(func.max(cells.c.cell_id), 0))
_CELL = dict.fromkeys(Cell._fields, "TEXT") | {"tier": "BIGINT"}
_CELLS = (
    f"SELECT cells.cell_id, {', '.join(f'cells.{name}' for name in _CELL)} FROM wanted CROSS JOIN cells"  # noqa: S608 - our own names
    f" WHERE {' AND '.join(f'cells.{name} = wanted.{name}' for name in _CELL)}"
)
_KEY = {"cell_id": "BIGINT", "decided_at_us": "BIGINT", "decision_id": "TEXT"}
_OLD = (
    "SELECT evidence.decision_id, evidence.due_at_us, evidence.basis, evidence.loss FROM wanted CROSS JOIN evidence"  # noqa: S608 - our own names
    f" WHERE {' AND '.join(f'evidence.{name} = wanted.{name}' for name in _KEY)}"
)
