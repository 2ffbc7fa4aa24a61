"""The blocking client against grpcio-testing's channel and clock, and where these are not honest, against ours."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import grpc_testing
import pytest
from grpc import StatusCode

from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import errors_pb2, outcome_service_pb2
from oversight_client import (
    Client,
    ClientClosedError,
    Coalescing,
    Decision,
    Evaluation,
    InvalidRequestError,
    ItemError,
    OverloadedError,
    Tier,
    UnavailableError,
)
from unit.client.failing_channel import FailingChannel, StillClock, fails
from unit.client.replies import DECISION_ID, a_response

DECISIONS = decisions.DESCRIPTOR.services_by_name["DecisionService"]
OUTCOMES = outcome_service_pb2.DESCRIPTOR.services_by_name["OutcomeService"]
DECIDE = DECISIONS.methods_by_name["Decide"]
WAIT_S = 10


class Scene:
    """A client on grpcio-testing's channel and clock; threads here are daemons, so that a failed test ends."""

    def __init__(self, **options: Any) -> None:
        self.time = grpc_testing.strict_fake_time(1_000.0)
        self.channel = grpc_testing.channel([DECISIONS, OUTCOMES], self.time)
        self.client = Client(channel=self.channel, clock=self.time.time, sleep=self.time.sleep_for, **options)

    def start(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """Run *call* beside the test; the result waits for it and returns or raises what it did."""
        results: queue.Queue[tuple[bool, Any]] = queue.Queue()

        def run() -> None:
            try:
                results.put((True, call()))
            except Exception as error:  # noqa: BLE001 - handed to the test's own thread
                results.put((False, error))

        threading.Thread(target=run, daemon=True).start()

        def result() -> Any:
            ok, value = results.get(timeout=WAIT_S)
            if ok:
                return value
            raise value

        return result

    def take(self, method: Any = DECIDE) -> tuple[Any, Any]:
        """Return the next attempt's request and the handle that ends it."""
        _, request, rpc = self.start(lambda: self.channel.take_unary_unary(method))()
        return request, rpc

    def end(self, rpc: Any, code: StatusCode, text: str = "as told") -> None:
        """End an attempt with *code*."""
        rpc.terminate(None, (), code, text)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A client with the default settings."""
    made = Scene()
    yield made
    made.client.close()


def test_a_decision_comes_back_as_a_value(scene):
    """The plain way through."""
    result = scene.start(lambda: scene.client.decide(intent="order_status", response_confidence=0.97))
    request, rpc = scene.take()
    assert ("order_status", 0.97, 32) == (request.intent, request.response_confidence, len(request.request_id))
    rpc.terminate(a_response(request), (), StatusCode.OK, "")
    decision = result()
    assert (DECISION_ID, request.request_id, Tier.HUMAN_ON_THE_LOOP, True) == (
        decision.decision_id,
        decision.request_id,
        decision.tier,
        decision.recorded,
    )
    assert 0 == scene.client.unavailable_count


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.CANCELLED])
def test_a_dropped_call_is_repeated_as_the_same_request(scene, code):
    """The same id makes a repetition harmless: at most one record."""
    result = scene.start(lambda: scene.client.decide(intent="order_status"))
    first, rpc = scene.take()
    scene.end(rpc, code)
    second, rpc = scene.take()
    assert first == second
    rpc.terminate(a_response(second), (), StatusCode.OK, "")
    assert Evaluation.DEFAULT is result().evaluation
    assert 0 == scene.client.unavailable_count


def test_after_the_deadline_a_person_decides(scene):
    """A caller waits 50 ms by default, however often the service is tried within it."""
    result = scene.start(lambda: scene.client.decide(intent="order_status"))
    for _ in range(2):
        _, rpc = scene.take()
        scene.time.sleep_for(0.02)
        scene.end(rpc, StatusCode.UNAVAILABLE)
    _, rpc = scene.take()
    scene.time.sleep_for(0.02)
    scene.end(rpc, StatusCode.UNAVAILABLE)
    decision = result()
    assert (Tier.HUMAN_IN_THE_LOOP, Evaluation.ERROR, "") == (decision.tier, decision.evaluation, decision.decision_id)
    assert "(DEADLINE_EXCEEDED)" in decision.reasons[0].message
    assert 1 == scene.client.unavailable_count


@pytest.mark.parametrize("code", [StatusCode.INTERNAL, StatusCode.UNAUTHENTICATED, StatusCode.RESOURCE_EXHAUSTED])
def test_other_failures_are_not_repeated(scene, code):
    """They would fail again, or add to an overload."""
    result = scene.start(scene.client.decide)
    _, rpc = scene.take()
    scene.end(rpc, code)
    assert f"({code.name})" in result().reasons[0].message
    assert 1_000.0 == scene.time.time()


def test_an_invalid_request_is_raised(scene):
    """The caller's code is wrong, and must hear it."""
    result = scene.start(lambda: scene.client.decide(response_confidence=2.0))
    _, rpc = scene.take()
    scene.end(rpc, StatusCode.INVALID_ARGUMENT, "response_confidence: expected 0..1")
    with pytest.raises(InvalidRequestError, match=r"^response_confidence: expected 0\.\.1$"):
        result()


def test_an_outcome_is_recorded_or_raised(scene):
    """An acknowledged outcome is a promise; there is no stand-in for it."""
    result = scene.start(lambda: scene.client.record_outcome(outcome_id="o1", decision_id=DECISION_ID))
    request, rpc = scene.take(OUTCOMES.methods_by_name["RecordOutcome"])
    rpc.terminate(
        outcome_service_pb2.RecordOutcomeResponse(outcome_id=request.outcome.outcome_id), (), StatusCode.OK, ""
    )
    assert "o1" == result()


# From here on our own channel: grpcio-testing's knows neither timeouts nor trailers.


def a_client(*steps: Any, **options: Any) -> tuple[Client, FailingChannel, StillClock]:
    """Return a client whose attempts go as told."""
    clock, channel = StillClock(), FailingChannel(*steps)
    return Client(channel=channel, clock=clock, sleep=clock.sleep, **options), channel, clock


def test_every_attempt_has_what_remains_of_the_deadline():
    """GRPC's deadline is ours: no attempt outlasts the call."""
    client, channel, clock = a_client(fails(StatusCode.UNAVAILABLE), fails(StatusCode.UNAVAILABLE), a_response)
    client.decide()
    elapsed_s = [0.0, clock.slept_s[0], sum(clock.slept_s)]
    assert [pytest.approx(0.05 - s) for s in elapsed_s] == channel.timeouts_s


@pytest.mark.parametrize(
    ("options", "per_call", "expected_s"), [({}, {}, 0.05), ({"timeout_s": 2}, {}, 2.0), ({}, {"timeout_s": 0.2}, 0.2)]
)
def test_the_deadline_is_the_clients_or_the_calls(options, per_call, expected_s):
    """There is always one."""
    client, channel, _ = a_client(a_response, **options)
    client.decide(**per_call)
    assert [pytest.approx(expected_s)] == channel.timeouts_s


def test_outcomes_and_reading_back_have_a_longer_deadline():
    """They are not in the customer's way."""
    client, channel, _ = a_client(fails(StatusCode.NOT_FOUND), record_timeout_s=3)
    for call in (lambda: client.get_decision(DECISION_ID), client.record_outcome, lambda: client.record_outcomes([{}])):
        with pytest.raises(Exception, match="as told"):
            call()
    assert [pytest.approx(3.0)] * 3 == channel.timeouts_s


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("inf"), float("nan")])
def test_a_call_without_an_end_is_refused(timeout_s):
    """Neither the client nor one call can have no deadline."""
    client, _, _ = a_client(a_response)
    with pytest.raises(ValueError, match=r"^timeout_s: "):
        client.decide(timeout_s=timeout_s)
    with pytest.raises(ValueError, match=r"^record_timeout_s: "):
        Client(record_timeout_s=timeout_s)


