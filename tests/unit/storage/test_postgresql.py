"""What is particular to PostgreSQL: its failures, its locks, and that the store is back when it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from contract.samples import a_record, an_id, an_outcome_record
from oversight.errors import StoreUnavailableError
from oversight.storage.database import READING, Limits
from oversight.storage.open import open_database, open_engine
from oversight.storage.records import Added, DecisionRecord
from oversight.storage.sql import SqlStore
from places import PostgresPlace
from postgres import PASSWORD, PostgresServer
from servers import wait_until

MakeStore = Callable[..., SqlStore]
SHORT = Limits(pool_size=2, connect_timeout_s=2, statement_timeout_s=1)


@pytest.fixture
def place(postgres_url: str) -> PostgresPlace:
    """Return an empty database of the run's server."""
    return PostgresPlace(postgres_url)


@pytest.fixture(scope="module")
def own_server(postgres_programs: None) -> Iterator[PostgresServer]:
    """Yield a server that tests of this file may stop."""
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def own_url(own_server: PostgresServer) -> str:
    """Return a new database of the server that may be stopped."""
    return own_server.create_database()


@pytest.fixture
def make_store() -> Iterator[MakeStore]:
    """Return a maker of stores."""
    made: list[SqlStore] = []

    def make(url: str, writer: str = "replica-1", **options: Any) -> SqlStore:
        made.append(SqlStore(url, writer=writer, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


def some_records(first: int, count: int = 50) -> list[DecisionRecord]:
    return [a_record(number) for number in range(first, first + count)]


def numbers(place: PostgresPlace, writer: str = "replica-1") -> list[int]:
    rows = place.ask("SELECT writer, chain_seq FROM decisions ORDER BY chain_seq")
    return [seq for one, seq in rows if one == writer]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_store_is_back_when_the_server_is(
    own_server: PostgresServer, own_url: str, make_store: MakeStore, how: str
) -> None:
    """A restart of the database is no event for the drain: what failed is added again (P3, P4)."""
    store, reader = make_store(own_url), make_store(own_url, read_only=True)
    store.add(some_records(1), [])
    assert reader.find_decision(an_id(1)) is not None
    getattr(own_server, how)()

    with pytest.raises(StoreUnavailableError, match=r"cannot be written: .*Connection refused") as refused:
        store.add(some_records(51), [])
    with pytest.raises(StoreUnavailableError, match="cannot be read"):
        reader.find_decision(an_id(1))
    own_server.start()

    assert PASSWORD not in str(refused.value)
    assert Added(decisions=50, duplicates=50) == store.add(some_records(1, 100), [])
    assert reader.find_decision(an_id(100)) is not None
    assert list(range(1, 101)) == numbers(PostgresPlace(own_url))


def test_a_server_that_was_restarted_meanwhile_costs_no_batch(
    own_server: PostgresServer, own_url: str, make_store: MakeStore
) -> None:
    """The connections of before are dead without having said so."""
    store = make_store(own_url)
    store.add(some_records(1), [])
    own_server.stop()
    own_server.start()

    assert Added(decisions=50) == store.add(some_records(51), [])


def test_a_batch_that_is_killed_in_the_middle_is_added_whole_by_the_next_try(
    own_server: PostgresServer, own_url: str, make_store: MakeStore
) -> None:
    """All or none, and no number of the chain is used up by what was rolled back (P4)."""
    store, place = make_store(own_url), PostgresPlace(own_url)
    store.add(some_records(1), [])
    with psycopg.connect(own_url.replace("+psycopg", "")) as holder, ThreadPoolExecutor(1) as thread:
        # The decisions and their number are in by then, what is personal of them is not.
        holder.execute("LOCK TABLE personal_parts IN EXCLUSIVE MODE")
        adding = thread.submit(store.add, some_records(51), [])
        wait_until(lambda: waiting_for_locks(own_server), "the batch to wait")
        own_server.kill()
        with pytest.raises(StoreUnavailableError, match="cannot be written"):
            adding.result(30)
        with suppress(psycopg.OperationalError):
            holder.rollback()
    own_server.start()

    assert list(range(1, 51)) == numbers(place)
    assert Added(decisions=50, duplicates=50) == store.add(some_records(1, 100), [])
    assert list(range(1, 101)) == numbers(place)
    assert [(100,)] == place.ask("SELECT count(*) FROM personal_parts")


def waiting_for_locks(server: PostgresServer) -> bool:
    return server.ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > [(0,)]


def test_a_connection_that_is_cut_in_the_middle_is_made_again(
    postgres_server: PostgresServer, place: PostgresPlace, make_store: MakeStore
) -> None:
    """An administrator may end a session, a firewall may forget it."""
    store = make_store(place.url)
    store.add(some_records(1), [])
    with psycopg.connect(place.url.replace("+psycopg", "")) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("LOCK TABLE personal_parts IN EXCLUSIVE MODE")
        adding = thread.submit(store.add, some_records(51), [])
        wait_until(lambda: waiting_for_locks(postgres_server), "the batch to wait")
        # In the middle of the COPY, that is.
        postgres_server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY personal_parts%'"
        )
        with pytest.raises(StoreUnavailableError, match="AdminShutdown: terminating connection due to administrator"):
            adding.result(30)

    assert Added(decisions=50) == store.add(some_records(51), [])
    assert list(range(1, 101)) == numbers(place)


def test_a_server_that_can_only_be_read_takes_records_later_on_another_connection(
    own_server: PostgresServer, own_url: str, make_store: MakeStore
) -> None:
    """A primary that was demoted goes on answering: only a new connection finds the new one."""
    store = make_store(own_url)
    store.add(some_records(1), [])
    before = sessions(own_server, own_url)
    own_server.set("default_transaction_read_only", "on")
    wait_until(lambda: own_server.ask("SHOW default_transaction_read_only") == [("on",)], "it to be read-only")

    with pytest.raises(StoreUnavailableError, match=r"read-only transaction"):
        store.add(some_records(51), [])
    with own_server.connect() as admin:
        admin.execute("SET transaction_read_only = off")
        admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        admin.execute("SELECT pg_reload_conf()")
    wait_until(lambda: own_server.ask("SHOW default_transaction_read_only") == [("off",)], "it to be writable")

    assert Added(decisions=50) == store.add(some_records(51), [])
    assert before != sessions(own_server, own_url)
    assert list(range(1, 101)) == numbers(PostgresPlace(own_url))


def sessions(server: PostgresServer, url: str) -> list[Any]:
    return server.ask(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'oversight' AND datname = %(name)s",
        values={"name": make_url(url).database},
    )


def test_replicas_that_drain_the_same_decisions_at_the_same_moment_keep_each_once(
    place: PostgresPlace, make_store: MakeStore
) -> None:
    """A client that tried another replica has put one decision into two journals; and no number is skipped."""
    stores = {writer: make_store(place.url, writer) for writer in ("replica-1", "replica-2", "replica-3")}
    next(iter(stores.values())).prepare()
    start = threading.Barrier(len(stores))

    def add(one: tuple[int, str]) -> None:
        turn, writer = one
        start.wait(30)
        for batch in range(8):
            # Each in another order, so that they also wait for each other.
            mine = some_records(1 + 100 * batch, 100)
            mine = mine[::-1] if turn % 2 else mine
            add_until_taken(stores[writer], mine)

    with ThreadPoolExecutor(len(stores)) as threads:
        list(threads.map(add, enumerate(stores)))

    assert [(800, 800)] == place.ask("SELECT count(*), count(DISTINCT decision_id) FROM decisions")
    assert [(800,)] == place.ask("SELECT count(*) FROM personal_parts")
    for writer in stores:
        found = numbers(place, writer)
        assert list(range(1, len(found) + 1)) == found


def add_until_taken(store: SqlStore, records: list[DecisionRecord]) -> None:
    """Add as the drain does: again, while others are in between all the time."""
    for _ in range(100):
        with suppress(StoreUnavailableError):
            store.add(records, [])
            return
    pytest.fail("a batch was never taken")


def test_a_key_that_is_taken_meanwhile_is_looked_for_again(
    postgres_server: PostgresServer, place: PostgresPlace, make_store: MakeStore
) -> None:
    """Between the look and the insert another replica may come: that is no error."""
    store, other = make_store(place.url), make_store(place.url, "replica-2")
    store.add(some_records(1, 1), [])
    other.add(some_records(2, 1), [])
    with psycopg.connect(place.url.replace("+psycopg", "")) as holder, ThreadPoolExecutor(1) as thread:
        # As another replica does that has not committed yet.
        holder.execute(
            "INSERT INTO decisions SELECT (jsonb_populate_record(decisions, %s)).* FROM decisions LIMIT 1",
            [json.dumps({"decision_id": an_id(4), "writer": "replica-3"})],
        )
        adding = thread.submit(store.add, some_records(3, 3), [])
        wait_until(lambda: waiting_for_locks(postgres_server), "the batch to wait")
        holder.commit()

        assert Added(decisions=2, duplicates=1) == adding.result(30)
    assert [1, 2, 3] == numbers(place)


def test_a_lock_that_does_not_come_is_said_and_nothing_hangs(place: PostgresPlace, make_store: MakeStore) -> None:
    """The drain must be able to say why records wait."""
    store = make_store(place.url, limits=SHORT)
    store.add(some_records(1), [])
    with psycopg.connect(place.url.replace("+psycopg", "")) as holder:
        holder.execute("LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailableError, match="LockNotAvailable: canceling statement due to lock timeout"):
            store.add(some_records(51), [])

    assert Added(decisions=50) == store.add(some_records(51), [])


def test_a_statement_that_takes_too_long_is_ended_but_none_of_a_migration(place: PostgresPlace) -> None:
    """Also one of a reader: a worker's threads are few. A large table takes its time to change."""
    database = open_database(place.url, read_only=False, limits=SHORT)
    with database.engine.connect() as connection:
        with pytest.raises(Exception, match="statement timeout") as caught:
            connection.exec_driver_sql("SELECT pg_sleep(30)")
        assert "QueryCanceled: canceling statement due to statement timeout" == database.describe(caught.value)
    with database.engine.connect().execution_options(oversight_migrating=True) as connection:
        assert ("0", "500ms") == shown(connection, "statement_timeout", "lock_timeout")
    database.engine.dispose()


def shown(connection: Any, *names: str) -> tuple[str, ...]:
    return tuple(connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names)


def test_what_every_transaction_says(postgres_server: PostgresServer, place: PostgresPlace) -> None:
    """A commit must be durable when it returns, whatever the server's own setting: segments are removed on its word."""
    name = make_url(place.url).database
    postgres_server.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    engine = open_engine(place.url, read_only=False, limits=Limits(statement_timeout_s=7))
    with engine.connect() as connection:
        assert ("on", "off", "7s", "3500ms", "7s", "oversight", "read committed") == shown(
            connection,
            "synchronous_commit",
            "transaction_read_only",
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "application_name",
            "transaction_isolation",
        )
    with engine.connect().execution_options(**{READING: True}) as connection:
        assert ("on",) == shown(connection, "transaction_read_only")
    engine.dispose()
    reader = open_engine(place.url, read_only=True)
    with reader.connect() as connection:
        assert ("on",) == shown(connection, "transaction_read_only")
    reader.dispose()


def test_a_process_has_no_more_connections_than_it_may(
    postgres_server: PostgresServer, place: PostgresPlace, make_store: MakeStore
) -> None:
    """A database's connections are counted over all replicas and workers."""
    make_store(place.url).add(some_records(1), [])
    postgres_server.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oversight'"
        " AND datname = %(name)s",
        values={"name": make_url(place.url).database},
    )
    reader = make_store(place.url, read_only=True, limits=Limits(pool_size=3))
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(reader.find_decision, map(an_id, range(1, 51))))

    assert None not in found
    assert 1 <= len(sessions(postgres_server, place.url)) <= 3


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"username": "nobody"}, {"database": "nothing"}])
def test_a_refusal_is_said_in_the_servers_words_and_without_the_password(
    place: PostgresPlace, make_store: MakeStore, change: dict[str, str]
) -> None:
    """Logs are read by many."""
    url = make_url(place.url).set(**change)  # type: ignore[arg-type]  # its parameters by name

    with pytest.raises(StoreUnavailableError, match=r"cannot be written: OperationalError: .*(failed|exist)") as caught:
        make_store(url.render_as_string(hide_password=False)).add(some_records(1), [an_outcome_record(1)])

    shown_to_people = f"{caught.value}{caught.value.__cause__}"
    assert PASSWORD not in shown_to_people
    assert "wrong" not in shown_to_people


