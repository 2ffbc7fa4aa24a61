"""The blocking client against a real server: trailers, details, deadlines, restarts."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from oversight.v1 import decision_service_pb2, outcome_service_pb2
from oversight_client import (
    CallError,
    Client,
    DeadlineExceededError,
    Evaluation,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RequestTooLargeError,
    Tier,
    convert,
)
from rpc.scripted_server import ScriptedServer, aborts, held_call
from unit.client.replies import DECISION_ID, a_response

LONG_S = 20.0


def decides(request: Any, _: grpc.ServicerContext) -> Any:
    """Answer with a routine decision."""
    return a_response(request)


def test_a_decision_crosses_the_wire():
    """The plain way through a real connection."""
    with ScriptedServer(decides) as server, Client(server.target) as client:
        decision = client.decide(timeout_s=LONG_S, request_id="r1", intent="order_status")
    assert ("r1", Tier.HUMAN_ON_THE_LOOP, "contact_centre") == (
        decision.request_id,
        decision.tier,
        decision.policy.name,
    )


def test_the_server_sees_the_default_deadline():
    """What the caller will not wait for, the server need not do."""
    with ScriptedServer(decides) as server, Client(server.target) as client:
        client.decide(timeout_s=LONG_S)
        for _ in range(200):
            # On a busy machine a call may be over before it arrives; one that arrives shows its deadline.
            client.decide()
            if len(server.remaining_s) > 1:
                break
    # gRPC rounds deadlines to milliseconds, upwards.
    assert 0 <= server.remaining_s[-1] <= 0.06


def test_the_field_at_fault_arrives():
    """Status details travel in a trailer that fakes do not have."""
    step = aborts(
        StatusCode.INVALID_ARGUMENT, "intent: too long", reason="INVALID_REQUEST", metadata={"field": "intent"}
    )
    with (
        ScriptedServer(step) as server,
        Client(server.target) as client,
        pytest.raises(InvalidRequestError, match=r"^intent: too long$") as caught,
    ):
        client.decide(timeout_s=LONG_S, intent="x")
    error = caught.value
    assert ("intent", "INVALID_REQUEST", StatusCode.INVALID_ARGUMENT) == (error.field, error.reason, error.code)


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.CANCELLED])
def test_a_call_that_a_stopping_server_drops_is_repeated(code):
    """A rolling restart loses nothing."""
    with ScriptedServer(aborts(code), aborts(code), decides) as server, Client(server.target) as client:
        assert client.decide(timeout_s=LONG_S).recorded
    assert 3 == len(server.requests)
    assert server.requests[0] == server.requests[1] == server.requests[2]
    assert 0 == client.unavailable_count


def test_a_restart_within_the_deadline_is_survived():
    """Nobody listens when the call begins; the service comes back before its deadline."""
    with ScriptedServer(decides) as gone:
        port = gone.port
    back: list[ScriptedServer] = []

    def start_and_sleep(seconds: float) -> None:
        if not back:
            back.append(ScriptedServer(decides, port=port))
        time.sleep(seconds)

    with Client(f"127.0.0.1:{port}", timeout_s=LONG_S, sleep=start_and_sleep) as client:
        decision = client.decide(request_id="r1")
    back[0].stop()
    assert (True, "r1", 0) == (decision.recorded, decision.request_id, client.unavailable_count)


def test_a_stop_in_the_middle_of_a_call_is_survived():
    """The same for a call that the old server had already taken."""
    with held_call() as held, ScriptedServer(held) as old, Client(old.target, timeout_s=LONG_S) as client:
        decisions = []
        calling = threading.Thread(target=lambda: decisions.append(client.decide(request_id="r1")))
        calling.start()
        assert old.arrived.acquire(timeout=10)
        old.stop()
        with ScriptedServer(decides, port=old.port):
            calling.join(LONG_S + 5)
    assert [True] == [decision.recorded for decision in decisions]


def test_without_a_server_a_person_decides_in_time():
    """The default: 50 ms, then a person."""
    with ScriptedServer(decides) as gone:
        pass
    with Client(gone.target) as client:
        started_s = time.monotonic()
        decision = client.decide(human_requested=True)
        took_s = time.monotonic() - started_s
    assert (Tier.HUMAN_AS_THE_LOOP, Evaluation.ERROR) == (decision.tier, decision.evaluation)
    # Generous: a machine that is busy with other tests stalls threads for longer than the deadline.
    assert took_s < 5


def test_without_a_server_the_error_says_what_was_tried():
    """`oversight decide` shows this text to people."""
    with ScriptedServer(decides) as gone:
        pass
    with (
        Client(gone.target, timeout_s=0.3, on_unavailable="raise") as client,
        pytest.raises(DeadlineExceededError, match=r"^no answer within 300 ms \(\d+ attempts; UNAVAILABLE: .+\)$"),
    ):
        client.decide()


def test_a_server_that_does_not_answer_is_not_waited_for_beyond_the_deadline():
    """A hanging service must not hang the contact centre."""
    with held_call() as held, ScriptedServer(held) as server, Client(server.target) as client:
        decision = client.decide(timeout_s=0.2)
    assert "(DEADLINE_EXCEEDED)" in decision.reasons[0].message


def test_a_pushback_is_honoured():
    """An overloaded service says when to come back; before that it is left alone."""
    slept_s: list[float] = []
    busy = aborts(
        StatusCode.RESOURCE_EXHAUSTED, "busy", reason="OVERLOADED", trailers=[("grpc-retry-pushback-ms", "30")]
    )
    with (
        ScriptedServer(busy, decides) as server,
        Client(server.target, timeout_s=LONG_S, sleep=slept_s.append) as client,
    ):
        assert client.decide().recorded
    assert [0.03] == slept_s


def test_overload_without_a_pushback_is_not_tried_again():
    """Asking again at once is what keeps a service overloaded."""
    busy = aborts(StatusCode.RESOURCE_EXHAUSTED, "busy", reason="OVERLOADED")
    with (
        ScriptedServer(busy, decides) as server,
        Client(server.target, timeout_s=LONG_S, on_unavailable="raise") as client,
        pytest.raises(OverloadedError, match=r"^busy$"),
    ):
        client.decide()
    assert 1 == len(server.requests)


def test_a_message_too_large_is_its_own_error():
    """The caller mends it, waiting does not."""
    big = aborts(
        StatusCode.RESOURCE_EXHAUSTED,
        "5 MB",
        reason="REQUEST_TOO_LARGE",
        metadata={"size_bytes": "5", "limit_bytes": "4"},
    )
    with (
        ScriptedServer(big) as server,
        Client(server.target, timeout_s=LONG_S, on_unavailable="raise") as client,
        pytest.raises(RequestTooLargeError) as caught,
    ):
        client.decide()
    assert {"size_bytes": "5", "limit_bytes": "4"} == caught.value.metadata


def test_closing_the_client_ends_a_call_under_way():
    """A gateway that shuts down does not wait out the deadline, and still has a decision."""
    with held_call() as held, ScriptedServer(held) as server:
        client = Client(server.target, timeout_s=LONG_S)
        decisions = []
        calling = threading.Thread(target=lambda: decisions.append(client.decide()))
        calling.start()
        assert server.arrived.acquire(timeout=10)
        client.close()
        calling.join(10)
    assert [Tier.HUMAN_IN_THE_LOOP] == [decision.tier for decision in decisions]


def test_a_decision_on_record_is_read_and_a_missing_one_raised():
    """There is no stand-in for what is not on record."""
    stored = decision_service_pb2.Decision(
        request=convert.decide_request({"request_id": "r1"}), response=a_response(), caller="local"
    )
    missing = aborts(StatusCode.NOT_FOUND, f"no decision {DECISION_ID} is on record", reason="DECISION_NOT_FOUND")
    with ScriptedServer(lambda *_: stored, missing) as server, Client(server.target) as client:
        assert DECISION_ID == client.get_decision(DECISION_ID, explain=True).response.decision_id
        with pytest.raises(NotFoundError) as caught:
            client.get_decision(DECISION_ID)
    assert "DECISION_NOT_FOUND" == caught.value.reason
    views = [decision_service_pb2.DECISION_VIEW_EXPLAIN, decision_service_pb2.DECISION_VIEW_BASIC]
    assert views == [request.view for request in server.requests]


def test_a_record_on_its_way_to_the_store_is_waited_for():
    """Reading back at once after deciding is normal; the service answers UNAVAILABLE until its store has it."""
    pending = aborts(StatusCode.UNAVAILABLE, "on its way", reason="RECORD_PENDING")
    stored = decision_service_pb2.Decision(response=a_response())
    with ScriptedServer(pending, lambda *_: stored) as server, Client(server.target) as client:
        assert DECISION_ID == client.get_decision(DECISION_ID).response.decision_id


def test_outcomes_are_recorded_after_a_repetition():
    """An outcome is sent until it is acknowledged or its deadline is over."""
    done = outcome_service_pb2.BatchRecordOutcomesResponse(
        results=[
            outcome_service_pb2.BatchRecordOutcomesResult(
                response=outcome_service_pb2.RecordOutcomeResponse(outcome_id="o2")
            )
        ]
    )
    with (
        ScriptedServer(
            aborts(StatusCode.UNAVAILABLE),
            lambda request, _: outcome_service_pb2.RecordOutcomeResponse(outcome_id=request.outcome.outcome_id),
            lambda *_: done,
            aborts(StatusCode.INTERNAL),
        ) as server,
        Client(server.target) as client,
    ):
        assert "o1" == client.record_outcome(outcome_id="o1", decision_id=DECISION_ID, verdict="approved")
        assert ["o2"] == client.record_outcomes([{"outcome_id": "o2"}])
        with pytest.raises(CallError):
            client.record_outcome(outcome_id="o3")