def test_a_pushback_within_the_deadline_is_waited_for():
    """The service asked for 20 ms, and gets them."""
    busy = fails(StatusCode.RESOURCE_EXHAUSTED, "busy", [("grpc-retry-pushback-ms", "20")])
    client, channel, clock = a_client(busy, a_response)
    assert client.decide().recorded
    assert ([0.02], 2) == (clock.slept_s, len(channel.requests))


def test_a_pushback_beyond_the_deadline_is_told_and_not_waited_for():
    """The caller learns when to come back."""
    busy = fails(StatusCode.RESOURCE_EXHAUSTED, "busy", [("grpc-retry-pushback-ms", "250")])
    client, channel, clock = a_client(busy, on_unavailable="raise")
    with pytest.raises(OverloadedError) as caught:
        client.decide()
    assert (0.25, [], 1) == (caught.value.retry_after_s, clock.slept_s, len(channel.requests))


def test_a_reply_that_makes_no_sense_is_a_failure():
    """An unknown tier must not pass for any tier."""
    client, _, _ = a_client(lambda _: a_response(tier=9))
    assert Tier.HUMAN_IN_THE_LOOP is client.decide().tier
    assert 1 == client.unavailable_count


@pytest.mark.parametrize("wrong", [{"request_id": "r2"}, {"decision_id": "no id"}])
def test_a_reply_about_something_else_goes_to_people(wrong):
    """Alone and in a batch, where the other items stand."""
    client, _, _ = a_client(lambda request: a_response(request, **wrong))
    decided = client.decide(request_id="r1")
    assert ("r1", Tier.HUMAN_IN_THE_LOOP, False) == (decided.request_id, decided.tier, decided.recorded)

    client, _, _ = a_client(
        lambda batch: decisions.BatchDecideResponse(
            results=[
                decisions.BatchDecideResult(response=a_response(batch.requests[0], **wrong)),
                decisions.BatchDecideResult(response=a_response(batch.requests[1])),
            ]
        )
    )
    results = client.decide_many([{"request_id": "r1"}, {"request_id": "r3"}])
    assert [False, True] == [result.recorded for result in results if isinstance(result, Decision)]
    assert 1 == client.unavailable_count


