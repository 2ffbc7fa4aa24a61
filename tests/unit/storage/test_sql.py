"""The SQL store: its file, its chain, its failures. What every store promises is in tests/contract."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Table

from builders import KEYS
from contract.samples import NOW_US, a_record, a_request, an_id, an_outcome_record
from oversight.engine.identity import request_key
from oversight.errors import StoreUnavailableError, StoreVersionError
from oversight.storage.chain import GENESIS, canonical_row, link, seal
from oversight.storage.records import Added
from oversight.storage.schema import REVISION
from oversight.storage.sql import SqlStore, open_reader
from oversight.storage.tables import decisions, outcomes
from places import Place

MakeStore = Callable[..., SqlStore]


@pytest.fixture
def make_store(place: Place) -> Iterator[MakeStore]:
    """Return a maker of stores in that place."""
    made: list[SqlStore] = []

    def make(writer: str = "replica-1") -> SqlStore:
        made.append(SqlStore(place.url, writer=writer, clock=lambda: NOW_US / 1e6))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def reader(place: Place) -> Iterator[SqlStore]:
    """Return a reader of that place."""
    store = open_reader(place.url)
    yield store
    store.close()


only_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def chain_breaks(place: Place, table: Table = decisions, writer: str = "replica-1") -> list[int]:
    """Recompute a writer's chain from the columns alone; return the numbers of the rows where it does not hold."""
    broken: list[int] = []
    previous, number = GENESIS, 0
    for row in place.ask(f"SELECT * FROM {table.name} WHERE writer = '{writer}' ORDER BY chain_seq"):  # noqa: S608 - our own names
        # SQLite knows no booleans: true is 1 there.
        values = {
            column.name: bool(value) if isinstance(column.type, Boolean) and value is not None else value
            for column, value in zip(table.c, row, strict=True)
        }
        chain_hash = values.pop("chain_hash")
        number += 1
        if chain_hash != link(previous, canonical_row(list(values.values()))) or values["chain_seq"] != number:
            broken.append(number)
        previous = str(chain_hash)
    heads = {(one, chain): head for one, chain, *head in place.ask("SELECT * FROM chain_heads")}
    return broken if heads[writer, table.name] == [number, previous] else [*broken, -1]


def test_each_writer_has_a_chain_that_the_columns_alone_prove(place: Place, make_store: MakeStore) -> None:
    """Verify works from what is in the database, over restarts and beside other replicas."""
    make_store().add([a_record(1), a_record(2)], [an_outcome_record(1)])
    make_store("replica-2").add([a_record(3)], [an_outcome_record(2)])
    make_store().add([a_record(2), a_record(4)], [an_outcome_record(1, verdict=4), an_outcome_record(3)])

    for table in (decisions, outcomes):
        for writer in ("replica-1", "replica-2"):
            assert [] == chain_breaks(place, table, writer)
    assert [(an_id(1), 1), (an_id(2), 2), (an_id(4), 3)] == place.ask(
        "SELECT decision_id, chain_seq FROM decisions WHERE writer = 'replica-1' ORDER BY chain_seq"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET tier = 1 WHERE chain_seq = 2",
        "UPDATE decisions SET sentiment_score = NULL WHERE chain_seq = 2",
        "UPDATE decisions SET reasons = '[]' WHERE chain_seq = 2",
        "DELETE FROM decisions WHERE chain_seq = 2",
        "DELETE FROM decisions WHERE chain_seq = 3",
    ],
)
def test_an_altered_or_removed_row_breaks_the_chain(place: Place, make_store: MakeStore, statement: str) -> None:
    """Otherwise the chain is decoration."""
    make_store().add([a_record(1), a_record(2), a_record(3)], [])
    assert [] == chain_breaks(place)

    place.ask(statement)

    assert [] != chain_breaks(place)