def test_an_error_says_nothing_of_the_row_that_caused_it(place: PostgresPlace, make_store: MakeStore) -> None:
    """The server's details quote whole rows, customers and all."""
    store = make_store(place.url)
    store.prepare()
    place.ask("ALTER TABLE personal_parts ADD CONSTRAINT never CHECK (subject_ref IS NULL)")

    with pytest.raises(StoreUnavailableError, match=r'CheckViolation: .*"never"') as told:
        store.add(some_records(1), [])

    assert "customer-7" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_user_who_may_only_write_rows_is_enough_once_there_are_tables(
    postgres_server: PostgresServer, place: PostgresPlace, make_store: MakeStore
) -> None:
    """Who may change tables is another decision than who may use them."""
    name = make_url(place.url).database or ""
    make_store(place.url).prepare()
    for statement in (
        f"CREATE ROLE {name}_rows LOGIN PASSWORD 'rows'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}_rows",
    ):
        postgres_server.ask(statement, name)
    url = make_url(place.url).set(username=f"{name}_rows", password="rows")  # noqa: S106 - of this test's role

    store = make_store(url.render_as_string(hide_password=False))

    assert Added(decisions=50, outcomes=1) == store.add(some_records(1), [an_outcome_record(1)])
    assert store.find_decision(an_id(1)) is not None