def test_a_batch_that_fails_is_decided_for_people_item_by_item():
    """Each message keeps its own urgency and its own id."""
    client, _, _ = a_client(fails(StatusCode.INTERNAL))
    routine, urgent = client.decide_many([{"request_id": "a"}, {"request_id": "b", "human_requested": True}])
    assert isinstance(routine, Decision)
    assert isinstance(urgent, Decision)
    assert ("a", Tier.HUMAN_IN_THE_LOOP) == (routine.request_id, routine.tier)
    assert ("b", Tier.HUMAN_AS_THE_LOOP) == (urgent.request_id, urgent.tier)
    assert 2 == client.unavailable_count


def a_batch(*errors: errors_pb2.ItemError) -> Callable[[Any], decisions.BatchDecideResponse]:
    """Return the step that decides the first item and fails the others with *errors*."""
    return lambda batch: decisions.BatchDecideResponse(
        results=[
            decisions.BatchDecideResult(response=a_response(batch.requests[0])),
            *(decisions.BatchDecideResult(error=error) for error in errors),
        ]
    )


INVALID = errors_pb2.ItemError(code=3, message="intent: too long", metadata={"field": "intent"})
BROKEN = errors_pb2.ItemError(code=13, message="internal error")


def test_one_items_failure_is_answered_alone():
    """An invalid item is the caller's to mend, a broken one a person's to decide, the rest as decided."""
    client, _, _ = a_client(a_batch(INVALID, BROKEN))
    decided, invalid, broken = client.decide_many([{}, {"intent": "x"}, {}])
    assert isinstance(decided, Decision)
    assert (DECISION_ID, True) == (decided.decision_id, decided.recorded)
    assert ItemError(StatusCode.INVALID_ARGUMENT, "", "intent: too long", {"field": "intent"}) == invalid
    assert isinstance(broken, Decision)
    assert ("", Tier.HUMAN_IN_THE_LOOP) == (broken.decision_id, broken.tier)
    assert 1 == client.unavailable_count


