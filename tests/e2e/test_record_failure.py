"""What callers and operators see while nothing can be recorded (setting `on_record_failure`), and afterwards."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from e2e.on_record import ids_on_record
from e2e.test_records import an_outcome, store_held
from oversight_client import Client
from refusals import refusal_of
from servers import ServerProcess, started, wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(server: ServerProcess) -> int:
    """Return what a load balancer is told."""
    stub = health_pb2_grpc.HealthStub(server.channel())
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True).status)


@contextmanager
def disk_full(server: ServerProcess) -> Iterator[None]:
    """Let no file of the worker grow beyond what its journal has now; its reports are smaller."""
    worker = server.worker_pid()
    full_bytes = max(path.stat().st_size for path in (server.data_dir / "journal").rglob("*.journal"))
    assert 2048 < full_bytes < 4096, "smaller than what the worker tries again with"
    limits = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (full_bytes, limits[1]))
    yield
    resource.prlimit(worker, resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("record_sync", ["os", "always"])
def test_a_worker_that_must_not_answer_without_a_record_is_taken_out_until_it_can(
    tmp_path: Path, record_sync: str
) -> None:
    """Callers with our client turn to people; others are sent to a worker that can; it comes back by itself."""
    with started(tmp_path, on_record_failure="refuse", record_sync=record_sync) as server:
        assert SERVING == health(server)
        answered = {server.decide(f"before {number}").decision_id for number in range(10)}
        with disk_full(server):
            refusal = refusal_of(lambda: server.decide("full"))
            assert (grpc.StatusCode.UNAVAILABLE, "RECORD_UNAVAILABLE") == (refusal.code, refusal.reason)
            wait_until(lambda: health(server) == NOT_SERVING, "health to say so")
            with pytest.raises(grpc.RpcError):
                server.outcomes().RecordOutcome(an_outcome("0" * 32, "o1"), timeout=10)
            wait_until(lambda: "the journal" in " ".join(server.status().alarms), "the status to say so")
            with Client(server.target, timeout_s=0.2) as client:
                local = client.decide(intent="order_status", response_confidence=0.97, sentiment_score=0.3)
            assert "DECISION_UNAVAILABLE" == local.reason
        wait_until(lambda: health(server) == SERVING, "health to find the way back without a call")
        answered.add(server.decide("after").decision_id)
        wait_until(lambda: answered <= ids_on_record(server), "the records")
        status = wait_until(
            lambda: found if (found := server.status()).state == "serving" else None, "the problem to be gone"
        )

    assert 0 == status.lost, "nothing was answered without a record"
    assert status.workers[0].counters["record_failures"]


def test_a_worker_that_cannot_record_from_the_start_does_not_serve(tmp_path: Path) -> None:
    """It would answer its first caller with an error."""
    (tmp_path / "data").mkdir()
    in_the_way = tmp_path / "data" / "journal"
    in_the_way.write_text("in the way of the journals' folder")
    with started(tmp_path, on_record_failure="refuse") as server:
        assert NOT_SERVING == health(server)
        in_the_way.unlink()
        wait_until(lambda: health(server) == SERVING, "health to find the way back without a call")
        assert server.decide("r").recorded


def test_a_worker_at_its_limit_records_again_when_the_drain_has_made_room(tmp_path: Path) -> None:
    """A store that was away for the night must not need a restart in the morning."""
    limit_bytes = 65_536
    with started(tmp_path, journal_max_bytes=limit_bytes, journal_segment_bytes=limit_bytes) as server:
        answered = {server.decide("before").decision_id}
        wait_until(lambda: answered <= ids_on_record(server), "the store")
        with store_held(server):
            unrecorded = 0
            while not unrecorded:
                reply = server.decide()
                unrecorded += not reply.recorded
                answered |= {reply.decision_id} if reply.recorded else set()
            assert "RECORD_UNAVAILABLE" in [reason.code for reason in reply.reasons]
            held_bytes = sum(path.stat().st_size for path in (server.data_dir / "journal").rglob("*.journal"))
            assert SERVING == health(server), "it answers, with more human"
            wait_until(lambda: any("journal_max_bytes" in one for one in server.status().alarms), "the alarm")

        wait_until(lambda: server.status().workers[0].problem == "", "room, found without a call")
        answered.add(server.decide("after").decision_id)
        wait_until(lambda: answered == ids_on_record(server), "everything, and nothing else")
        wait_until(lambda: server.status().lost == unrecorded, "the count of what is not on record")

    assert held_bytes <= limit_bytes
