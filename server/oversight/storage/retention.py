"""Retention: what is too old goes, from the beginning of each chain, and what stays can be proved as before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, insert, null, select, update
from sqlalchemy.exc import SQLAlchemyError

from oversight.errors import UntrustedCheckpointError
from oversight.storage import tables
from oversight.storage.chain_pages import RECORD_CHAINS, distinct_writers
from oversight.storage.checkpoints import Checkpoint, CheckpointKey
from oversight.storage.database import READING
from oversight.storage.evidence_retention import remove_evidence
from oversight.storage.failures import store_unavailable
from oversight.storage.schema import check_schema

__all__ = ["TIMES", "Removed", "Retention", "months_before"]

TIMES: Mapping[str, ColumnElement[int]] = {
    tables.decisions.name: tables.decisions.c.decided_at_us,
    tables.outcomes.name: tables.outcomes.c.received_at_us,
}
"""By which time a record of each chain is how old."""

_LOCK = 0x72657461696E
"""Of PostgreSQL's advisory locks, the one of those that remove: "retain" in ASCII."""

_SWEPT_ROWS = 5_000

_checkpoints = tables.retention_checkpoints
_erasures = tables.erasures
_snapshots = tables.snapshots
_parts = tables.personal_parts


class Removed(NamedTuple):
    """What was removed, in rows."""

    decisions: int = 0
    outcomes: int = 0
    snapshots: int = 0
    erasures: int = 0
    evidence: int = 0


def months_before(now_us: int, months: int) -> int:
    """Return the same day and time *months* calendar months earlier, or the last day of a shorter month (UTC)."""
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    first = datetime(year, month + 1, 1, tzinfo=UTC)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC)
    day = min(now.day, (following - first).days)
    return int(now.replace(year=year, month=month + 1, day=day).timestamp()) * 1_000_000


