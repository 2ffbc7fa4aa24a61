"""`verify_store`: finds exactly what was done to a store, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from contract.control_samples import a_change
from contract.samples import NOW_US, a_record, an_id, an_outcome_record
from oversight.storage.chain_pages import CHAINS
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.control_store import SqlControlStore
from oversight.storage.findings import Report
from oversight.storage.open import open_database, open_engine
from oversight.storage.sql import SqlStore
from oversight.storage.tables import outcomes
from oversight.storage.verification import verify_store
from places import Place, SqlitePlace

KEY = CheckpointKey(b"i" * 32)
RECORDS = 30
# What a tamperer needs to make two rows change places: a third place, for numbers are unique.
SWAP = (
    "UPDATE {table} SET chain_seq = -1 WHERE chain_seq = {one}",
    "UPDATE {table} SET chain_seq = {one} WHERE chain_seq = {other}",
    "UPDATE {table} SET chain_seq = {other} WHERE chain_seq = -1",
)


@pytest.fixture
def records(place: Place) -> Place:
    """Return a database with records of two writers."""
    for writer, first in (("replica-1", 1), ("replica-2", 101)):
        store = SqlStore(place.url, writer=writer, clock=lambda: NOW_US / 1e6)
        numbers = range(first, first + RECORDS)
        store.add([a_record(number) for number in numbers], [an_outcome_record(number) for number in numbers])
        store.close()
    return place


@pytest.fixture
def engine(records: Place) -> Iterator[Engine]:
    """Return an engine that reads it."""
    reading = open_engine(records.url, read_only=True)
    yield reading
    reading.dispose()


def do(place: Place, *statements: str) -> None:
    for statement in statements:
        place.ask(statement)


def verify(engine: Engine, **more: Any) -> Report:
    return verify_store(engine, **{"key": KEY, "page_rows": 7, **more})


def told(engine: Engine, **more: Any) -> list[tuple[Any, ...]]:
    """Return what was found: kind, chain, first and last number, ids."""
    return [(one.kind, one.chain, one.first, one.last, one.ids) for one in verify(engine, **more).findings]


def test_a_store_that_nobody_touched_is_whole(engine: Engine) -> None:
    """A false alarm would teach people to ignore the true one."""
    report = verify(engine)

    assert report.whole
    assert [
        (chain, writer, 0, RECORDS, 0, RECORDS, "none")
        for chain in ("decisions", "outcomes")
        for writer in ("replica-1", "replica-2")
    ] == [(*one[:6], one.checkpoint) for one in report.chains]


@pytest.mark.parametrize("page_rows", [1, 7, 1_000])
@pytest.mark.parametrize("number", [1, 2, 14, RECORDS])
def test_an_altered_record_is_one_finding(records: Place, engine: Engine, number: int, page_rows: int) -> None:
    """Whoever reads the report must see what was done, not all that follows from it."""
    do(records, f"UPDATE decisions SET tier = 3 WHERE writer = 'replica-1' AND chain_seq = {number}")  # noqa: S608 - our own

    assert [("altered", "decisions", number, number, (an_id(number),))] == told(engine, page_rows=page_rows)


@pytest.mark.parametrize(
    "change",
    [
        "sentiment_score = NULL",
        "reasons = '[]'",
        "decided_at_us = decided_at_us + 1",
        "human_requested = NOT human_requested",
        "policy = ''",
        "model_version = 'é'",
        "intent_confidence = 1e300",
        "personal_sha256 = ''",
    ],
)
def test_any_value_that_was_altered_is_found(records: Place, engine: Engine, change: str) -> None:
    """The chain is over every column."""
    do(records, f"UPDATE decisions SET {change} WHERE writer = 'replica-1' AND chain_seq = 9")  # noqa: S608 - our own

    assert [("altered", "decisions", 9, 9, (an_id(9),))] == told(engine)


@pytest.mark.parametrize(
    "change",
    ["human_requested = 5", "policy = CAST(x'ff' AS TEXT)", "policy = x'00ff'", "intent_confidence = 1e999"],
)
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_value_that_no_column_should_hold_is_found(records: Place, engine: Engine, change: str) -> None:
    """SQLite takes anything; it must be named, and must not keep the other records from being verified."""
    do(records, f"UPDATE decisions SET {change} WHERE writer = 'replica-1' AND chain_seq = 9")  # noqa: S608 - our own

    assert [("altered", "decisions", 9, 9, (an_id(9),))] == told(engine)


@pytest.mark.parametrize("number", [1, 14, RECORDS])
@pytest.mark.parametrize("value", ["'" + "0" * 64 + "'", "'é'"])
def test_an_altered_hash_is_one_finding_at_its_record(records: Place, engine: Engine, value: str, number: int) -> None:
    """The records behind it are linked to the hash that it had."""
    do(records, f"UPDATE outcomes SET chain_hash = {value} WHERE writer = 'replica-2' AND chain_seq = {number}")  # noqa: S608 - our own

    assert [("altered", "outcomes", number, number, (f"outcome-{number + 100}",))] == told(engine)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 9), (14, 14), (10, 20), (30, 30), (7, 30), (1, 30)])
def test_removed_records_are_named_by_their_numbers(records: Place, engine: Engine, first: int, last: int) -> None:
    """At the beginning, in the middle, at the end, or all of them."""
    where = f"WHERE writer = 'replica-1' AND chain_seq BETWEEN {first} AND {last}"
    do(records, f"DELETE FROM decisions {where}")  # noqa: S608 - our own

    assert [("removed", "decisions", first, last, ())] == told(engine)
    assert f"{last - first + 1} of their personal parts are still there" in verify(engine).findings[0].text


@pytest.mark.parametrize(("one", "other"), [(4, 5), (4, 6), (4, 23), (1, RECORDS), (1, 2), (RECORDS - 1, RECORDS)])
def test_two_records_that_changed_places_with_their_hashes_are_one_finding(
    records: Place, engine: Engine, one: int, other: int
) -> None:
    """The records behind them, which are linked to what stood there, are in order."""
    do(
        records,
        "DELETE FROM decisions WHERE writer = 'replica-2'",
        "DELETE FROM personal_parts WHERE writer = 'replica-2'",
        "DELETE FROM chain_heads WHERE writer = 'replica-2' AND chain = 'decisions'",
        *(statement.format(table="decisions", one=one, other=other) for statement in SWAP),
    )

    assert [("reordered", "decisions", one, other, (an_id(other), an_id(one)))] == told(engine)
    assert f"records {one} and {other} changed places" == verify(engine).findings[0].text


def test_two_records_whose_values_were_exchanged_are_one_finding(records: Place, engine: Engine) -> None:
    """The chain's columns stay where they are; the values under them are another record's."""
    names = [name for name in outcomes.c.keys() if name not in {"writer", "chain_seq", "chain_hash"}]  # noqa: SIM118 - no dict
    other = "FROM kept WHERE chain_seq = 27 - outcomes.chain_seq"
    exchanged = ", ".join(f"{name} = (SELECT {name} {other})" for name in names)
    mine = "writer = 'replica-1' AND chain_seq IN (4, 23)"
    do(
        records,
        f"CREATE TABLE kept AS SELECT * FROM outcomes WHERE {mine}",  # noqa: S608 - our own
        "UPDATE outcomes SET outcome_id = 'x' WHERE writer = 'replica-1' AND chain_seq = 23",
        *(f"UPDATE outcomes SET {exchanged} WHERE writer = 'replica-1' AND chain_seq = {one}" for one in (4, 23)),  # noqa: S608 - our own
    )

    assert [("reordered", "outcomes", 4, 23, ("outcome-23", "outcome-4"))] == told(engine)


def test_a_record_moved_behind_the_end_is_told_with_its_place(records: Place, engine: Engine) -> None:
    """It is neither missing nor new."""
    do(records, "UPDATE outcomes SET chain_seq = 31 WHERE writer = 'replica-1' AND chain_seq = 9")

    assert [("reordered", "outcomes", 9, 31, ("outcome-9",))] == told(engine)
    assert "the record at 31 belongs at 9" == verify(engine).findings[0].text


def test_one_altered_one_removed_and_two_reordered_records_are_three_findings(records: Place, engine: Engine) -> None:
    """Nothing hides behind anything else."""
    do(
        records,
        "UPDATE decisions SET tier = 1 WHERE writer = 'replica-2' AND chain_seq = 3",
        "DELETE FROM decisions WHERE writer = 'replica-2' AND chain_seq = 12",
        "DELETE FROM personal_parts WHERE writer = 'replica-2' AND chain_seq = 12",
        *(statement.format(table="decisions", one=18, other=25) + " AND writer = 'replica-2'" for statement in SWAP),
    )

    assert [
        ("altered", "decisions", 3, 3, (an_id(103),)),
        ("removed", "decisions", 12, 12, ()),
        ("reordered", "decisions", 18, 25, (an_id(125), an_id(118))),
    ] == sorted(told(engine), key=lambda one: one[2])


@pytest.mark.parametrize(
    "change",
    [
        "chain_hash = 'f'",
        "chain_seq = 29",
        "chain_seq = 29, chain_hash = (SELECT min(chain_hash) FROM decisions WHERE chain_seq = 29)",
    ],
)
def test_an_altered_head_is_found(records: Place, engine: Engine, change: str) -> None:
    """It is what tells whether records are missing at the end."""
    do(records, f"UPDATE chain_heads SET {change} WHERE writer = 'replica-1' AND chain = 'decisions'")  # noqa: S608 - our own

    assert [("head", "decisions", RECORDS, RECORDS, ())] == told(engine)


def test_a_missing_head_is_found(records: Place, engine: Engine) -> None:
    """Without it nobody can tell what was cut off."""
    do(records, "DELETE FROM chain_heads WHERE writer = 'replica-1' AND chain = 'outcomes'")

    assert [("head", "outcomes", RECORDS, RECORDS, ())] == told(engine)


@pytest.mark.parametrize(
    "change",
    [
        "part = '{}'",
        "part = 'é'",
        "salt = (SELECT salt FROM personal_parts WHERE writer = 'replica-1' AND chain_seq = 9)",
        "subject_ref = 'somebody-else'",
        "conversation_id = NULL",
        "tenant_id = 'another'",
    ],
)
def test_an_altered_personal_part_is_found(records: Place, engine: Engine, change: str) -> None:
    """Also the columns by which a person is found when they are to be erased."""
    do(records, f"UPDATE personal_parts SET {change} WHERE writer = 'replica-1' AND chain_seq = 8")  # noqa: S608 - our own

    assert [("personal_altered", "decisions", 8, 8, (an_id(8),))] == told(engine)


def test_erased_parts_are_counted_and_those_of_no_record_found(records: Place, engine: Engine) -> None:
    """Erasing leaves the chain whole; a part without a record would never be erased with it."""
    do(
        records,
        "DELETE FROM personal_parts WHERE writer = 'replica-1' AND chain_seq IN (2, 5, 6)",
        "UPDATE personal_parts SET chain_seq = 77 WHERE writer = 'replica-2' AND chain_seq = 4",
        "UPDATE personal_parts SET writer = 'nobody' WHERE writer = 'replica-2' AND chain_seq = 9",
    )

    report = verify(engine)

    assert [("personal_orphan", "nobody", 9, 9), ("personal_orphan", "replica-2", 77, 77)] == [
        (one.kind, one.writer, one.first, one.last) for one in report.findings
    ]
    assert {"replica-1": 3, "replica-2": 2, "nobody": 0} == {
        one.writer: one.erased for one in report.chains if one.chain == "decisions"
    }


def test_a_chain_written_anew_is_found_by_what_was_seen_before(records: Place, engine: Engine) -> None:
    """Whoever can write the database can compute hashes too; what they cannot alter is an earlier report."""
    seen = verify(engine).heads()
    do(
        records,
        "DELETE FROM decisions WHERE writer = 'replica-1' AND chain_seq > 20",
        "DELETE FROM personal_parts WHERE writer = 'replica-1' AND chain_seq > 20",
        "UPDATE chain_heads SET (chain_seq, chain_hash) ="
        " (SELECT chain_seq, chain_hash FROM decisions WHERE writer = 'replica-1' AND chain_seq = 20)"
        " WHERE writer = 'replica-1' AND chain = 'decisions'",
    )

    assert [] == told(engine)
    assert [("removed", "decisions", 21, 30, ())] == told(engine, known=seen)
    for writer in ("replica-1", "replica-2"):
        store = SqlStore(records.url, writer=writer)
        store.add([a_record(number) for number in range(200, 220)], [])
        store.close()
    assert [("head", "decisions", 30, 30, ())] == told(engine, known=seen)


def test_a_store_that_is_wrong_throughout_is_still_read_to_its_end(records: Place, engine: Engine) -> None:
    """Findings are kept up to a bound, and all are counted."""
    do(records, "UPDATE decisions SET tier = 3")

    assert {"altered": 2 * RECORDS} == verify(engine).counts


def test_progress_is_told(engine: Engine) -> None:
    """A million records take half a minute."""
    said: list[tuple[int, int]] = []

    verify(engine, progress=lambda done, total: said.append((done, total)))

    assert (4 * RECORDS, 4 * RECORDS) == said[-1]
    assert sorted(said) == said


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_database_without_tables_is_whole(place: SqlitePlace) -> None:
    """A server that has just been started has recorded nothing yet."""
    place.file.touch()
    reading = open_engine(place.url, read_only=True)

    assert verify_store(reading, key=None).whole
    reading.dispose()


@pytest.fixture
def events(place: Place) -> Place:
    """Return a database with control events."""
    store = SqlControlStore(open_database(place.url, read_only=False))
    for number in range(9):
        store.append(a_change(0.9, intent=f"intent-{number}"), expected_revision=number)
    store.close()
    return place


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ((), []),
        (("UPDATE control_events SET author = 'ben' WHERE revision = 4",), [("altered", 4, 4)]),
        (
            ("UPDATE control_events SET document = '{}' WHERE revision = 9",),
            [("altered", 9, 9)],
        ),
        (("DELETE FROM control_events WHERE revision = 5",), [("removed", 5, 5)]),
        (("DELETE FROM control_events WHERE revision > 6",), [("removed", 7, 9)]),
        (tuple(one.format(table="control_events", one=3, other=6) for one in SWAP), [("reordered", 3, 6)]),
    ],
)
def test_a_change_or_a_stop_that_was_tampered_with_is_named(
    events: Place, statements: tuple[str, ...], expected: list[tuple[str, int, int]]
) -> None:
    """Who loosened what, and when, is what an auditor asks for first."""
    do(events, *statements)
    engine = open_engine(events.url, read_only=True)

    report = verify_store(engine, key=KEY, page_rows=4)
    engine.dispose()

    assert expected == [(one.kind, one.first, one.last) for one in report.findings]
    assert [("control_events", "control")] == [(one.chain, one.writer) for one in report.chains]


def test_of_an_empty_database_what_was_there_before_is_missing(place: Place) -> None:
    """Somebody removed the file, and the next start made another."""
    engine = open_engine(place.url, read_only=False)

    known = {("control_events", "control"): (9, "h"), ("decisions", "w"): (3, "h")}
    report = verify_store(engine, key=KEY, known=known)
    some = verify_store(engine, key=KEY, known={("decisions", "w"): (3, "h")}, chains=CHAINS[2:])
    engine.dispose()

    assert [("removed", "control_events", 9), ("removed", "decisions", 3)] == [
        (one.kind, one.chain, one.last) for one in report.findings
    ]
    assert some.whole
