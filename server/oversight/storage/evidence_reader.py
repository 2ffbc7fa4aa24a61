"""Answers out of the evidence by SQL; see `storage.evidence.EvidenceReader`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select, text

from oversight.engine.decision import Tier
from oversight.feedback.facts import LabelBasis
from oversight.storage.evidence import (
    Cell,
    CellFilter,
    DueAudit,
    DuePage,
    EvidenceKey,
    EvidenceRow,
    FactSums,
    HourCount,
    JudgedRow,
    LabelCounts,
    Moments,
    RateCounts,
    ScoreSums,
    Split,
)
from oversight.storage.evidence_cursors import Behind, chains_behind
from oversight.storage.evidence_facts import sum_facts
from oversight.storage.evidence_places import Window, cell_conditions, cell_of_split, times
from oversight.storage.evidence_quality import newest_judged, sum_scores
from oversight.storage.evidence_rates import count_rates
from oversight.storage.evidence_tables import cells, evidence, feedback_cursors, hours
from oversight.storage.tables import decisions, outcomes

__all__ = ["SqlEvidence"]

_ROWS_A_LOOK = 2_000


class SqlEvidence:
    """
    An `EvidenceReader` over an SQL database.

    *reading* gives a connection for one read, None where there is no database yet: then there is no evidence. Counts
    (`rate_counts`, `volume`, `fact_sums`, `hours`) take whole hours: a window that begins or ends within an hour takes
    in that hour. Rows and lists end where they are told to. `rows` reads *rows_a_look* at a time.
    """

    def __init__(
        self, reading: Callable[[], AbstractContextManager[Connection | None]], *, rows_a_look: int = _ROWS_A_LOOK
    ) -> None:
        self._reading = reading
        self._rows_a_look = rows_a_look

    def rate_counts(self, wanted: CellFilter, splits: Sequence[Sequence[Split]], now_us: int) -> list[list[RateCounts]]:
        """Return the counts for error rates; see `EvidenceReader.rate_counts`."""
        with self._reading() as connection:
            if connection is None:
                return [[] for _ in splits]
            return count_rates(connection, wanted, splits, now_us)

    def volume(self, wanted: CellFilter) -> int:
        """Return how many decisions are *wanted*, at all tiers."""
        statement = _of_hours(select(func.coalesce(func.sum(hours.c.decisions), 0)), wanted)
        if conditions := cell_conditions(wanted):
            statement = statement.join(cells, cells.c.cell_id == hours.c.cell_id).where(*conditions)
        with self._reading() as connection:
            return 0 if connection is None else int(connection.execute(statement).scalar_one())

    def fact_sums(self, wanted: CellFilter, split: Sequence[Split], *, by_day: bool = False) -> list[FactSums]:
        """Return the facts of outcomes; see `EvidenceReader.fact_sums`."""
        with self._reading() as connection:
            return [] if connection is None else sum_facts(connection, wanted, split, by_day=by_day)

    def hours(self, wanted: CellFilter, split: Sequence[Split]) -> list[HourCount]:
        """Return the volume for each cell of the *split* and each hour that had any, by hour."""
        names = [cells.c[name] for name in split]
        sums = [
            func.sum(hours.c[name]) for name in ("decisions", "confidence_n", "confidence_total", "confidence_squares")
        ]
        statement = (
            _of_hours(select(*names, hours.c.hour, *sums), wanted)
            .join(cells, cells.c.cell_id == hours.c.cell_id)
            .where(*cell_conditions(wanted))
            .group_by(*names, hours.c.hour)
            .order_by(hours.c.hour, *names)
        )
        with self._reading() as connection:
            rows = [] if connection is None else connection.execute(statement).all()
        return [
            HourCount(cell_of_split(split, found), hour, int(count), Moments(int(n), total, squares))
            for *found, hour, count, n, total, squares in rows
        ]

    def rows(self, wanted: CellFilter) -> Iterator[EvidenceRow]:
        """Yield the rows of what is *wanted*, cell by cell, in each by time; each look is a short read of its own."""
        statement = select(cells).where(*cell_conditions(wanted)).order_by(cells.c.cell_id)
        with self._reading() as connection:
            found = [] if connection is None else connection.execute(statement).all()
        for row in found:
            yield from self._rows_of(row.cell_id, _cell(row), wanted)

    def _rows_of(self, cell_id: int, cell: Cell, wanted: CellFilter) -> Iterator[EvidenceRow]:
        statement = select(*_ROW).where(evidence.c.cell_id == cell_id, *times(wanted)).order_by(*_KEY)
        after: list[ColumnElement[bool]] = []
        while True:
            with self._reading() as connection:
                page = (
                    []
                    if connection is None
                    else connection.execute(statement.where(*after).limit(self._rows_a_look)).all()
                )
            for row in page:
                yield EvidenceRow(cell, *row)
            if len(page) < self._rows_a_look:
                return
            last = page[-1]
            after = [_behind(*_KEY, EvidenceKey(last.decided_at_us, last.decision_id))]

    def due(
        self, wanted: CellFilter, limit: int, after: EvidenceKey | None, *, overdue_before_us: int | None = None
    ) -> DuePage:
        """Return reviews and audits that are due and not done; see `EvidenceReader.due`."""
        key = (evidence.c.due_at_us, evidence.c.decision_id)
        columns = (evidence.c.cell_id, evidence.c.decision_id, evidence.c.decided_at_us, evidence.c.due_at_us)
        statement = select(*columns).where(_OPEN, *times(wanted), *_in_cells(wanted)).order_by(*key).limit(limit + 1)
        if after is not None:
            statement = statement.where(_behind(*key, after))
        if overdue_before_us is not None:
            statement = statement.where(evidence.c.due_at_us < overdue_before_us)
        audits = [
            DueAudit(cell, decision_id, decided_at_us, due_at_us, _basis(cell.tier))
            for cell, (decision_id, decided_at_us, due_at_us) in self._with_cells(statement)
        ]
        if len(audits) <= limit:
            return DuePage(tuple(audits), None)
        last = audits[limit - 1]
        return DuePage(tuple(audits[:limit]), EvidenceKey(last.due_at_us, last.decision_id))

    def corrected(self, wanted: CellFilter, limit: int, after: EvidenceKey | None) -> list[EvidenceRow]:
        """Return at most *limit* rows with a correction, newest first, from behind *after*."""
        statement = (
            select(evidence.c.cell_id, *_ROW)
            .where(_CORRECTED, *times(wanted), *_in_cells(wanted))
            .order_by(*(column.desc() for column in _KEY))
            .limit(limit)
        )
        if after is not None:
            at, last = _KEY
            statement = statement.where(
                at <= after.decided_at_us, or_(at < after.decided_at_us, last < after.decision_id)
            )
        return [EvidenceRow(cell, *rest) for cell, rest in self._with_cells(statement)]

    def _with_cells(self, statement: Select[Any]) -> list[tuple[Cell, Sequence[Any]]]:
        """Return what *statement* finds, each row with the cell that its first column names in front of the rest."""
        with self._reading() as connection:
            rows: Sequence[Any] = [] if connection is None else connection.execute(statement).all()
            if connection is None or not rows:
                return []
            ids = {row[0] for row in rows}
            found = connection.execute(select(cells).where(cells.c.cell_id.in_(ids)))
            names = {row.cell_id: _cell(row) for row in found}
        return [(names[row[0]], row[1:]) for row in rows]

    def score_sums(self, wanted: CellFilter) -> list[ScoreSums]:
        """Return the scores of quality; see `EvidenceReader.score_sums`."""
        with self._reading() as connection:
            return [] if connection is None else sum_scores(connection, wanted)

    def judged(self, wanted: CellFilter, most: int) -> list[JudgedRow]:
        """Return the newest decisions with a word on escalation; see `EvidenceReader.judged`."""
        with self._reading() as connection:
            return [] if connection is None else newest_judged(connection, wanted, most)

    def label_counts(self) -> list[LabelCounts]:
        """Return how many labels there are by tenant, intent and model version."""
        names = (cells.c.tenant_id, cells.c.intent, cells.c.model_version)
        counted = func.sum(cells.c.labelled)
        statement = select(*names, counted).group_by(*names).having(counted > 0).order_by(*names)
        with self._reading() as connection:
            rows = [] if connection is None else connection.execute(statement).all()
        return [LabelCounts(tenant, intent, version, int(labels)) for tenant, intent, version, labels in rows]

    def through_us(self) -> int | None:
        """Return up to when records of the store are in the evidence; None before any are."""
        with self._reading() as connection:
            if connection is None:
                return None
            latest: int | None = connection.execute(select(func.max(feedback_cursors.c.through_us))).scalar_one()
            if latest is None:
                return None
            waiting: list[int | None] = [
                connection.execute(_first_waiting(one)).scalar_one_or_none() for one in chains_behind(connection)
            ]
        return min([latest, *(at_us for at_us in waiting if at_us is not None)])


_OPEN = and_(evidence.c.loss.is_(None), evidence.c.due_at_us.is_not(None))
# As the index has it: SQLite does not see that "corrected = 1" is the same.
_CORRECTED = text("evidence.corrected")
_KEY = (evidence.c.decided_at_us, evidence.c.decision_id)
_ROW = tuple(evidence.c[name] for name in EvidenceRow._fields if name != "cell")
_TIMES = {decisions.name: decisions.c.decided_at_us, outcomes.name: outcomes.c.received_at_us}


def _first_waiting(behind: Behind) -> Any:
    """Return what finds the time of a chain's first record that is not in the evidence yet."""
    time = _TIMES[behind.chain]
    number = time.table.c.chain_seq
    return select(time).where(time.table.c.writer == behind.writer, number > behind.after).order_by(number).limit(1)


def _of_hours(statement: Any, wanted: CellFilter) -> Any:
    window = Window.around(wanted)
    return statement.where(hours.c.hour >= window.since_hour, hours.c.hour < window.until_hour)


def _in_cells(wanted: CellFilter) -> list[ColumnElement[bool]]:
    # Asked of each row, so that rows come in the order of an index, and no more of them are looked at than needed.
    conditions = cell_conditions(wanted)
    return [exists().where(cells.c.cell_id == evidence.c.cell_id, *conditions)] if conditions else []


def _behind(first: ColumnElement[int], second: ColumnElement[str], key: EvidenceKey) -> ColumnElement[bool]:
    # The first condition is implied by the second, and is what an index takes.
    return and_(first >= key[0], or_(first > key[0], second > key[1]))


def _cell(row: Any) -> Cell:
    return Cell(*(getattr(row, name) for name in Cell._fields))


def _basis(tier: int | None) -> int:
    return int(LabelBasis.REVIEW if tier == Tier.HUMAN_IN_THE_LOOP else LabelBasis.AUDIT)