def test_the_tenant_of_a_caller_is_in_the_chain(place: Place, make_store: MakeStore) -> None:
    """Without it a foreign outcome would count; and rows from before there was one have the hashes that they had."""
    make_store().add([], [an_outcome_record(1), an_outcome_record(2)._replace(caller_tenant="acme")])
    assert [] == chain_breaks(place, outcomes)

    place.ask("UPDATE outcomes SET caller_tenant = NULL WHERE chain_seq = 2")

    assert [2] == chain_breaks(place, outcomes)


@pytest.mark.parametrize("number", [-0.0, 1, 1e-300, 0.1 + 0.2])
def test_the_chain_holds_for_numbers_that_a_database_gives_back_otherwise(
    place: Place, make_store: MakeStore, number: float
) -> None:
    """SQLite returns 0.0 for -0.0 and 1.0 for 1: an honest row must not look altered."""
    make_store().add([a_record(1, a_request(1, sentiment_score=number))], [an_outcome_record(1, csat=number)])

    assert [] == chain_breaks(place) + chain_breaks(place, outcomes)


def test_the_personal_part_is_apart_and_sealed(place: Place, make_store: MakeStore) -> None:
    """Erasing its row must be enough, and must not break the chain."""
    make_store().add([a_record(1), a_record(2)], [])

    ((salt, part, sealed),) = place.ask(
        "SELECT salt, part, personal_sha256 FROM personal_parts JOIN decisions USING (writer, chain_seq)"
        " WHERE chain_seq = 1",
    )

    assert {
        "request_id": "request-1",
        "conversation_id": "conversation-1",
        "subject_ref": "customer-7",
        "attributes": {"loyal": True, "name": 'a "quoted"\nline', "score": 0.25, "visits": 3},
    } == json.loads(part)
    assert sealed == seal(salt, part)
    assert 2 == len({salt for (salt,) in place.ask("SELECT salt FROM personal_parts")})
    assert "customer-7" not in str(place.ask("SELECT * FROM decisions"))


def test_each_decision_is_read_back_with_its_own_personal_part(make_store: MakeStore, reader: SqlStore) -> None:
    """Of two writers, each counts its records from 1; no customer may be shown with another's decision."""
    make_store("replica-1").add([a_record(1), a_record(2)], [])
    make_store("replica-2").add([a_record(3), a_record(2), a_record(4)], [])
    make_store("replica-1").add([a_record(5)], [])

    found = [reader.find_decision(an_id(number)) for number in range(1, 6)]

    assert [f"request-{number}" for number in range(1, 6)] == [one.request.request_id if one else "" for one in found]


def test_an_erased_decision_is_read_back_without_its_personal_part(
    place: Place, make_store: MakeStore, reader: SqlStore
) -> None:
    """What was decided stays on record when the customer is forgotten."""
    make_store().add([a_record(1)], [])
    place.ask("DELETE FROM personal_parts")

    found = reader.find_decision(an_id(1))

    assert found is not None
    assert found.erased
    assert a_request(1, request_id="", conversation_id=None, subject_ref=None, attributes=None) == found.request
    assert request_key(KEYS, "acme", "request-1") == found.request_key
    assert [] == chain_breaks(place)


@only_sqlite
def test_the_file_is_private_and_its_commits_are_durable(file: Path, make_store: MakeStore) -> None:
    """It holds pseudonyms; and a segment is removed on the word of a commit."""
    store = make_store()
    store.add([a_record(1)], [])

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    with store._engine.connect() as connection:  # noqa: SLF001 - there is no other way to see the connection's settings
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "busy_timeout")
        ]
    assert ["truncate", 2, 1, 5_000] == settings


def test_a_snapshot_is_kept_with_its_time_and_engine_version(place: Place, make_store: MakeStore) -> None:
    """Whoever replays it years later must know which engine it was made for."""
    make_store().put_snapshot("d1", "{}")

    assert [("d1", 1, NOW_US, "{}")] == place.ask(
        "SELECT digest, engine_version, created_at_us, document FROM snapshots"
    )


def test_a_reader_reads_what_the_writer_has_put(make_store: MakeStore, reader: SqlStore) -> None:
    """Workers read, the controller writes: two processes, one file."""
    store = make_store()
    store.add([a_record(1)], [])
    store.put_snapshot("d1", "{}")

    found = reader.find_decision(an_id(1))

    assert found is not None
    assert (a_request(1), "{}") == (found.request, reader.get_snapshot("d1"))


