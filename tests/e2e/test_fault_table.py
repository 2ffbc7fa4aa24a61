"""The count of what is missing or twice, itself: a check that cannot fail would prove nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from e2e.fault_table import FaultTable, Row
from e2e.load import Load, Promises
from e2e.on_record import Store, read_row, settle
from servers import ServerProcess

CLEAN = Row("a fault", "SQLite", 1, 1_000, 0, 0, 10, 0, 0)


@pytest.mark.parametrize(
    "field", ["missing", "duplicates", "missing_outcomes", "duplicate_outcomes", "replies", "outcomes"]
)
def test_a_row_with_anything_missing_or_twice_or_without_replies_fails(field: str) -> None:
    """It is kept for the table all the same."""
    table = FaultTable([], [])
    bad = Row(**(CLEAN._asdict() | {field: 0 if field in ("replies", "outcomes") else 1}))

    with pytest.raises(AssertionError):
        table.add(bad)

    assert [bad] == table.rows


def test_the_table_shows_faults_and_those_that_could_not_be_injected() -> None:
    """Whoever reads it must see what was not tried."""
    table = FaultTable([], [])
    table.add(CLEAN)
    table.skip("another fault", "PostgreSQL", "no mount")

    heads, _, row, skipped = table.lines()

    assert ["fault", "store", "rounds", "replies", "missing", "duplicates"] == heads.replace("|", " ").split()[:6]
    assert ["a fault", "SQLite", "1", "1,000", "0", "0", "10", "0", "0"] == [cell.strip() for cell in row.split("|")]
    assert "not injected: another fault (PostgreSQL): no mount" == skipped


def test_tables_of_several_processes_are_one() -> None:
    """Tests run in several, and one of them prints."""
    table, other = FaultTable([], []), FaultTable([], [])
    table.add(CLEAN)
    other.add(CLEAN._replace(fault="another"))
    other.skip("a third", "SQLite", "no strace")

    table.take_plain(other.to_plain())

    assert ["a fault", "another"] == [row.fault for row in table.rows]
    assert [("a third", "SQLite", "no strace")] == table.skipped


def test_what_is_missing_or_altered_in_a_store_is_counted_or_refused(tmp_path: Path) -> None:
    """Against the store of a server that has stopped in order."""
    store, promises = Store.in_file(tmp_path / "data"), Promises()
    with ServerProcess(tmp_path, shutdown_grace_s=20) as server:
        with Load(server.target, "r", promises) as load:
            load.wait_for(20)
        settle(server, store, promises)
        assert 0 == server.terminate()
    assert read_row("none", store, promises).is_clean

    promises.decisions.add("0" * 32)
    promises.outcomes.add("never reported")
    row = read_row("none", store, promises)
    assert (1, 1) == (row.missing, row.missing_outcomes)

    with closing(sqlite3.connect(tmp_path / "data" / "records.db")) as file, file:
        file.execute("UPDATE decisions SET tier = 3 WHERE chain_seq = 7")
    with pytest.raises(AssertionError, match="decisions: the chain of local breaks at 7"):
        read_row("none", store, promises)
