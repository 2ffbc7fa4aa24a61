"""Retention by the controller: once a day, in slices, whatever goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import KEYS
from contract.samples import a_record, a_request
from oversight.app.retention_watch import RetentionWatch
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.open import open_engine
from oversight.storage.retention import Retention, months_before
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url

DAY_US = 86_400_000_000
NOW_US = 1_800_000_000_000_000
OLD_US = months_before(NOW_US, 13) - 1


class Clocks:
    """The time of day, and a monotonic clock that goes on by *tick_s* at each look."""

    def __init__(self) -> None:
        self.now_us = NOW_US
        self.elapsed_s = 0.0
        self.tick_s = 0.0

    def time_us(self) -> int:
        return self.now_us

    def monotonic(self) -> float:
        self.elapsed_s += self.tick_s
        return self.elapsed_s


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    """Return a store."""
    opened = SqlStore(file_url(file), writer="local")
    yield opened
    opened.close()


@pytest.fixture
def clocks() -> Clocks:
    """Return clocks that stand still."""
    return Clocks()


@pytest.fixture
def watch(file: Path, clocks: Clocks) -> Iterator[RetentionWatch]:
    """Return a watch over that store, in batches of ten."""
    engine = open_engine(file_url(file), read_only=False)
    retention = Retention(engine, CheckpointKey(KEYS.id_key), clock_us=clocks.time_us, batch_rows=10)
    yield RetentionWatch(
        retention, months=13, in_force=lambda: ["d" * 64], clock_us=clocks.time_us, clock=clocks.monotonic
    )
    engine.dispose()


def add(store: SqlStore, first: int, count: int) -> None:
    store.add([a_record(n, a_request(n, decided_at_us=OLD_US)) for n in range(first, first + count)], [])


def left(store: SqlStore) -> int:
    with store._engine.connect() as connection:  # noqa: SLF001 - its database
        return int(connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar_one())


def test_what_is_too_old_goes_at_the_start_and_then_once_a_day(
    store: SqlStore, watch: RetentionWatch, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that runs for a year must not keep more than one that is started each day."""
    caplog.set_level(logging.INFO)
    add(store, 1, 25)
    watch.step()
    assert 0 == left(store)
    assert (
        "retention removed 25 decisions, 0 outcomes, 0 snapshots, 0 rows of evidence older than 13 months"
        in caplog.text
    )

    add(store, 101, 5)
    clocks.now_us += DAY_US - 1
    watch.step()
    assert 5 == left(store)

    clocks.now_us += 1
    watch.step()
    assert 0 == left(store)


def test_a_slice_is_one_transaction_where_that_took_its_time(
    store: SqlStore, watch: RetentionWatch, clocks: Clocks
) -> None:
    """The drain must get its turn between them."""
    add(store, 1, 25)
    clocks.tick_s = 1.0
    seen = []
    for _ in range(3):
        watch.step()
        seen.append(left(store))

    assert [15, 5, 0] == seen


def test_a_store_that_does_not_answer_is_asked_again_an_hour_later(
    file: Path, store: SqlStore, watch: RetentionWatch, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    """It must neither end the controller nor wait for a day."""
    add(store, 1, 5)
    away = file.with_name("away")
    file.rename(away)
    file.write_bytes(b"no database" * 100)
    watch.step()
    assert "retention: the store cannot be read" in caplog.text

    away.rename(file)
    watch.step()
    assert 5 == left(store)
    clocks.now_us += DAY_US // 24
    watch.step()
    assert 0 == left(store)
