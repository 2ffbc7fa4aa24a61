"""The way of records into the evidence: every writer's chains followed, a batch and its cursor in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import BindParameter, Connection, Row, Table, bindparam, func, insert, select, update

from oversight.feedback.labels import AUDIT_DUE_H
from oversight.storage.evidence_cursors import chains_behind
from oversight.storage.evidence_drafts import find_others, standing_back
from oversight.storage.evidence_places import EVIDENCE_LOCK
from oversight.storage.evidence_rows import (
    DECISION_COLUMNS,
    OUTCOME_COLUMNS,
    Evidence,
    cell_of,
    evidence_of,
    may_have_row,
    without_label,
)
from oversight.storage.evidence_tables import feedback_cursors
from oversight.storage.evidence_writing import EvidenceWriting
from oversight.storage.outcome import OutcomeStatus
from oversight.storage.rows import is_other_tenant
from oversight.storage.tables import chain_heads, decisions, outcomes

__all__ = ["EvidenceFeed", "Fed", "RecordDatabase"]

_DECISIONS_A_BATCH = 500
_OUTCOMES_A_BATCH = 200
"""About 30 ms each, for which the drain into SQLite waits."""

_Result = TypeVar("_Result")


class RecordDatabase(Protocol):
    """The database of the records."""

    def reading(self) -> AbstractContextManager[Connection | None]:
        """Give a connection for one short read, or None where there is no database or it has no tables yet."""
        ...

    def writing(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do *work* in one transaction, again where another came between; raise `StoreUnavailableError`."""
        ...


class Fed(NamedTuple):
    """What one step took in, in records, and whether there are `more`."""

    decisions: int = 0
    outcomes: int = 0
    more: bool = False


class EvidenceFeed:
    """
    Takes decisions and outcomes into the evidence, in the order of each writer's chain, each once.

    A decision is counted, and gets its row if somebody is to look at it or an outcome is there; an outcome makes the
    row of its decision anew from all outcomes. So it does not matter in which order they come, how late, or how often.
    An outcome whose decision is not in the evidence yet is found again when that one comes. With a decision the others
    on the same draft of the same request are made anew, too (`storage.evidence_drafts`). *audit_due_h*: hours after
    a decision by which its audit is due; rows that were made keep the time they were made with.
    """

    def __init__(
        self,
        database: RecordDatabase,
        *,
        audit_due_h: float = AUDIT_DUE_H,
        decisions_a_batch: int = _DECISIONS_A_BATCH,
        outcomes_a_batch: int = _OUTCOMES_A_BATCH,
    ) -> None:
        self._database = database
        self._audit_due_h = audit_due_h
        self._batch = {decisions.name: decisions_a_batch, outcomes.name: outcomes_a_batch}
        self._turn = 0

    def step(self) -> Fed:
        """
        Take in the next batch of one chain, those that are behind in turn; raise `StoreUnavailableError`.

        Then nothing of it was taken in, and the step may be repeated. While another process feeds the same database,
        nothing is done.
        """
        with self._database.reading() as connection:
            behind = [] if connection is None else chains_behind(connection)
        if not behind:
            return Fed()
        self._turn += 1
        writer, chain, _ = behind[self._turn % len(behind)]
        feed = self._feed_decisions if chain == decisions.name else self._feed_outcomes
        return self._database.writing(lambda connection: self._feed(connection, writer, chain, feed))

    def _feed(
        self, connection: Connection, writer: str, chain: str, feed: Callable[[Connection, Sequence[Row[Any]]], Fed]
    ) -> Fed:
        if connection.dialect.name == "postgresql" and not connection.scalar(_IS_ALONE):
            return Fed()
        place = {"of_writer": writer, "of_chain": chain}
        known = connection.execute(_CURSOR, place).one_or_none()
        # Read before the rows: those that come in between are behind the cursor still.
        head = connection.execute(_HEAD, place).scalar_one()
        after, through_us = known or (0, 0)
        rows = connection.execute(_NEXT[chain], {"after": after, "portion": self._batch[chain], **place}).all()
        fed = feed(connection, rows)
        # What retention removed before it was taken in is passed over.
        cursor = {
            "chain_seq": rows[-1].chain_seq if rows else head,
            "through_us": max([through_us, *(row.at_us for row in rows)]),
        }
        if known is None:
            connection.execute(insert(feedback_cursors).values(writer=writer, chain=chain, **cursor))
        else:
            connection.execute(_MOVE.values(cursor), place)
        return fed._replace(more=True)

    def _feed_decisions(self, connection: Connection, rows: Sequence[Row[Any]]) -> Fed:
        self._take_in(connection, rows, [])
        return Fed(decisions=len(rows))

    def _feed_outcomes(self, connection: Connection, rows: Sequence[Row[Any]]) -> Fed:
        ids = list({row.decision_id: None for row in rows})
        cursors = dict(map(tuple, connection.execute(_FED)))
        found = connection.execute(_DECISIONS, {"keys": ids}).all()
        self._take_in(connection, [], [row for row in found if row.chain_seq <= cursors.get(row.writer, 0)])
        return Fed(outcomes=len(rows))

    def _take_in(self, connection: Connection, new: Sequence[Row[Any]], known: Sequence[Row[Any]]) -> None:
        """Count the decisions that are *new*, and make the rows of these and of those *known* to the evidence."""
        reports = _reports(connection, [*new, *known])
        # What has no row of its own stands for nobody.
        some = [row for row in (*new, *known) if may_have_row(row, reports.get(row.decision_id, ()))]
        others = _others(connection, some, {row.decision_id for row in (*new, *known)})
        reports |= _reports(connection, others)
        known = [*known, *others]
        writing = EvidenceWriting(connection, map(cell_of, [*new, *known]))
        before = writing.read(known)
        dues = {decision_id: old.due_at_us for decision_id, old in before.items()}
        made = [
            (row, self._make(row, reports.get(row.decision_id, ()), dues.get(row.decision_id)))
            for row in (*new, *known)
        ]
        back = standing_back((row, found) for row, found in made if found is not None)
        rows = {row.decision_id: _as_it_counts(found, back) for row, found in made}
        for row in new:
            writing.count(row, rows[row.decision_id])
        for row in known:
            if (found := rows[row.decision_id]) is not None:
                writing.replace(row, before.get(row.decision_id), found)
        writing.finish()

    def _make(self, row: Row[Any], reports: Sequence[Row[Any]], due_us: int | None) -> Evidence | None:
        return evidence_of(row, reports, audit_due_h=self._audit_due_h, due_us=due_us)