def test_a_reader_can_change_nothing(make_store: MakeStore, reader: SqlStore) -> None:
    """A worker faces the network."""
    make_store().add([a_record(1)], [])

    with pytest.raises(StoreUnavailableError, match=r"readonly|read-only"):
        reader.add([a_record(2)], [])


@only_sqlite
def test_a_database_that_does_not_exist_yet_is_empty_to_a_reader(
    file: Path, make_store: MakeStore, reader: SqlStore
) -> None:
    """Workers answer before the first drain has made it; they must not make it themselves."""
    assert (None, None) == (reader.find_decision(an_id(1)), reader.get_snapshot("d1"))
    assert not file.exists()
    file.touch()
    assert (None, None) == (reader.find_decision(an_id(1)), reader.get_snapshot("d1"))

    make_store().add([a_record(1)], [])

    assert reader.find_decision(an_id(1)) is not None


def test_a_database_of_another_version_is_refused_in_words(
    place: Place, make_store: MakeStore, reader: SqlStore
) -> None:
    """A newer layout must not be written by an older server, nor misread."""
    make_store().add([a_record(1)], [])
    place.ask("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(
        StoreVersionError, match=rf"revision 9999, which this server does not know; it needs {REVISION}"
    ):
        make_store().add([a_record(2)], [])
    with pytest.raises(StoreUnavailableError, match="revision 9999"):
        reader.find_decision(an_id(1))
    assert [(1,)] == place.ask("SELECT count(*) FROM decisions")


def test_a_store_that_cannot_be_opened_says_so_without_sql(tmp_path: Path) -> None:
    """The controller must start without it (P3), and no caller may learn of its tables."""
    missing = SqlStore(f"sqlite:///{tmp_path / 'no_folder' / 'records.db'}", writer="replica-1")

    with pytest.raises(StoreUnavailableError, match="cannot be written: FileNotFoundError") as caught:
        missing.put_snapshot("d1", "{}")

    assert "INSERT" not in str(caught.value).upper()


@only_sqlite
def test_a_file_that_is_no_database_is_reported_and_left_alone(file: Path, make_store: MakeStore) -> None:
    """Somebody's other file must not be overwritten."""
    file.write_bytes(b"not a database at all" * 100)
    store = make_store()

    with pytest.raises(StoreUnavailableError, match="written: DatabaseError: file is not a database"):
        store.add([a_record(1)], [])
    with pytest.raises(StoreUnavailableError, match="read: DatabaseError: file is not a database"):
        store.find_decision(an_id(1))

    assert b"not a database at all" * 100 == file.read_bytes()


def test_a_batch_that_fails_leaves_nothing_behind(place: Place, make_store: MakeStore) -> None:
    """All or none: the drain adds the same records again and again until it succeeds."""
    make_store().add([a_record(1)], [])
    place.ask("DELETE FROM chain_heads")

    with pytest.raises(StoreUnavailableError, match=r"IntegrityError|UniqueViolation") as caught:
        make_store().add([a_record(2)], [an_outcome_record(2)])

    assert "INSERT" not in str(caught.value)
    assert [(1, 1, 0)] == place.ask(
        "SELECT (SELECT count(*) FROM decisions), (SELECT count(*) FROM personal_parts),"
        " (SELECT count(*) FROM outcomes)",
    )


def test_a_store_that_comes_back_takes_what_it_refused(place: Place, make_store: MakeStore) -> None:
    """Down is a state, not an end (P3)."""
    store = make_store()
    store.add([a_record(1)], [])
    place.ask("ALTER TABLE personal_parts RENAME TO elsewhere")
    with pytest.raises(StoreUnavailableError):
        store.add([a_record(2)], [])

    place.ask("ALTER TABLE elsewhere RENAME TO personal_parts")

    assert Added(decisions=1) == store.add([a_record(2)], [])
    assert [] == chain_breaks(place)
