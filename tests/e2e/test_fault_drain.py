"""P3, P4 and P7: a drain that dies, waits or is cut short repeats work, not records, and leaves none behind."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from builders import KEYS
from e2e.fault_table import FaultTable
from e2e.load import Load, Promises
from e2e.on_record import Store, read_row, settle
from e2e.tracing_kill import CannotTraceError, killed_when_it_calls
from oversight.grpc_api.convert.frames import decode_frame
from oversight.journal.reader import SegmentReader
from oversight.storage.records import DecisionRecord
from servers import ServerProcess, wait_until

BEFORE_REMOVAL = "crash between the store's commit and the removal of the segment"


@contextmanager
def store_held(data_dir: Path) -> Iterator[None]:
    """Keep the embedded store from taking anything, as a backup that holds it locked does."""
    with closing(sqlite3.connect(data_dir / "records.db", isolation_level=None, timeout=10)) as store:
        store.execute("BEGIN EXCLUSIVE")
        yield
        store.execute("ROLLBACK")


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """Keep a process from doing anything."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def keeper_pid(server: ServerProcess) -> int:
    """Return the process id of the keeper that lives."""
    keeper = wait_until(lambda: server.status().keeper, "a keeper")
    return wait_until(lambda: keeper.pid if keeper.pid in server.child_pids() else None, "the keeper")


def decisions_in(segment: Path) -> set[str]:
    """Return the ids of the decisions in a segment."""
    with SegmentReader(segment, 0) as reader:
        records = [record for entry in reader for record in decode_frame(entry.payload, KEYS)]
    return {record.decision_id for record in records if isinstance(record, DecisionRecord)}


def journals(server: ServerProcess) -> list[Path]:
    """Return the segments of every worker."""
    return sorted((server.data_dir / "journal").rglob("*.journal"))


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The embedded store of the test's server, or a database of the run's PostgreSQL."""
    if request.param == "sqlite":
        return Store.in_file(tmp_path / "data")
    return Store.in_postgres(request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize(
    ("store", "fault", "calls", "at"),
    [
        ("sqlite", BEFORE_REMOVAL, ("unlink", "unlinkat"), 1),
        ("postgresql", BEFORE_REMOVAL, ("unlink", "unlinkat"), 1),
        ("sqlite", "crash in the middle of the store's commit", ("fsync", "fdatasync"), 4),
    ],
    indirect=["store"],
    ids=["before_removal_sqlite", "before_removal_postgresql", "in_commit_sqlite"],
)
def test_a_drain_that_dies_repeats_nothing(
    tmp_path: Path,
    faults: FaultTable,
    rounds: int,
    seed: int,
    store: Store,
    fault: str,
    calls: tuple[str, ...],
    at: int,
) -> None:
    """Delivery is at least once up to the store and exactly once in it."""
    # Small segments, so that there are many removals.
    server = ServerProcess(tmp_path, workers=1, journal_segment_bytes=16_384, shutdown_grace_s=20, **store.settings)
    promises = Promises()
    with server:
        for number in range(rounds):
            log = tmp_path / f"strace-{number}.log"
            try:
                with halted(server.pid):  # so that nobody starts another keeper while we look
                    with (
                        Load(server.target, f"{seed}-{number}", promises) as load,
                        killed_when_it_calls(keeper_pid(server), calls, log, at=at),
                    ):
                        load.wait_for(1)
                    check_killed(server, log, store, calls)
            except CannotTraceError as problem:
                faults.skip(fault, store.name, str(problem))
                pytest.skip(f"nothing can be traced: {problem}")
            settle(server, store, promises)
        assert 0 == server.terminate()
        assert [] == journals(server)

    faults.add(read_row(fault, store, promises, rounds=rounds))


def check_killed(server: ServerProcess, log: Path, store: Store, calls: tuple[str, ...]) -> None:
    """Make sure that the fault was what it is called."""
    lines = log.read_text().splitlines()
    assert any("killed by SIGKILL" in line for line in lines), lines
    if "unlink" not in calls:
        assert (server.data_dir / "records.db-journal").stat().st_size > 0, "a transaction is to be rolled back"
        return
    last = next(line for line in reversed(lines) if "unlink" in line and '"' in line)
    segment = Path(last.split('"')[1])
    assert segment.suffix == ".journal"
    promised = Promises()
    promised.decisions = decisions_in(segment)
    assert promised.decisions
    assert (set(), set()) == store.missing(promised), "the store had committed them"


@pytest.mark.parametrize(
    ("fault", "number", "later_workers"),
    [
        ("SIGTERM with a backlog bigger than the grace", signal.SIGTERM, 2),
        ("a journal whose worker is gone for good", signal.SIGKILL, 1),
    ],
    ids=["sigterm", "gone"],
)
def test_what_was_left_behind_is_drained_at_the_next_start(
    tmp_path: Path, faults: FaultTable, seed: int, fault: str, number: signal.Signals, later_workers: int
) -> None:
    """A stop keeps to its grace; a journal needs no worker of its own to be drained."""
    server = ServerProcess(tmp_path, workers=2, shutdown_grace_s=0.2)
    store, promises = Store.in_file(server.data_dir), Promises()
    with server:
        wait_until((server.data_dir / "records.db").exists, "the store")
        with ExitStack() as callers:
            load = callers.enter_context(Load(server.target, f"{seed}", promises))
            load.wait_for(200)
            with store_held(server.data_dir):
                load.wait_for(1_000)
                # The kernel deals connections out by chance: more of them, until each worker has some.
                for more in range(8):
                    if len({path.parent for path in journals(server)}) == 2:
                        break
                    callers.enter_context(Load(server.target, f"{seed}-{more}", promises)).wait_for(50)
                server.close_channel()
                os.kill(server.pid, number)
                server.wait()
        assert store.missing(promises)[0], "a backlog was left"
        assert 2 == len({path.parent for path in journals(server)})

    later = ServerProcess(tmp_path, workers=later_workers, shutdown_grace_s=20)
    with later:
        settle(later, store, promises)
        assert 0 == later.terminate()
        assert [] == journals(later)
    faults.add(read_row(fault, store, promises))


def test_a_store_that_is_locked_for_a_while_gets_everything_afterwards(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int
) -> None:
    """Whoever copies the file must not cost records, nor stop the calls."""
    server = ServerProcess(tmp_path, shutdown_grace_s=20)
    store, promises = Store.in_file(server.data_dir), Promises()
    with server:
        wait_until((server.data_dir / "records.db").exists, "the store")
        for number in range(rounds):
            with Load(server.target, f"{seed}-{number}", promises) as load:
                load.wait_for(100)
                with store_held(server.data_dir):
                    load.wait_for(1_000)
                load.wait_for(100)
            settle(server, store, promises)
        assert 0 == server.terminate()

    assert [] == promises.unrecorded
    faults.add(read_row("the store is locked for a while", store, promises, rounds=rounds))