def _as_it_counts(found: Evidence | None, back: set[str]) -> Evidence | None:
    return without_label(found) if found is not None and found.decision_id in back else found


def _others(connection: Connection, rows: Sequence[Row[Any]], among: set[str]) -> Sequence[Row[Any]]:
    """Return the decisions in the evidence on the drafts of *rows*, but for those *among* these."""
    ids = [one for one in find_others(connection, rows) if one not in among]
    return connection.execute(_DECISIONS, {"keys": ids}).all() if ids else []


def _reports(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """Return the accepted outcomes of the decisions in *rows*, by decision; none of another tenant's caller."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    tenants = {row.decision_id: row.tenant_id for row in rows}
    if rows:
        for report in connection.execute(_REPORTS, {"keys": list(tenants)}):
            if not is_other_tenant(report.caller_tenant, tenants[report.decision_id]):
                found[report.decision_id].append(report)
    return found


def _next(table: Table, *columns: Any) -> Any:
    return (
        select(*columns)
        .where(table.c.writer == bindparam("of_writer"), table.c.chain_seq > bindparam("after"))
        .order_by(table.c.chain_seq)
        .limit(bindparam("portion"))
    )


_among_keys: BindParameter[list[str]] = bindparam("keys", expanding=True)
_here = (feedback_cursors.c.writer == bindparam("of_writer")) & (feedback_cursors.c.chain == bindparam("of_chain"))
_IS_ALONE = select(func.pg_try_advisory_xact_lock(EVIDENCE_LOCK))
_CURSOR = select(feedback_cursors.c.chain_seq, feedback_cursors.c.through_us).where(_here)
_MOVE = update(feedback_cursors).where(_here)
_HEAD = select(chain_heads.c.chain_seq).where(
    chain_heads.c.writer == bindparam("of_writer"), chain_heads.c.chain == bindparam("of_chain")
)
_FED = select(feedback_cursors.c.writer, feedback_cursors.c.chain_seq).where(feedback_cursors.c.chain == decisions.name)
_NEXT = {
    decisions.name: _next(decisions, *DECISION_COLUMNS, decisions.c.decided_at_us.label("at_us")),
    outcomes.name: _next(
        outcomes, outcomes.c.decision_id, outcomes.c.chain_seq, outcomes.c.received_at_us.label("at_us")
    ),
}
_DECISIONS = select(*DECISION_COLUMNS).where(decisions.c.decision_id.in_(_among_keys))
_REPORTS = select(*OUTCOME_COLUMNS).where(
    outcomes.c.decision_id.in_(_among_keys), outcomes.c.status == int(OutcomeStatus.ACCEPTED)
)
