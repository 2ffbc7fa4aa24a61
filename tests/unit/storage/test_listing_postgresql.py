"""Every list in PostgreSQL reads a bounded number of rows, as it counts them itself, whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Select

from contract.samples import NOW_US, a_record, an_id
from oversight.storage.listing import person_statement, walk_statements
from oversight.storage.records import PageKey
from oversight.storage.snapshot_listing import SnapshotKey, page_statement
from oversight.storage.sql import SqlStore
from postgres import PostgresServer
from unit.storage.test_listing import FILTERS

ROWS = 3_000
PORTION = 50
LIMIT = 20
MOST_READ = 6 * PORTION
"""Rows that one statement may read: the portion, and the page with what belongs to it."""
MIDDLE = PageKey(NOW_US + ROWS // 2, an_id(ROWS // 2))


@pytest.fixture(scope="module")
def store(postgres_server: PostgresServer) -> Iterator[SqlStore]:
    """Return a store with many records and snapshots, of which the database knows how many there are."""
    store = SqlStore(postgres_server.create_database(), writer="replica-1")
    store.add([a_record(number) for number in range(ROWS)], [])
    with store._engine.begin() as connection:  # noqa: SLF001 - rows that no store would write so fast
        connection.exec_driver_sql(
            "INSERT INTO snapshots SELECT md5(one::text), 1, one / 3, repeat('x', 200) "  # noqa: S608 - our own number
            f"FROM generate_series(1, {ROWS}) one"
        )
        connection.exec_driver_sql("ANALYZE")
    yield store
    store.close()


def rows_read(connection: Connection, statement: Select[Any]) -> int:
    """Run *statement* and return how many rows it took from tables and indexes, as PostgreSQL counted them."""
    compiled = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
    (plans,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".replace("%", "%%")).one()
    return sum(map(_read, _nodes(plans[0]["Plan"])))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _read(node: dict[str, Any]) -> int:
    if "Scan" not in node["Node Type"] or node["Node Type"] == "Subquery Scan":
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize("after", [None, MIDDLE])
def test_no_list_reads_more_records_than_its_portion(store: SqlStore, after: PageKey | None) -> None:
    """With ten million of them it would take minutes, and the drain has to share the machine."""
    assert 57 == len(FILTERS)
    with store.reading() as connection:
        assert connection is not None
        for wanted in FILTERS:
            statements = list(walk_statements(wanted, LIMIT, after, PORTION))
            if wanted.conversation_id or wanted.subject_ref:
                statements.append(person_statement(wanted, LIMIT, after))
            assert [] == [str(one) for one in statements if rows_read(connection, one) > MOST_READ], wanted


@pytest.mark.parametrize("after", [None, SnapshotKey(ROWS // 6, "8" * 32)])
def test_a_page_of_snapshots_reads_no_others(store: SqlStore, after: SnapshotKey | None) -> None:
    """A snapshot's document is as large as all rules together."""
    with store.reading() as connection:
        assert connection is not None
        assert LIMIT <= rows_read(connection, page_statement(LIMIT, after)) <= MOST_READ


def test_what_reads_all_is_found_out(store: SqlStore) -> None:
    """Else the tests above would prove nothing."""
    with store.reading() as connection:
        assert connection is not None
        everything = walk_statements(FILTERS[0], LIMIT, None, 10 * ROWS)[1]
        assert rows_read(connection, everything) >= ROWS