class Retention:
    """
    Removes what is older than a given time from the database of *engine*, which may be in use.

    A batch is one transaction of at most *batch_rows* records: they go together with their personal parts, and the
    checkpoint that says so is signed with *key* in the same one. *clock_us* gives microseconds since 1970 (UTC).
    """

    def __init__(
        self, engine: Engine, key: CheckpointKey, *, clock_us: Callable[[], int], batch_rows: int = 500
    ) -> None:
        self._engine = engine
        self._key = key
        self._clock_us = clock_us
        self._batch_rows = batch_rows

    def steps(self, before_us: int, in_force: Collection[str] = ()) -> Iterator[Removed]:
        """
        Remove what was recorded before *before_us*; yield after each transaction what it removed.

        Of each writer's chain the records up to the first that is younger; then the notes of who was erased before
        that time, what was learnt from decisions of the hours before, and the snapshots put there before it that no
        decision rests on any more, but those *in_force*.
        Raises `StoreUnavailableError`, and at the end `UntrustedCheckpointError` for a chain whose checkpoint does not
        bear its signature: people must look at it before anything more of it goes.
        """
        with self._transaction(reading=True) as connection:
            if not check_schema(connection):
                return
            chains = [(table, writer) for table in RECORD_CHAINS for writer in distinct_writers(connection, table)]
        untrusted: list[UntrustedCheckpointError] = []
        for table, writer in chains:
            try:
                while count := self._remove_records(table, writer, before_us):
                    yield Removed(count) if table is tables.decisions else Removed(outcomes=count)
            except UntrustedCheckpointError as error:
                untrusted.append(error)
        with self._transaction() as connection:
            count = connection.execute(delete(_erasures).where(_erasures.c.before_us < before_us)).rowcount
        yield Removed(erasures=count)
        for count in remove_evidence(self._transaction, before_us, batch_rows=self._batch_rows):
            yield Removed(evidence=count)
        yield from self._sweep_snapshots(before_us, in_force)
        if untrusted:
            raise untrusted[0]

    def plan(self, before_us: int) -> Iterator[Counter[tuple[str, str, str]]]:
        """
        Yield, page by page, how many records `steps` would remove, by chain, month ("2026-01", UTC) and tenant.

        Outcomes name no tenant. Changes nothing; raises `StoreUnavailableError`.
        """
        with self._transaction(reading=True) as connection:
            if not check_schema(connection):
                return
            chains = [(table, writer) for table in RECORD_CHAINS for writer in distinct_writers(connection, table)]
        for table, writer in chains:
            tenant = table.c.get("tenant_id", null())
            after = 0
            while True:
                with self._transaction(reading=True) as connection:
                    rows = self._oldest(connection, table, writer, after, before_us, tenant)
                yield Counter((table.name, _month(row.at_us), row.tenant or "") for row in rows)
                if len(rows) < self._batch_rows:
                    break
                after = rows[-1].chain_seq

    def _oldest(
        self,
        connection: Connection,
        table: Table,
        writer: str,
        after: int,
        before_us: int,
        tenant: ColumnElement[Any],
    ) -> Sequence[Any]:
        """Return the next rows of a chain up to the first that is not older than *before_us*."""
        time = TIMES[table.name].label("at_us")
        statement = (
            select(table.c.chain_seq, time, table.c.chain_hash, tenant.label("tenant"))
            .where(table.c.writer == writer, table.c.chain_seq > after)
            .order_by(table.c.chain_seq)
            .limit(self._batch_rows)
        )
        return list(takewhile(lambda row: row.at_us < before_us, connection.execute(statement)))

    def _remove_records(self, table: Table, writer: str, before_us: int) -> int:
        """Remove a batch from the beginning of a chain; return how many there were, 0 where nothing is old enough."""
        with self._transaction() as connection:
            if not self._is_alone(connection):
                return 0
            last = self._checkpoint(connection, table, writer)
            start, removed = (last.chain_seq, last.removed) if last else (0, 0)
            rows = self._oldest(connection, table, writer, start, before_us, null())
            if not rows:
                return 0
            end = rows[-1]
            for place in (_parts, table) if table is tables.decisions else (table,):
                number = place.c.chain_seq
                connection.execute(delete(place).where(place.c.writer == writer, start < number, number <= end[0]))
            made = Checkpoint(
                writer, table.name, end.chain_seq, end.chain_hash, before_us, removed + len(rows), self._clock_us()
            )
            connection.execute(delete(_checkpoints).where(_of_chain(table, writer)))
            connection.execute(insert(_checkpoints).values(self._key.sign(made)._asdict()))
        return len(rows)

    def _checkpoint(self, connection: Connection, table: Table, writer: str) -> Checkpoint | None:
        statement = select(_checkpoints).where(_of_chain(table, writer)).order_by(_checkpoints.c.chain_seq)
        found = [Checkpoint(*row) for row in connection.execute(statement)]
        for one in found:
            # Signing on top of it would make a forged one genuine.
            if problem := self._key.problem(one):
                raise UntrustedCheckpointError(table.name, writer, problem)
        return found[-1] if found else None

    def _sweep_snapshots(self, before_us: int, in_force: Collection[str]) -> Iterator[Removed]:
        """Remove snapshots that nothing rests on; only where there are old ones are the decisions looked through."""
        with self._transaction() as connection:
            # So a snapshot is as old as its last use; and one that decisions still come from is never old.
            used = _snapshots.c.digest.in_(in_force)
            connection.execute(update(_snapshots).where(used).values(created_at_us=self._clock_us()))
            old = select(_snapshots.c.digest).where(_snapshots.c.created_at_us < before_us)
            unused = set(connection.scalars(old))
            writers = list(distinct_writers(connection, tables.decisions)) if unused else []
        for writer in writers:
            after: int | None = 0
            while unused and after is not None:
                after = self._strike_used(unused, writer, after)
                yield Removed()
        if unused:
            still_old = _snapshots.c.digest.in_(unused) & (_snapshots.c.created_at_us < before_us)
            with self._transaction() as connection:
                count = connection.execute(delete(_snapshots).where(still_old)).rowcount
            yield Removed(snapshots=count)

    def _strike_used(self, unused: set[str], writer: str, after: int) -> int | None:
        """Strike those that the next decisions rest on from *unused*; return the last number, None at the end."""
        rows = tables.decisions.c
        page = (
            select(rows.policy_digest, rows.chain_seq)
            .where(rows.writer == writer, rows.chain_seq > after)
            .order_by(rows.chain_seq)
            .limit(_SWEPT_ROWS)
            .subquery()
        )
        statement = select(page.c.policy_digest, func.max(page.c.chain_seq)).group_by(page.c.policy_digest)
        with self._transaction(reading=True) as connection:
            found = connection.execute(statement).all()
        unused.difference_update(digest for digest, _ in found)
        return max((number for _, number in found), default=None)

    def _is_alone(self, connection: Connection) -> bool:
        """Return whether no other replica is removing at this moment; that one does what is to be done."""
        if connection.dialect.name != "postgresql":
            return True
        return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))

    @contextmanager
    def _transaction(self, *, reading: bool = False) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(**{READING: reading}) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise store_unavailable("read" if reading else "written", error) from error


def _of_chain(table: Table, writer: str) -> ColumnElement[bool]:
    return (_checkpoints.c.writer == writer) & (_checkpoints.c.chain == table.name)


def _month(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m")
