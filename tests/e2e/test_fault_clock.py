"""A wall clock that is set back, and forward again, costs no record and makes none twice."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from e2e.fault_table import FaultTable
from e2e.load import Load, Promises
from e2e.on_record import Store, read_row, settle
from e2e.settable_clock import CannotSetClockError, SettableClock
from oversight.v1 import decision_service_pb2
from servers import ServerProcess, wait_until

FAULT = "the clock is set back an hour, and forward again"
HOUR_S = 3_600.0


def test_a_clock_that_is_set_back_costs_no_record(tmp_path: Path, faults: FaultTable, rounds: int, seed: int) -> None:
    """Ids are not made of the time alone, segments are not named by it, and what is on record stays to be found."""
    try:
        clock = SettableClock(tmp_path)
    except CannotSetClockError as problem:
        faults.skip(FAULT, "SQLite", str(problem))
        pytest.skip(str(problem))
    server = ServerProcess(tmp_path, workers=2, shutdown_grace_s=20, journal_segment_age_s=1)
    server.environment = clock.environment
    store, promises = Store.in_file(server.data_dir), Promises()
    with server:
        for number in range(rounds):
            before = server.decide(f"{seed}-{number}-before")
            promises.note(before)
            with Load(server.target, f"{seed}-{number}", promises) as load:
                for offset_s in (-HOUR_S, 0.0, -HOUR_S):
                    load.wait_for(200)
                    clock.set(offset_s)
                load.wait_for(200)
            after = server.decide(f"{seed}-{number}-after")
            promises.note(after)
            later, earlier = (find(server, decision_id) for decision_id in (before.decision_id, after.decision_id))
            assert later.decided_at.ToSeconds() - earlier.decided_at.ToSeconds() > HOUR_S / 2, "the clock went back"
            clock.set(0.0)
            with Load(server.target, f"{seed}-{number}-again", promises) as load:
                load.wait_for(200)
        settle(server, store, promises)
        assert 0 == server.terminate()
        assert [] == list((server.data_dir / "journal").rglob("*.journal"))

    assert [] == promises.unrecorded
    faults.add(read_row(FAULT, store, promises, rounds=rounds))


def find(server: ServerProcess, decision_id: str) -> decision_service_pb2.Decision:
    """Read a decision back; one that was just made may be on its way, but is never said not to exist."""

    def found() -> decision_service_pb2.Decision | None:
        try:
            return server.find(decision_id)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE:
                return None
            raise

    return wait_until(found, "the decision to be found", 60)
