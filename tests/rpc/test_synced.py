"""Replies that wait until their records are on the disk (setting `record_sync = always`)."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from oversight.errors import RecordUnavailableError
from oversight.journal.protocols import Done
from oversight.v1 import decision_pb2, outcome_pb2, outcome_service_pb2
from oversight.v1 import decision_service_pb2 as pb
from refusals import refusal_of
from serving import Serving, wait_until

ROUTINE = pb.DecideRequest(request_id="r-1", intent="order_status", response_confidence=0.97, sentiment_score=0.3)
BATCH = pb.BatchDecideRequest(requests=[ROUTINE] * 60)
OUTCOME = outcome_pb2.Outcome(
    outcome_id="o-1",
    decision_id="0" * 32,
    verdict=outcome_pb2.VERDICT_APPROVED,
    label_basis=outcome_pb2.LABEL_BASIS_REVIEW,
)
LOST = RecordUnavailableError("the journal does not reach the disk: Input/output error", cause="EIO")


class Disk:
    """A disk that answers when the test does, in a thread of its own."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.waiting: SimpleQueue[Done] = SimpleQueue()
        self.quick = False

    def when_synced(self, done: Done) -> None:
        """Keep *done*."""
        if self.quick:
            threading.Thread(target=done, args=(None,)).start()
        else:
            self.waiting.put(done)

    def answer(self, error: RecordUnavailableError | None = None) -> None:
        """Answer the one that has waited longest."""
        self.waiting.get(timeout=10)(error)


@pytest.fixture
def disk() -> Disk:
    """Return the disk behind the servers of a test."""
    return Disk()


def calls_of(serving: Serving) -> dict[str, Any]:
    """Return the four ways in which something is recorded."""
    one = outcome_service_pb2.RecordOutcomeRequest(outcome=OUTCOME)
    many = outcome_service_pb2.BatchRecordOutcomesRequest(outcomes=[OUTCOME])
    return {
        "Decide": lambda: serving.decide.Decide.future(ROUTINE, timeout=10),
        "BatchDecide": lambda: serving.decide.BatchDecide.future(BATCH, timeout=10),
        "RecordOutcome": lambda: serving.outcomes.RecordOutcome.future(one, timeout=10),
        "BatchRecordOutcomes": lambda: serving.outcomes.BatchRecordOutcomes.future(many, timeout=10),
    }


METHODS = ("Decide", "BatchDecide", "RecordOutcome", "BatchRecordOutcomes")


@pytest.mark.parametrize("method", METHODS)
def test_a_reply_leaves_when_its_record_is_on_the_disk(serve, disk, method):
    """Not before: that is what is promised (P2)."""
    serving = serve(disk=disk)
    call = calls_of(serving)[method]()
    done = disk.waiting.get(timeout=10)
    assert serving.journal.payloads
    health = health_pb2_grpc.HealthStub(serving.channel)
    # On the same connection: what was sent before it has arrived, and a reply would have come with it.
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == health_pb2.HealthCheckResponse.SERVING
    assert not call.done()

    done(None)

    assert call.result(timeout=10) is not None
    wait_until(lambda: sum(serving.counters.calls().values()) == 1)


def test_a_call_that_waits_holds_no_other_up(serve, disk):
    """One thread takes and decides all calls: it must not wait for the disk."""
    serving = serve(disk=disk)
    first = serving.decide.Decide.future(ROUTINE, timeout=10)
    told_first = disk.waiting.get(timeout=10)
    second = serving.decide.Decide.future(ROUTINE, timeout=10)
    disk.answer()
    assert second.result().recorded
    assert not first.done()
    told_first(None)
    assert first.result().recorded


