"""What a reply promises: it is on record, whatever happens next."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from e2e.on_record import ids_on_record
from oversight.app.status import Status
from oversight.v1 import decision_pb2, outcome_pb2, outcome_service_pb2
from servers import ServerProcess, wait_until


@contextmanager
def store_held(server: ServerProcess) -> Iterator[None]:
    """Keep the store from taking anything."""
    with closing(sqlite3.connect(server.data_dir / "records.db", isolation_level=None, timeout=10)) as store:
        store.execute("BEGIN EXCLUSIVE")
        yield
        store.execute("ROLLBACK")


def store_problem(status: Status) -> str:
    """Return why the store takes nothing."""
    return status.keeper.store_problem if status.keeper else ""


def an_outcome(decision_id: str, outcome_id: str) -> outcome_service_pb2.RecordOutcomeRequest:
    """Return the report that a draft was approved."""
    outcome = outcome_pb2.Outcome(
        outcome_id=outcome_id,
        decision_id=decision_id,
        verdict=outcome_pb2.VERDICT_APPROVED,
        label_basis=outcome_pb2.LABEL_BASIS_REVIEW,
    )
    return outcome_service_pb2.RecordOutcomeRequest(outcome=outcome)


def test_a_stop_brings_everything_into_the_store(tmp_path: Path) -> None:
    """After an orderly stop nothing waits in a journal."""
    server = ServerProcess(tmp_path, drain_interval_s=60)
    with server:
        answered = {server.decide(f"r{number}").decision_id for number in range(200)}
        server.outcomes().RecordOutcome(an_outcome(next(iter(answered)), "o1"), timeout=10)
        assert 0 == server.terminate()

    assert answered == ids_on_record(server)
    assert {"o1"} == ids_on_record(server, "outcomes", "outcome_id")
    assert [] == list((server.data_dir / "journal").rglob("*.journal"))


def test_what_a_stop_could_not_store_is_stored_after_the_next_start(tmp_path: Path) -> None:
    """The store may be away just then; with fewer workers afterwards a journal has lost its worker for good."""
    server = ServerProcess(tmp_path, workers=2, shutdown_grace_s=0.5)
    with server:
        first = server.decide("first").decision_id
        wait_until(lambda: first in ids_on_record(server), "the first")
        with store_held(server):
            answered = set()
            for number in range(40):
                answered.add(server.decide(f"r{number}").decision_id)
                server.close_channel()  # so that both workers get some
            began_s = time.monotonic()
            assert 0 == server.terminate()
            assert time.monotonic() - began_s < 4.5, "the drain got the half second that was set, and no more"
        assert {first} == ids_on_record(server)
        assert 2 == len({path.parent for path in (server.data_dir / "journal").rglob("*.journal")})

    fewer = ServerProcess(tmp_path, workers=1)
    with fewer:
        wait_until(lambda: ids_on_record(fewer) == answered | {first}, "what was left behind")


def test_decisions_go_on_while_the_store_takes_nothing_and_arrive_afterwards(server: ServerProcess) -> None:
    """A database that is away is no reason to stop a contact centre; the operator sees how late records are."""
    server.start()
    wait_until(lambda: server.status().keeper and (server.data_dir / "records.db").exists(), "the store")
    with store_held(server):
        answered = {server.decide(f"r{number}").decision_id for number in range(20)}
        status = wait_until(
            lambda: found if "cannot be written" in store_problem(found := server.status()) else None, "the problem"
        )
        assert "impaired" == status.state

    wait_until(lambda: answered <= ids_on_record(server), "the records to arrive")
    status = wait_until(lambda: found if (found := server.status()).pending_records == 0 else None, "nothing to wait")
    wait_until(lambda: server.status().state == "serving", "the problem to be gone")
    assert (0, None) == (status.lost, status.oldest_age_s)


def test_pending_records_and_their_age_are_shown(tmp_path: Path) -> None:
    """How late we are is a number."""
    server = ServerProcess(tmp_path, drain_interval_s=0.05)
    with server:
        wait_until((server.data_dir / "records.db").exists, "the store")
        with store_held(server):
            for number in range(7):
                server.decide(f"r{number}")
            status = wait_until(
                lambda: found if (found := server.status()).pending_records == 7 else None, "7 to be pending"
            )

    assert status.oldest_age_s is not None
    assert status.pending_bytes > 0


def test_a_journal_that_cannot_grow_makes_answers_stricter_and_is_seen(server: ServerProcess) -> None:
    """No quiet answer without a record: more human, said in the reply, counted."""
    server.start()
    worker = server.worker_pid()
    server.decide("before")
    limits = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    # Stands for a full disk: no file of the worker can grow beyond this; its reports are smaller.
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (2048, limits[1]))

    replies = [server.decide(f"r{number}") for number in range(8)]
    refused = [reply for reply in replies if not reply.recorded]

    assert refused
    for reply in refused:
        assert reply.tier >= decision_pb2.TIER_HUMAN_IN_THE_LOOP
        assert "RECORD_UNAVAILABLE" in [reason.code for reason in reply.reasons]
    status = wait_until(lambda: found if (found := server.status()).lost == len(refused) else None, "the lost count")
    assert f"{len(refused)} records could not be written since the server started" in status.alarms
    health = health_pb2_grpc.HealthStub(server.channel()).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert health_pb2.HealthCheckResponse.SERVING == health.status

    resource.prlimit(worker, resource.RLIMIT_FSIZE, limits)

    mended = server.decide("after")
    assert (True, decision_pb2.TIER_HUMAN_ON_THE_LOOP) == (mended.recorded, mended.tier)
    answered = {reply.decision_id for reply in (*replies, mended) if reply.recorded}
    wait_until(lambda: answered <= ids_on_record(server), "what was recorded to be stored")


def test_the_count_of_lost_records_survives_the_worker(tmp_path: Path) -> None:
    """A crash must not make the loss look smaller."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal").write_text("in the way of the journals' folder")
    server = ServerProcess(tmp_path)
    with server:
        assert not server.decide("lost").recorded
        wait_until(lambda: server.status().lost == 1, "the count")
        before = server.worker_pid()
        os.kill(before, signal.SIGTERM)
        wait_until(lambda: server.worker_pid() != before, "another worker")
        server.close_channel()

        assert 1 == server.status().lost


def test_an_outcome_that_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    """An acknowledged outcome is on record; where it cannot be, the caller learns it and may send it again."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal").write_text("in the way of the journals' folder")
    with ServerProcess(tmp_path) as server, pytest.raises(grpc.RpcError) as caught:
        server.outcomes().RecordOutcome(an_outcome("0" * 32, "o1"), timeout=10, wait_for_ready=True)

    assert isinstance(caught.value, grpc.Call)
    assert grpc.StatusCode.UNAVAILABLE == caught.value.code()


def test_an_outcome_may_come_before_its_decision_is_stored(server: ServerProcess) -> None:
    """Both are on their way; neither waits for the other."""
    server.start()
    decision_id = server.decide("r").decision_id
    server.outcomes().RecordOutcome(an_outcome(decision_id, "o1"), timeout=10)

    outcomes = wait_until(lambda: server.find(decision_id).outcomes, "the outcome")

    assert ["o1"] == [recorded.outcome.outcome_id for recorded in outcomes]
