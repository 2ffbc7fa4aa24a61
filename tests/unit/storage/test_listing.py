"""Every read finds its records by an index."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, event

from contract.samples import NOW_US, a_record, an_id, an_outcome_record
from oversight.storage.listing import SqlListing, person_statement, walk_statements
from oversight.storage.pending import PendingOutcomes
from oversight.storage.records import PageKey, RecordFilter
from oversight.storage.snapshot_listing import SnapshotKey, page_statement
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url

AFTER = PageKey(NOW_US, an_id(7))
VALUES: dict[str, Any] = {
    "tenant_id": "acme",
    "conversation_id": "c",
    "subject_ref": "s",
    "department": "d",
    "intent": "i",
    "tier": 2,
    "policy_digest": "d" * 64,
    "since_us": 1,
    "until_us": NOW_US + 1,
    "evaluation": 1,
}
FILTERS = [
    RecordFilter(**{name: VALUES[name] for name in names})
    for count in (0, 1, 2, len(VALUES))
    for names in combinations(VALUES, count)
]
"""None, each alone, each with each other, and all."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")
    store.add([a_record(number) for number in range(50)], [an_outcome_record(number) for number in range(50)])
    yield store
    store.close()


def plan(connection: Connection, statement: str, parameters: Any = ()) -> list[str]:
    """Return the lines of SQLite's plan."""
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def scans(connection: Connection, statement: Select[Any]) -> list[str]:
    """Return what a statement goes through from end to end, of tables that grow."""
    compiled = statement.compile(connection.engine)
    assert compiled.positiontup is not None
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    return [
        line for line in plan(connection, str(compiled), values) if line.startswith("SCAN") and "walked" not in line
    ]


@pytest.mark.parametrize("after", [None, AFTER])
def test_no_list_goes_through_all_records(store: SqlStore, after: PageKey | None) -> None:
    """With ten million of them it would take minutes, and hold the drain up as long."""
    assert 57 == len(FILTERS)
    with store.reading() as connection:
        assert connection is not None
        for wanted in FILTERS:
            statements = list(walk_statements(wanted, 50, after, 1_000))
            if wanted.conversation_id or wanted.subject_ref:
                statements.append(person_statement(wanted, 50, after))
            assert [] == [line for one in statements for line in scans(connection, one)], wanted


@pytest.mark.parametrize("after", [None, SnapshotKey(NOW_US, "d" * 64)])
def test_a_page_of_snapshots_is_found_by_their_time(store: SqlStore, after: SnapshotKey | None) -> None:
    """A snapshot's document is as large as all rules together, and each reload leaves one."""
    with store.reading() as connection:
        assert connection is not None
        compiled = page_statement(50, after).compile(connection.engine)
        assert compiled.positiontup is not None
        values = tuple(compiled.params[name] for name in compiled.positiontup)
        found = plan(connection, str(compiled), values)
    assert any("snapshots_by_time" in line for line in found), found
    # From the newest on an index is gone along until the page is full.
    allowed = () if after else ("SCAN snapshots USING COVERING INDEX snapshots_by_time",)
    assert [] == [line for line in found if line.startswith("SCAN") and line not in allowed], found


def test_no_other_read_goes_through_all_records_either(store: SqlStore) -> None:
    """GetDecision, pages with their parts and outcomes, outcomes that wait: whatever is really sent is looked at."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT") and "sqlite_master" not in statement:
            sent.append((statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)  # noqa: SLF001 - to see what is sent
    store.find_decision(an_id(1))
    store.find_outcomes(an_id(1))
    SqlListing(store.reading).list_decisions(RecordFilter(intent="order_change"), 10, None)
    SqlListing(store.reading).list_decisions(RecordFilter(subject_ref="customer-7"), 10, None)
    PendingOutcomes(store.reading).step()
    event.remove(store._engine, "before_cursor_execute", note)  # noqa: SLF001 - likewise

    tables = {
        name for name in ("FROM decisions", "FROM outcomes", "FROM personal_parts") for one, _ in sent if name in one
    }
    assert {"FROM decisions", "FROM outcomes", "FROM personal_parts"} == tables
    with store.reading() as connection:
        assert connection is not None
        found = [line for statement, values in sent for line in plan(connection, statement, values)]
    assert [] == [
        line
        for line in found
        if line.startswith("SCAN") and any(table in line for table in ("decisions", "outcomes", "personal_parts"))
    ]
