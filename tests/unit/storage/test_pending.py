"""Outcomes whose decision is not on record, counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from contract.samples import NOW_US, a_record, an_id, an_outcome_record
from oversight.storage.pending import PendingOutcomes
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.storage.tables import outcomes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")
    yield store
    store.close()


def test_only_outcomes_without_their_decision_wait(store: SqlStore) -> None:
    """Two about an unknown decision are two facts that count nowhere yet."""
    pending = PendingOutcomes(store.reading)
    store.add(
        [a_record(1)],
        [an_outcome_record(1), an_outcome_record(2), an_outcome_record(3, decision_id=an_id(2))],
    )

    pending.step()

    assert (2, 0) == pending.count(0)


def test_a_decision_that_arrives_ends_the_wait(store: SqlStore) -> None:
    """Another replica's journal is drained later: no alarm for that."""
    pending = PendingOutcomes(store.reading)
    store.add([], [an_outcome_record(1), an_outcome_record(2)])
    pending.step()

    store.add([a_record(1)], [])
    pending.step()

    assert (1, 0) == pending.count(0)


def test_those_that_wait_for_longer_than_records_are_kept_are_expired(store: SqlStore) -> None:
    """Their decision was removed, or never was: it will not come any more."""
    pending = PendingOutcomes(store.reading)
    store.add([], [an_outcome_record(1, received_at_us=NOW_US), an_outcome_record(2, received_at_us=NOW_US + 10)])
    pending.step()

    assert (1, 1) == pending.count(NOW_US + 10)


def test_outcomes_that_are_removed_do_not_wait(store: SqlStore) -> None:
    """Retention removes outcomes as well."""
    pending = PendingOutcomes(store.reading)
    store.add([], [an_outcome_record(1)])
    pending.step()

    with store._engine.begin() as connection:  # noqa: SLF001 - what retention does
        connection.execute(delete(outcomes))
    pending.step()

    assert (0, 0) == pending.count(0)


def test_a_large_store_is_looked_through_in_portions(store: SqlStore) -> None:
    """A step must stay short, whatever there is; in the end the count is whole."""
    pending = PendingOutcomes(store.reading, portion=3)
    store.add([], [an_outcome_record(number) for number in range(8)])

    counted = []
    for _ in range(4):
        pending.step()
        counted.append(pending.count(0)[0])

    assert [3, 6, 8, 8] == counted


def test_no_more_are_remembered_than_set(store: SqlStore) -> None:
    """Somebody reports a million outcomes of decisions that are not ours: memory stays as it is."""
    pending = PendingOutcomes(store.reading, portion=2, most=3)
    store.add([], [an_outcome_record(number) for number in range(8)])
    for _ in range(5):
        pending.step()

    assert 4 == pending.count(0)[0]


def test_without_a_database_nothing_waits(tmp_path: Path) -> None:
    """The count begins before the first record."""
    store = SqlStore(file_url(tmp_path / "none.db"), writer="", read_only=True)
    pending = PendingOutcomes(store.reading)

    pending.step()

    assert (0, 0) == pending.count(0)
