"""Erasing a person: what goes, what stays, and what arrives later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from builders import KEYS
from contract.samples import NOW_US, a_record, a_request, an_id
from oversight.errors import StoreUnavailableError
from oversight.storage.erasure import Erased, ErasedSubjects, Erasure
from oversight.storage.open import open_engine
from oversight.storage.records import DecisionRecord
from oversight.storage.sql import SqlStore
from oversight.storage.verification import verify_store
from places import Place, SqlitePlace
from serving import wait_until

ERASED_US = NOW_US + 1_000


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    """Return a store that knows who was erased."""
    opened = SqlStore(place.url, writer="replica-1", erased=ErasedSubjects(KEYS.id_key))
    yield opened
    opened.close()


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    """Return connections that write."""
    opened = open_engine(place.url, read_only=False)
    yield opened
    opened.dispose()


@pytest.fixture
def erasure(engine: Engine) -> Erasure:
    """Return what erases."""
    return Erasure(engine, id_key=KEYS.id_key, clock_us=lambda: ERASED_US)


def of(number: int, subject: str | None = "anna", tenant: str | None = "acme", **changes: Any) -> DecisionRecord:
    return a_record(number, a_request(number, subject_ref=subject, tenant_id=tenant, **changes))


def erased(store: SqlStore, *numbers: int) -> list[bool]:
    found = [store.find_decision(an_id(number)) for number in numbers]
    return [one.erased for one in found if one is not None]


def test_every_part_of_the_subject_goes_and_no_other(store: SqlStore, erasure: Erasure, engine: Engine) -> None:
    """Also where they are more than one transaction takes; the records and their chain stay."""
    store.add([of(number) for number in range(1, 1_200)] + [of(2_000, "bob"), of(2_001, None)], [])

    assert Erased(1_199, ERASED_US) == erasure.erase_subject("anna")

    report = verify_store(engine, key=None)
    assert report.whole
    assert [1_199] == [chain.erased for chain in report.chains if chain.chain == "decisions"]
    assert [True, True, False, False] == erased(store, 1, 1_199, 2_000, 2_001)
    assert Erased(0, ERASED_US) == erasure.erase_subject("anna")


def test_of_one_tenant_only_that_one_s_go(store: SqlStore, erasure: Erasure) -> None:
    """Another company's customer may have the same pseudonym."""
    store.add([of(1), of(2, tenant="other"), of(3, tenant=None)], [])

    assert 1 == erasure.erase_subject("anna", "acme").parts

    assert [True, False, False] == erased(store, 1, 2, 3)
    assert 2 == erasure.erase_subject("anna").parts


def test_a_record_that_arrives_after_the_erasure_has_no_personal_part(store: SqlStore, erasure: Erasure) -> None:
    """It waited in a journal meanwhile; what was decided after the erasure is another matter."""
    before: dict[str, Any] = {"decided_at_us": ERASED_US}
    after: dict[str, Any] = {"decided_at_us": ERASED_US + 1}
    erasure.erase_subject("anna", "acme")
    erasure.erase_subject("carl")

    store.add(
        [
            of(1, **before),
            of(2, **after),
            of(3, "bob", **before),
            of(4, tenant="other", **before),
            of(5, "carl", **before),
            of(6, None, **before),
        ],
        [],
    )

    assert [True, False, False, False, True, False] == erased(store, 1, 2, 3, 4, 5, 6)


def test_a_record_that_comes_twice_does_not_bring_the_part_back(store: SqlStore, erasure: Erasure) -> None:
    """A drain that died repeats what it did."""
    store.add([of(1)], [])
    erasure.erase_subject("anna")

    store.add([of(1)], [])

    assert [True] == erased(store, 1)


def test_who_was_erased_is_not_told_by_the_database(place: Place, erasure: Erasure, store: SqlStore) -> None:
    """A list of those who wanted to be forgotten would be the opposite of it."""
    erasure.erase_subject("anna", "acme")
    erasure.erase_subject("anna")

    rows = place.ask("SELECT subject_key, before_us FROM erasures")

    assert 2 == len({key for key, _ in rows})
    assert "anna" not in str(rows)
    key = ErasedSubjects(b"o" * 32).key_of("anna", "acme")
    assert key not in {found for found, _ in rows}


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_no_byte_is_left_in_the_file(place: SqlitePlace, store: SqlStore, erasure: Erasure) -> None:
    """SQLite leaves copies in the free space of pages when it moves rows, whatever `secure_delete` says."""
    words = [os.urandom(8).hex() for _ in range(3_000)]
    numbered = list(enumerate(words, 1))
    for at in range(0, len(numbered), 100):
        store.add(
            [
                of(number, f"subject-{number % 10}", conversation_id=f"conversation-{word}", attributes={"name": word})
                for number, word in numbered[at : at + 100]
            ],
            [],
        )
    store.close()

    for digit in range(5):
        assert 300 == erasure.erase_subject(f"subject-{digit}").parts

    content = b"".join(path.read_bytes() for path in place.file.parent.iterdir())
    gone = [word for number, word in numbered if number % 10 < 5]
    assert [] == [word for word in gone if word.encode() in content]
    assert all(word.encode() in content for number, word in numbered if number % 10 >= 5)
    assert [("ok",)] == place.ask("PRAGMA integrity_check")


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_postgresql_is_told_to_forget_the_rows(place: Place, store: SqlStore, erasure: Erasure) -> None:
    """A deleted row lies in its page until a VACUUM comes by."""
    store.add([of(1), of(2, "bob")], [])

    erasure.erase_subject("anna")

    vacuumed = "SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'personal_parts'"
    wait_until(lambda: [(True,)] == place.ask(vacuumed))  # the statistics come a little later


def test_an_erasure_in_an_empty_database_is_remembered(place: Place, erasure: Erasure, store: SqlStore) -> None:
    """Everything may still be in the journals."""
    assert 0 == erasure.erase_subject("anna").parts

    store.add([of(1)], [])

    assert [True] == erased(store, 1)


def test_a_store_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    """Nobody may take a person for erased who is not."""
    away = open_engine(f"sqlite:///{tmp_path / 'no_folder' / 'records.db'}", read_only=False)

    with pytest.raises(StoreUnavailableError, match="cannot be written: FileNotFoundError"):
        Erasure(away, id_key=KEYS.id_key, clock_us=lambda: ERASED_US).erase_subject("anna")


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_drain_that_has_looked_already_is_waited_for(place: Place, store: SqlStore, erasure: Erasure) -> None:
    """It knows nothing of the erasure, and what it inserts could not be seen yet."""
    store.prepare()
    with psycopg.connect(place.url.replace("+psycopg", "")) as drain, ThreadPoolExecutor(1) as pool:
        drain.execute("SELECT max(before_us) FROM erasures")
        drain.execute(
            "INSERT INTO personal_parts (writer, chain_seq, subject_ref, salt, part) VALUES ('r', 1, 'anna', '', '{}')"
        )

        erasing = pool.submit(erasure.erase_subject, "anna")
        wait_until(lambda: place.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
        drain.commit()

        assert 1 == erasing.result(30).parts