def test_with_raise_one_items_failure_is_its_error():
    """The others were decided, so the call did not fail."""
    client, _, _ = a_client(a_batch(INVALID, BROKEN), on_unavailable="raise")
    results = client.decide_many([{}, {}, {}])
    codes = [result.code if isinstance(result, ItemError) else result for result in results]
    assert [StatusCode.INVALID_ARGUMENT, StatusCode.INTERNAL] == codes[1:]
    assert 1 == client.unavailable_count


def test_with_raise_a_failed_batch_raises():
    """As one decision does."""
    client, _, _ = a_client(fails(StatusCode.INTERNAL), on_unavailable="raise")
    with pytest.raises(Exception, match="as told"):
        client.decide_many([{}, {}])
    assert 2 == client.unavailable_count


def test_a_batch_with_too_few_results_is_decided_for_people():
    """Which result belongs to which message is not known."""
    client, _, _ = a_client(a_batch())
    results = client.decide_many([{}, {}])
    assert [Tier.HUMAN_IN_THE_LOOP] * 2 == [getattr(result, "tier", None) for result in results]


def decide_batch(batch: Any) -> decisions.BatchDecideResponse:
    """Decide every item."""
    results = [decisions.BatchDecideResult(response=a_response(request)) for request in batch.requests]
    return decisions.BatchDecideResponse(results=results)


def test_any_number_of_messages_is_decided_in_calls_that_the_service_takes():
    """In order, whatever the number; each call with a deadline that fits its size."""
    client, channel, _ = a_client(decide_batch, timeout_s=0.2)
    results = client.decide_many({"request_id": f"r{number}"} for number in range(1_203))
    assert [f"r{number}" for number in range(1_203)] == [getattr(result, "request_id", "") for result in results]
    assert [500, 500, 203] == [len(batch.requests) for batch in channel.requests]
    assert [pytest.approx(0.7), pytest.approx(0.7), pytest.approx(0.403)] == channel.timeouts_s


def test_the_deadline_of_each_call_can_be_said():
    """Whoever decides a night's backlog has other hurries than a customer's turn."""
    client, channel, _ = a_client(decide_batch)
    client.decide_many([{}] * 501, timeout_s=3)
    assert [pytest.approx(3.0)] * 2 == channel.timeouts_s


def test_nothing_to_decide_or_record_asks_nobody():
    """The service refuses an empty batch; whoever has none did nothing wrong."""
    client, channel, _ = a_client(a_response)
    assert ([], []) == (client.decide_many([]), client.record_outcomes([]))
    assert [] == channel.requests


def test_a_call_that_fails_leaves_the_others_results_alone():
    """Only its own messages go to people."""
    client, _, _ = a_client(decide_batch, fails(StatusCode.INTERNAL), decide_batch)
    results = client.decide_many([{}] * 1_001)
    recorded = [isinstance(result, Decision) and result.recorded for result in results]
    assert [True] * 500 + [False] * 500 + [True] == recorded
    assert 500 == client.unavailable_count


def test_a_batch_is_repeated_as_the_same_requests():
    """The same ids make a repetition harmless, here too."""
    client, channel, _ = a_client(fails(StatusCode.UNAVAILABLE), decide_batch, timeout_s=1)
    assert all(isinstance(result, Decision) and result.recorded for result in client.decide_many([{}, {}]))
    first, second = channel.requests
    assert first == second


def test_any_number_of_outcomes_is_recorded():
    """In calls of at most 500; ids in order."""

    def record(batch: Any) -> outcome_service_pb2.BatchRecordOutcomesResponse:
        response = outcome_service_pb2.BatchRecordOutcomesResponse()
        for outcome in batch.outcomes:
            response.results.add().response.outcome_id = outcome.outcome_id
        return response

    client, channel, _ = a_client(record)
    names = [f"o{number}" for number in range(601)]
    assert names == client.record_outcomes({"outcome_id": name} for name in names)
    assert [500, 101] == [len(batch.outcomes) for batch in channel.requests]


