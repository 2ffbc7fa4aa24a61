"""P3 and P5: a full disk makes answers stricter or records late, and loses none silently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from e2e.fault_table import FaultTable
from e2e.load import Load, Promises
from e2e.on_record import Store, read_row, settle
from e2e.small_disk import CannotMountError, SmallDisk, small_disk
from servers import ServerProcess, wait_until

MEBIBYTE = 1 << 20


@contextmanager
def mounted(path: Path, size_bytes: int, faults: FaultTable, fault: str) -> Iterator[SmallDisk]:
    """Mount a small disk; skip, saying so in the table, where that cannot be done."""
    try:
        with small_disk(path, size_bytes) as disk:
            yield disk
    except CannotMountError as problem:
        faults.skip(fault, "SQLite", str(problem))
        pytest.skip(f"a small disk cannot be mounted: {problem}")


def test_a_full_disk_of_the_journal_makes_answers_stricter_and_none_is_lost_silently(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int
) -> None:
    """No quiet answer without a record; when there is room again, it records again by itself."""
    fault = "the journal's disk is full"
    server = ServerProcess(tmp_path, workers=2, shutdown_grace_s=20)
    store, promises = Store.in_file(server.data_dir), Promises()
    server.data_dir.mkdir(mode=0o700)
    with mounted(server.data_dir / "journal", 32 * MEBIBYTE, faults, fault) as disk, server:
        for number in range(rounds):
            with Load(server.target, f"{seed}-{number}", promises) as load:
                load.wait_for(100)
                unrecorded = len(promises.unrecorded)
                disk.fill()
                wait_until(lambda: len(promises.unrecorded) >= unrecorded + 100, "answers without a record", 60)  # noqa: B023 - called here
                disk.make_room()
                load.wait_for(100)
        lost = len(promises.unrecorded)
        wait_until(lambda: server.status().lost == lost, "every one of them to be counted", 60)
        settle(server, store, promises)
        assert 0 == server.terminate()
        assert [] == list((server.data_dir / "journal").rglob("*.journal"))

    assert [] == promises.quiet()
    faults.add(read_row(fault, store, promises, rounds=rounds))


def test_where_calls_are_refused_a_full_disk_refuses_them_and_nothing_that_was_answered_is_missing(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int
) -> None:
    """The other choice (on_record_failure): no answer without a record, health says so, and it comes back by itself."""
    fault = "the journal's disk is full; calls are refused, records fsynced"
    server = ServerProcess(tmp_path, on_record_failure="refuse", record_sync="always", shutdown_grace_s=20)
    store, promises = Store.in_file(server.data_dir), Promises()
    server.data_dir.mkdir(mode=0o700)
    with mounted(server.data_dir / "journal", 32 * MEBIBYTE, faults, fault) as disk, server:
        for number in range(rounds):
            with Load(server.target, f"{seed}-{number}", promises) as load:
                load.wait_for(100)
                disk.fill()
                wait_until(
                    lambda: serving(server) == health_pb2.HealthCheckResponse.NOT_SERVING, "health to say so", 60
                )
                failed = promises.failed
                wait_until(lambda: promises.failed >= failed + 20, "calls to be refused", 60)  # noqa: B023 - called here
                disk.make_room()
                wait_until(lambda: serving(server) == health_pb2.HealthCheckResponse.SERVING, "health to be back", 60)
                load.wait_for(100)
        settle(server, store, promises)
        assert 0 == server.terminate()

    assert [] == promises.unrecorded
    assert {grpc.StatusCode.UNAVAILABLE} == promises.codes
    faults.add(read_row(fault, store, promises, rounds=rounds))


def serving(server: ServerProcess) -> int:
    """Return what health checks are told."""
    health = health_pb2_grpc.HealthStub(server.channel())
    return int(health.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True).status)


def test_a_full_disk_of_the_store_makes_records_late_and_loses_none(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int
) -> None:
    """The journals are on another disk here; those of the store and of the hand-over are full for a while."""
    fault = "the store's disk is full"
    server = ServerProcess(tmp_path, workers=2, shutdown_grace_s=20)
    store, promises = Store.in_file(server.data_dir), Promises()
    with (
        mounted(server.data_dir, 256 * MEBIBYTE, faults, fault) as disk,
        mounted(server.data_dir / "journal", 256 * MEBIBYTE, faults, fault),
    ):
        with server:
            for number in range(rounds):
                with Load(server.target, f"{seed}-{number}", promises) as load:
                    load.wait_for(100)
                    disk.fill()
                    load.wait_for(1_000)
                    assert store.missing(promises)[0], "with a full disk not everything can be in the store"
                    disk.make_room()
                    load.wait_for(100)
            settle(server, store, promises)
            assert 0 == server.terminate()
        row = read_row(fault, store, promises, rounds=rounds)

    assert [] == promises.unrecorded
    faults.add(row)
