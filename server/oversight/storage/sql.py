"""A store in a database that SQLAlchemy reaches; what is particular to one kind is in a `storage.database.Database`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import URL, Column, Connection, Executable, Table, bindparam, insert, select, update

from oversight.engine.compile import ENGINE_VERSION
from oversight.storage import tables
from oversight.storage.chain import GENESIS
from oversight.storage.database import DEFAULT_LIMITS, Limits
from oversight.storage.erasure import ErasedSubjects
from oversight.storage.open import open_database
from oversight.storage.outcome import OutcomeStatus
from oversight.storage.records import Added, DecisionRecord, OutcomeRecord, StoredDecision, StoredOutcome
from oversight.storage.rows import (
    Row,
    behind_chain,
    body_sha256,
    decision_from_rows,
    decision_row,
    linked,
    outcome_from_row,
    outcome_row,
    personal_row,
)
from oversight.storage.transactions import Transactions

__all__ = ["SqlStore", "open_reader"]

_SALT_BYTES = 16
# Databases bound the number of parameters of a statement.
_KEYS_A_LOOK = 1_000

_Result = TypeVar("_Result")


def _among(column: Column[str], *others: Column[str]) -> Executable:
    return select(column, *others).where(column.in_(bindparam("keys", expanding=True)))


# Made once: in a statement that is made anew, the keys would lie about until the garbage collector comes by.
_DECISIONS = _among(tables.decisions.c.decision_id)
_OUTCOMES = _among(tables.outcomes.c.outcome_id, tables.outcomes.c.body_sha256, tables.outcomes.c.caller_tenant)
_BEHIND = {table.name: behind_chain(table) for table in (tables.decisions, tables.outcomes)}


class SqlStore:
    """
    Decisions, outcomes and snapshots in an SQL database; implements `RecordStore`, `RecordReader` and `SnapshotStore`.

    *url* is SQLAlchemy's; *writer* names this replica and its hash chains; *clock* gives seconds since 1970. Building
    one connects to nothing, so a store that is down does not keep a server from starting. The first write makes the
    tables in a new database, brings older ones up to date if it may (*migrate*), and raises `StoreVersionError` for
    any others. One with `read_only` makes and changes nothing; to it a database that is not there yet is empty. With
    *erased*, records of people who were erased after they were made are stored without their personal part.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        writer: str,
        read_only: bool = False,
        migrate: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.time,
        erased: ErasedSubjects | None = None,
    ) -> None:
        self._database = open_database(url, read_only=read_only, limits=limits)
        self._engine = self._database.engine
        self._writer = writer
        self._clock = clock
        self._erased = erased
        self._transactions = Transactions(self._database, migrate=migrate)

    def prepare(self) -> None:
        """Make the tables ready to be written, as the first write would; raises what that one would."""
        self._transactions.write(lambda _: None)

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
        """Put records on record in one transaction, each once; see `RecordStore.add`."""
        if not decisions and not outcomes:
            return Added()

        def work(connection: Connection) -> Added:
            new = self._add_decisions(connection, decisions)
            accepted, conflicts = self._add_outcomes(connection, outcomes)
            return Added(new, accepted, conflicts, len(decisions) + len(outcomes) - new - accepted - conflicts)

        return self._transactions.write(work)

    def _add_decisions(self, connection: Connection, records: Sequence[DecisionRecord]) -> int:
        seen = {known for (known,) in _look(connection, _DECISIONS, [one[0] for one in records])}
        wanted: list[DecisionRecord] = []
        for record in records:
            if record.decision_id not in seen:
                seen.add(record.decision_id)
                wanted.append(record)
        if not wanted:
            return 0
        salts = _draw_salts(len(wanted))
        last = self._append(connection, tables.decisions, map(decision_row, wanted, salts))
        first = last - len(wanted) + 1
        erased = self._erased.among(connection, wanted) if self._erased else frozenset()
        parts = [
            (self._writer, first + place, *personal_row(record, salt))
            for place, (record, salt) in enumerate(zip(wanted, salts, strict=True))
            if record.decision_id not in erased
        ]
        if parts:
            self._database.insert(connection, tables.personal_parts, parts)
        return len(wanted)

    def _add_outcomes(self, connection: Connection, records: Sequence[OutcomeRecord]) -> tuple[int, int]:
        ids = {record.outcome.outcome_id for record in records}
        found = list(_look(connection, _OUTCOMES, ids))
        known = {(outcome_id, body) for outcome_id, body, _ in found}
        taken = {(outcome_id, tenant) for outcome_id, _, tenant in found}
        rows: list[list[Any]] = []
        conflicts = 0
        for record in records:
            key = record.outcome.outcome_id, body_sha256(record.outcome, record.caller_tenant)
            if key in known:
                continue
            first = record.outcome.outcome_id, record.caller_tenant
            conflict = first in taken
            conflicts += conflict
            rows.append(outcome_row(record, key[1], OutcomeStatus.CONFLICT if conflict else OutcomeStatus.ACCEPTED))
            known.add(key)
            taken.add(first)
        if rows:
            self._append(connection, tables.outcomes, rows)
        return len(rows) - conflicts, conflicts

    def _append(self, connection: Connection, table: Table, rows: Iterable[list[Any]]) -> int:
        """Insert *rows* (at least one) at the end of this writer's chain; return the number of the last."""
        heads = tables.chain_heads
        mine = (heads.c.writer == self._writer) & (heads.c.chain == table.name)
        head = connection.execute(
            select(heads.c.chain_seq, heads.c.chain_hash).where(mine).with_for_update()
        ).one_or_none()
        behind = _BEHIND[table.name]
        chained = linked(rows, self._writer, (0, GENESIS) if head is None else (head[0], head[1]), behind=behind)
        self._database.insert(connection, table, chained)
        last: dict[str, Any] = dict(zip(("chain_seq", "chain_hash"), chained[-1][-2 - behind :], strict=False))
        if head is None:
            connection.execute(insert(heads).values(writer=self._writer, chain=table.name, **last))
        else:
            connection.execute(update(heads).where(mine).values(last))
        return int(last["chain_seq"])

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        """Return the decision with its outcomes, None if it is not here; raise `StoreUnavailableError`."""
        with self.reading() as connection:
            if connection is None:
                return None
            row = connection.execute(
                select(tables.decisions).where(tables.decisions.c.decision_id == decision_id)
            ).one_or_none()
            if row is None:
                return None
            part = connection.execute(
                select(tables.personal_parts.c.part).where(
                    (tables.personal_parts.c.writer == row.writer)
                    & (tables.personal_parts.c.chain_seq == row.chain_seq)
                )
            ).scalar_one_or_none()
            reports = connection.execute(
                select(tables.outcomes).where(tables.outcomes.c.decision_id == decision_id)
            ).all()
        return decision_from_rows(
            _named(tables.decisions, row), part, [_named(tables.outcomes, report) for report in reports]
        )

    def find_outcomes(self, decision_id: str) -> tuple[StoredOutcome, ...]:
        """Return the outcomes of a decision that need not be here; raise `StoreUnavailableError`."""
        with self.reading() as connection:
            if connection is None:
                return ()
            reports = connection.execute(
                select(tables.outcomes).where(tables.outcomes.c.decision_id == decision_id)
            ).all()
        return tuple(outcome_from_row(_named(tables.outcomes, report)) for report in reports)

    def is_erased(self, record: DecisionRecord) -> bool:
        """Return whether the record would be stored without its personal part; raise `StoreUnavailableError`."""
        with self.reading() as connection:
            return bool(connection and self._erased and self._erased.among(connection, [record]))

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep *document* under *digest*; one that is there stays, as if new. Raises `StoreUnavailableError`."""
        row = {
            "digest": digest,
            "engine_version": ENGINE_VERSION,
            "created_at_us": int(self._clock() * 1e6),
            "document": document,
        }

        def work(connection: Connection) -> None:
            # In force again is as good as new: retention must not take it for an old one.
            known = update(tables.snapshots).where(tables.snapshots.c.digest == digest)
            if not connection.execute(known.values(created_at_us=row["created_at_us"])).rowcount:
                connection.execute(insert(tables.snapshots).values(row))

        self._transactions.write(work)

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        with self.reading() as connection:
            if connection is None:
                return None
            return connection.execute(
                select(tables.snapshots.c.document).where(tables.snapshots.c.digest == digest)
            ).scalar_one_or_none()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection | None]:
        """Give a connection for one short read, or None where there is no database or it has no tables yet."""
        return self._transactions.reading()

    def writing(self, work: Callable[[Connection], _Result]) -> _Result:
        """Do *work* in one transaction, again where another writer came between; raise `StoreUnavailableError`."""
        return self._transactions.write(work)


def open_reader(url: str | URL, *, limits: Limits = DEFAULT_LIMITS, erased: ErasedSubjects | None = None) -> SqlStore:
    """Return a store that only reads, for workers; the database need not exist yet."""
    return SqlStore(url, writer="", read_only=True, limits=limits, erased=erased)


def _draw_salts(count: int) -> list[bytes]:
    drawn = os.urandom(_SALT_BYTES * count)
    return [drawn[at : at + _SALT_BYTES] for at in range(0, len(drawn), _SALT_BYTES)]


def _look(connection: Connection, rows_among: Executable, keys: Iterable[str]) -> Iterator[Row]:
    """Yield the rows that *rows_among* the *keys* finds."""
    rest = list(keys)
    for at in range(0, len(rest), _KEYS_A_LOOK):
        yield from map(tuple, connection.execute(rows_among, {"keys": rest[at : at + _KEYS_A_LOOK]}).all())


def _named(table: Table, row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(table.c.keys(), row, strict=True))