def test_coalesced_decisions_have_fail_safe_and_attempts_of_their_own():
    """A caller cannot tell whether it went alone."""
    options = {"coalesce": Coalescing(), "timeout_s": 1}
    client, channel, _ = a_client(fails(StatusCode.UNAVAILABLE), a_response, **options)
    assert client.decide(request_id="r1").recorded
    assert ["r1", "r1"] == [request.request_id for request in channel.requests]

    client, _, _ = a_client(fails(StatusCode.INTERNAL), **options)
    assert Tier.HUMAN_AS_THE_LOOP is client.decide(human_requested=True).tier
    assert 1 == client.unavailable_count

    client, _, _ = a_client(fails(StatusCode.INVALID_ARGUMENT), **options)
    with pytest.raises(InvalidRequestError):
        client.decide()


def test_a_closed_client_that_coalesces_hands_messages_to_people():
    """As any other."""
    client, channel, _ = a_client(a_response, coalesce=Coalescing(), on_unavailable="raise")
    client.close()
    with pytest.raises(ClientClosedError):
        client.decide()
    assert [] == channel.requests


def test_an_outcome_that_cannot_be_recorded_is_raised_in_either_mode():
    """The fail-safe is for decisions; a lost outcome must be known."""
    client, channel, _ = a_client(fails(StatusCode.INTERNAL))
    with pytest.raises(Exception, match="as told"):
        client.record_outcome(outcome_id="o1")
    assert (1, 0) == (len(channel.requests), client.unavailable_count)


def test_a_wrong_field_sends_nothing():
    """Not even the other items of the batch."""
    client, channel, _ = a_client(a_response)
    with pytest.raises(TypeError, match="did you mean intent"):
        client.decide(intend="x")  # type: ignore[call-arg]  # what must not work
    with pytest.raises(TypeError, match=r"^requests\[1\]\.intend: "):
        client.decide_many([{}, {"intend": "x"}])  # type: ignore[typeddict-unknown-key]  # likewise
    assert [] == channel.requests


def test_a_closed_client_hands_messages_to_people():
    """A gateway that shuts down still has messages on their way."""
    client, channel, _ = a_client(a_response)
    with client:
        assert client.decide().recorded
    assert Tier.HUMAN_IN_THE_LOOP is client.decide().tier
    with pytest.raises(ClientClosedError):
        client.record_outcome(outcome_id="o1")
    assert (True, 1) == (channel.closed, len(channel.requests))


def test_a_client_closed_during_a_call_does_not_try_again():
    """The status of a closed channel is CANCELLED, which otherwise is tried again."""
    client, channel, clock = a_client(a_response, on_unavailable="raise")

    def close_and_fail(request: Any) -> Any:
        client.close()
        return fails(StatusCode.CANCELLED)(request)

    channel.steps = [close_and_fail]
    with pytest.raises(ClientClosedError):
        client.decide()
    assert [] == clock.slept_s


def test_a_channel_closed_just_before_the_call_is_a_closed_client():
    """GRPC says ValueError; a caller of the fail-safe expects none."""
    client, channel, _ = a_client(a_response, on_unavailable="raise")

    def close_and_refuse(_: Any) -> Any:
        client.close()
        raise ValueError("Cannot invoke RPC on closed channel!")

    channel.steps = [close_and_refuse]
    with pytest.raises(ClientClosedError):
        client.decide()


def test_another_value_error_of_grpc_is_not_hidden():
    """It would be a mistake in this client, and must be seen."""

    def refuse(_: Any) -> Any:
        raise ValueError("metadata was invalid")

    client, _, _ = a_client(refuse)
    with pytest.raises(ValueError, match="metadata was invalid"):
        client.decide()


def test_the_tenant_of_the_client_goes_with_every_request():
    """One gateway, one tenant: said once."""
    client, channel, _ = a_client(a_response, tenant_id="t1")
    client.decide()
    client.decide(tenant_id="t2")
    assert ["t1", "t2"] == [request.tenant_id for request in channel.requests]


def test_raise_gives_typed_errors():
    """Callers with their own fail-safe tell failures apart by class."""
    client, _, _ = a_client(
        fails(StatusCode.UNAVAILABLE, "no", [("grpc-retry-pushback-ms", "-1")]), on_unavailable="raise"
    )
    with pytest.raises(UnavailableError, match=r"^no$"):
        client.decide()


def test_the_fake_is_a_channel():
    """A fake that gRPC would not take proves nothing."""
    assert isinstance(FailingChannel(a_response), grpc.Channel)
