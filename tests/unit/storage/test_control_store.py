"""The control store's own: how it meets databases that are not ready, and what tells of an event."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from contract.control_samples import a_change
from oversight.errors import StoreUnavailableError
from oversight.storage.control_listener import PollingListener
from oversight.storage.control_store import SqlControlStore
from oversight.storage.migration import migrate
from oversight.storage.open import open_database
from oversight.storage.postgresql_listener import PostgresqlListener
from oversight.storage.sqlite import file_url
from places import Place

NOWHERE = make_url("postgresql+psycopg://u@127.0.0.1:1/d")


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """A data folder that was never administered has no such file."""
    store = SqlControlStore(open_database(file_url(tmp_path / "control.db"), read_only=False))

    assert () == store.events_after(0)
    store.close()
    assert [] == list(tmp_path.iterdir())


def test_a_database_without_tables_has_no_events(place: Place) -> None:
    """Somebody made it for the service, and nothing more."""
    store = SqlControlStore(open_database(place.url, read_only=False))

    assert () == store.events_after(0)
    store.close()


def test_an_older_database_is_neither_read_nor_written_until_it_may_be_migrated(place: Place) -> None:
    """Replicas of the version before may still use it."""
    database = open_database(place.url, read_only=False)
    migrate(database, "0002")
    store = SqlControlStore(database)

    with pytest.raises(StoreUnavailableError, match="read: the database has revision 0002"):
        store.events_after(0)
    with pytest.raises(StoreUnavailableError, match="written: the database has revision 0002"):
        store.append(a_change(), expected_revision=0)

    migrating = SqlControlStore(database, migrate=True)
    migrating.prepare()
    assert 1 == migrating.append(a_change(), expected_revision=0)
    store.close()


def test_a_store_that_is_down_is_said_so() -> None:
    """What is in force stays, and grows old."""
    store = SqlControlStore(open_database(NOWHERE, read_only=False))

    with pytest.raises(StoreUnavailableError, match="the store cannot be read"):
        store.events_after(0)
    with pytest.raises(StoreUnavailableError, match="the store cannot be written"):
        store.append(a_change(), expected_revision=0)
    store.close()


def test_an_event_that_cannot_be_read_is_not_passed_over(place: Place) -> None:
    """What it stopped would go on."""
    store = SqlControlStore(open_database(place.url, read_only=False))
    store.append(a_change(), expected_revision=0)
    place.ask("UPDATE control_events SET kind = 'FUTURE'")

    with pytest.raises(StoreUnavailableError, match="control event 1 cannot be read"):
        store.events_after(0)
    store.close()


def test_a_listener_hears_of_an_event_at_once(postgres_url: str) -> None:
    """Without it, half a second more until a stop holds on another replica."""
    store = SqlControlStore(open_database(postgres_url, read_only=False))
    store.prepare()
    listener = PostgresqlListener(make_url(postgres_url), connect_timeout_s=5, poll_s=30)
    waiting = threading.Thread(target=listener.wait)
    waiting.start()
    assert listener.listens.wait(10)

    store.append(a_change(), expected_revision=0)

    waiting.join(10)
    assert not waiting.is_alive()
    listener.close()
    store.close()


def test_a_listener_that_hears_nobody_waits_no_longer_than_a_poll(caplog: pytest.LogCaptureFixture) -> None:
    """The hint is gone, the look remains; said once."""
    listener = PostgresqlListener(NOWHERE, connect_timeout_s=2, poll_s=0.01, again_s=0.0)

    for _ in range(3):
        listener.wait()

    assert 1 == sum("no word of changes comes from the store" in record.message for record in caplog.records)
    listener.close()


def test_an_embedded_store_is_looked_at_often() -> None:
    """Nobody tells, and a look costs little."""
    PollingListener(poll_s=0.001).wait()
