"""What is in the store, held against what callers were promised."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from e2e.fault_table import Row
from e2e.load import Promises
from oversight.storage import tables
from oversight.storage.chain import GENESIS, canonical_row, link
from servers import ServerProcess

__all__ = ["Store", "ids_on_record", "read_row", "settle", "store_problem"]

_CHUNK = 5_000
_LOOK_S = 0.1
_LONGEST_SETTLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Store:
    """
    A store as a test sees it.

    `name` stands in the table of faults, a reader opens `url`; `settings` are those of a server that has it.
    """

    name: str
    url: str
    settings: Mapping[str, object]

    @staticmethod
    def in_file(data_dir: Path) -> Store:
        """Return the embedded store of a data folder."""
        return Store("SQLite", f"sqlite:///file:{data_dir / 'records.db'}?mode=rw&uri=true", {})

    @staticmethod
    def in_postgres(url: str, port: int | None = None) -> Store:
        """Return the store in the database that *url* names; the server reaches it through *port*, if one is given."""
        seen = make_url(url) if port is None else make_url(url).set(port=port)
        return Store("PostgreSQL", url, {"store": seen.render_as_string(hide_password=False)})

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection of its own; raises what SQLAlchemy raises."""
        engine = create_engine(self.url, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def missing(self, promises: Promises) -> tuple[set[str], set[str]]:
        """Return the decisions and the outcomes that were promised and are not there (yet)."""
        decisions, outcomes = set(promises.decisions), set(promises.outcomes)
        with self.reading() as connection:
            decisions.difference_update(connection.execute(select(tables.decisions.c.decision_id)).scalars())
            outcomes.difference_update(connection.execute(select(tables.outcomes.c.outcome_id)).scalars())
        return decisions, outcomes


def ids_on_record(server: ServerProcess, table: str = "decisions", key: str = "decision_id") -> set[str]:
    """Return the ids in the store's file."""
    return {row[0] for row in server.ask_store(f"SELECT {key} FROM {table}")}  # noqa: S608 - constants of tests


def store_problem(server: ServerProcess) -> str:
    """Return why the store takes nothing, as the server says."""
    keeper = server.status().keeper
    return keeper.store_problem if keeper else ""


def settle(server: ServerProcess, store: Store, promises: Promises) -> None:
    """
    Wait until everything promised is in the store of the running server; a minute at most.

    Does not fail: whatever is missing is counted by `read_row`, after an orderly stop.
    """

    def is_settled() -> bool:
        keeper = server.status().keeper
        if keeper is None or keeper.pending_records:
            return False
        try:
            return not any(store.missing(promises))
        except SQLAlchemyError:
            return False

    deadline_s = time.monotonic() + _LONGEST_SETTLE_S
    while not is_settled() and time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)


def read_row(fault: str, store: Store, promises: Promises, *, rounds: int = 1) -> Row:
    """Return what the store holds of *promises*, after checking that its chains are whole; for a store at rest."""
    with store.reading() as connection:
        decisions = _check_chains(connection, tables.decisions)
        outcomes = _check_chains(connection, tables.outcomes)
        ids = connection.execute(select(tables.decisions.c.decision_id, tables.decisions.c.request_key)).all()
        reports = connection.execute(select(tables.outcomes.c.outcome_id)).scalars().all()
        parts = len(connection.execute(select(tables.personal_parts.c.chain_seq)).all())
    assert (len(ids), len(reports)) == (decisions, outcomes), "what the chains lead over is all there is"
    assert decisions == parts, "each decision has its personal part"
    return Row(
        fault,
        store.name,
        rounds,
        replies=len(promises.decisions),
        missing=len(promises.decisions.difference(decision_id for decision_id, _ in ids)),
        # A message is asked once: two decisions with its key are one decision twice.
        duplicates=len(ids) - len({key for _, key in ids}),
        outcomes=len(promises.outcomes),
        missing_outcomes=len(promises.outcomes.difference(reports)),
        duplicate_outcomes=len(reports) - len(set(reports)),
    )


def _check_chains(connection: Connection, table: Table) -> int:
    """Follow every writer's chain from its beginning to its head; return how many rows there are."""
    mine = tables.chain_heads.c.chain == table.name
    heads = connection.execute(
        select(tables.chain_heads.c.writer, tables.chain_heads.c.chain_seq, tables.chain_heads.c.chain_hash).where(mine)
    ).all()
    rows = 0
    for writer, last_seq, last_hash in heads:
        seq, previous = 0, GENESIS
        chain = select(table).where(table.c.writer == writer).order_by(table.c.chain_seq)
        for row in connection.execution_options(yield_per=_CHUNK).execute(chain):
            seq += 1
            values = row._asdict()
            found = values.pop("chain_hash")
            previous = link(previous, canonical_row(list(values.values())))
            assert (seq, previous) == (row.chain_seq, found), f"{table.name}: the chain of {writer} breaks at {seq}"
        assert (last_seq, last_hash) == (seq, previous), f"{table.name}: the chain of {writer} ends before its head"
        rows += seq
    return rows