@pytest.mark.parametrize("method", ["Decide", "BatchDecide"])
def test_a_decision_that_does_not_reach_the_disk_is_made_anew(serve, disk, method):
    """It was about to be answered as recorded; nobody may be told so."""
    serving = serve(disk=disk)
    call = calls_of(serving)[method]()
    disk.answer(LOST)
    reply = call.result(timeout=10)
    replies = [reply] if method == "Decide" else [result.response for result in reply.results]
    assert {(False, decision_pb2.TIER_HUMAN_IN_THE_LOOP, "RECORD_UNAVAILABLE")} == {
        (one.recorded, one.tier, one.reason) for one in replies
    }
    assert len(replies) == serving.counters.lost
    assert {"EIO": 1} == serving.counters.failures()


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("Decide", {"on_record_failure": "refuse"}),
        ("BatchDecide", {"on_record_failure": "refuse"}),
        ("RecordOutcome", {}),
        ("BatchRecordOutcomes", {"on_record_failure": "refuse"}),
    ],
)
def test_what_does_not_reach_the_disk_is_refused_where_that_is_set_and_outcomes_always(serve, disk, method, settings):
    """An outcome has no tier that could be raised: its caller has to keep it."""
    serving = serve(disk=disk, **settings)
    call = calls_of(serving)[method]()
    disk.answer(LOST)
    refusal = refusal_of(lambda: call.result(timeout=10))
    assert (grpc.StatusCode.UNAVAILABLE, "RECORD_UNAVAILABLE") == refusal[:2]
    assert (0, 0, {"EIO": 1}) == (serving.counters.lost, serving.counters.outcomes, serving.counters.failures())
    disk.quick = True
    assert serving.decide.Decide(ROUTINE, timeout=5).recorded


def test_calls_that_wait_for_the_disk_count_as_waiting(serve, disk):
    """A disk that answers slowly must not fill the memory with calls."""
    serving = serve(disk=disk, max_waiting_calls=3)
    calls = [serving.decide.Decide.future(ROUTINE, timeout=10) for _ in range(20)]
    wait_until(lambda: sum(call.done() for call in calls) == 17)
    refused = [call for call in calls if call.done()]
    assert {"OVERLOADED"} == {refusal_of(call.result).reason for call in refused}
    for _ in range(3):
        disk.answer()
    assert [True] * 3 == [call.result().recorded for call in calls if call not in refused]
    disk.quick = True
    assert serving.decide.Decide(ROUTINE, timeout=5).recorded


def test_a_call_whose_caller_gave_up_while_it_waited_costs_no_other(serve, disk):
    """Its record may be on the disk all the same; the caller will ask again."""
    serving = serve(disk=disk)
    given_up = serving.decide.Decide.future(ROUTINE, timeout=10)
    done = disk.waiting.get(timeout=10)
    given_up.cancel()
    done(None)
    disk.quick = True
    assert serving.decide.Decide(ROUTINE, timeout=5).recorded


def test_a_deadline_that_passes_while_the_disk_is_waited_for_is_no_reason_to_say_that_nothing_was_recorded(serve, disk):
    """The record is there; only the reply is late."""
    serving = serve(disk=disk)
    call = serving.decide.BatchDecide.future(BATCH, timeout=1)
    done = disk.waiting.get(timeout=10)
    assert grpc.StatusCode.DEADLINE_EXCEEDED is call.exception(timeout=10).code()
    done(None)
    name = "oversight.v1.DecisionService/BatchDecide"
    wait_until(lambda: {(name, "OK"): 1} == dict(serving.counters.calls()))


def test_many_callers_are_all_answered(serve, disk):
    """The loop sleeps and is woken from another thread: no reply may be left lying."""
    serving = serve(disk=disk)
    disk.quick = True
    for _ in range(20):
        calls = [serving.decide.Decide.future(ROUTINE, timeout=10) for _ in range(50)]
        assert [True] * 50 == [call.result(timeout=10).recorded for call in calls]


def test_a_stop_answers_what_waits_for_the_disk(serve, disk):
    """A rolling restart must not lose a call."""
    serving = serve(disk=disk)
    call = serving.decide.Decide.future(ROUTINE, timeout=10)
    done = disk.waiting.get(timeout=10)
    stopping = threading.Thread(target=serving.server.stop, args=(5,))
    stopping.start()
    done(None)
    stopping.join(10)
    assert not stopping.is_alive()
    assert call.result(timeout=10).recorded
