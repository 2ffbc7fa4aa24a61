"""P3: PostgreSQL may be down, slow, restarting, read-only or full; everything arrives once afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from e2e.fault_table import FaultTable
from e2e.load import Load, Promises
from e2e.on_record import Store, read_row, settle, store_problem
from e2e.slow_proxy import SlowProxy
from e2e.small_disk import CannotMountError, small_disk
from postgres import PostgresServer
from servers import ServerProcess, wait_until

MEANWHILE = 300
"""Replies that are waited for while a fault lasts."""
DELAY_S = 0.1
DISK_BYTES = 256 << 20

Inject = Callable[[PostgresServer, ServerProcess, Load], None]


@pytest.fixture
def database(postgres_programs: None) -> Iterator[PostgresServer]:
    """A PostgreSQL of its own for each fault."""
    with PostgresServer() as server:
        yield server


def wait_for_problem(server: ServerProcess, words: str) -> None:
    """Return when the server says that the store takes nothing, and why: the fault is there."""
    wait_until(lambda: words in store_problem(server), f"the server to notice: {words}", 60)


def stop_for_a_while(database: PostgresServer, server: ServerProcess, load: Load) -> None:
    """Stop it as an operator does."""
    database.stop()
    wait_for_problem(server, "refused")
    load.wait_for(MEANWHILE)
    database.start()


def kill_all(database: PostgresServer, server: ServerProcess, load: Load) -> None:
    """End each of its processes at once."""
    database.kill()
    wait_for_problem(server, "refused")
    load.wait_for(MEANWHILE)
    database.start()


def kill_backend_in_batch(database: PostgresServer, server: ServerProcess, load: Load) -> None:
    """Hold a table that a batch fills last, so that the backend stands in the middle of one, and kill it there."""
    standing = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'oversight' AND wait_event_type = 'Lock' "
        "AND query LIKE 'COPY personal_parts%'"
    )
    name = database.ask("SELECT datname FROM pg_stat_activity WHERE application_name = 'oversight'")[0][0]
    # Closing rolls back; to a server that began anew there is nothing to say.
    with closing(database.connect(name)) as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE personal_parts IN EXCLUSIVE MODE")
        ((pid,),) = wait_until(lambda: database.ask(standing), "a batch to wait for the lock", 60)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_gone(holder), "the whole server to begin anew, as it does then", 60)
    load.wait_for(MEANWHILE)


def is_gone(connection: psycopg.Connection[object]) -> bool:
    """Tell whether the server has left a connection."""
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def make_read_only(database: PostgresServer, server: ServerProcess, load: Load) -> None:
    """Let it answer and take nothing, as one does that was demoted."""
    database.set("default_transaction_read_only", "on")
    wait_for_problem(server, "read-only")
    load.wait_for(MEANWHILE)
    with database.connect() as admin:
        admin.execute("SET transaction_read_only = off")
        admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        admin.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("fault", "inject"),
    [
        ("stopped for a while and started again", stop_for_a_while),
        ("kill -9 of every process of the database", kill_all),
        ("kill -9 of the backend in the middle of a batch", kill_backend_in_batch),
        ("read-only for a while", make_read_only),
    ],
    ids=["stopped", "killed", "backend", "read_only"],
)
def test_what_happens_to_the_database_costs_no_record(
    tmp_path: Path,
    faults: FaultTable,
    rounds: int,
    seed: int,
    database: PostgresServer,
    fault: str,
    inject: Inject,
) -> None:
    """Calls are answered meanwhile, on record, and each record is in the database afterwards."""
    store, promises = Store.in_postgres(database.create_database()), Promises()
    with ServerProcess(tmp_path, workers=2, shutdown_grace_s=20, **store.settings) as server:
        for number in range(rounds):
            with Load(server.target, f"{seed}-{number}", promises) as load:
                wait_for_some(store, load)
                inject(database, server, load)
                load.wait_for(100)
            settle(server, store, promises)
        assert 0 == server.terminate()

    assert [] == promises.unrecorded
    faults.add(read_row(fault, store, promises, rounds=rounds))


def test_a_slow_database_gets_everything(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int, database: PostgresServer
) -> None:
    """However far away it is, calls do not wait for it."""
    url = database.create_database()
    with SlowProxy(database.port) as proxy:
        store, promises = Store.in_postgres(url, proxy.port), Promises()
        with ServerProcess(tmp_path, workers=2, shutdown_grace_s=20, **store.settings) as server:
            for number in range(rounds):
                with Load(server.target, f"{seed}-{number}", promises) as load:
                    wait_for_some(store, load)
                    proxy.delay_s = DELAY_S
                    load.wait_for(MEANWHILE)
                    wait_for_some(store, load)
                    proxy.delay_s = 0.0
                    load.wait_for(100)
                settle(server, store, promises)
            assert 0 == server.terminate()

    assert [] == promises.unrecorded
    fault = f"slow: {DELAY_S * 1000:.0f} ms each way"
    faults.add(read_row(fault, store, promises, rounds=rounds))


def test_a_database_whose_disk_is_full_gets_everything_when_there_is_room(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int, database: PostgresServer
) -> None:
    """Its tables are in a tablespace on a small disk."""
    fault = "the disk of the tables is full"
    try:
        with small_disk(database.data.parent / "small", DISK_BYTES, owner=database.data.stat().st_uid) as disk:
            database.ask(f"CREATE TABLESPACE small LOCATION '{disk.path}'")
            database.ask("CREATE DATABASE on_small_disk TABLESPACE small")
            store, promises = Store.in_postgres(database.url("on_small_disk")), Promises()
            with ServerProcess(tmp_path, workers=2, shutdown_grace_s=20, **store.settings) as server:
                for number in range(rounds):
                    with Load(server.target, f"{seed}-{number}", promises) as load:
                        wait_for_some(store, load)
                        disk.fill()
                        wait_for_problem(server, "No space left on device")
                        load.wait_for(MEANWHILE)
                        disk.make_room()
                        load.wait_for(100)
                    settle(server, store, promises)
                assert 0 == server.terminate()
            row = read_row(fault, store, promises, rounds=rounds)
    except CannotMountError as problem:
        faults.skip(fault, "PostgreSQL", str(problem))
        pytest.skip(f"a small disk cannot be mounted: {problem}")

    assert [] == promises.unrecorded
    faults.add(row)


def wait_for_some(store: Store, load: Load) -> None:
    """Return when something of what is promised from now on is in the database."""
    before = set(load.promises.decisions)
    load.wait_for(50)
    promised = load.promises.decisions - before
    wait_until(lambda: not promised <= store.missing(load.promises)[0], "records to arrive", 60)
