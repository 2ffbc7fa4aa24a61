"""Batches: how they are split, and which result belongs to which item."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import errors_pb2, outcome_service_pb2
from oversight_client import Decision, InvalidResponseError, ItemError, batches
from unit.client.replies import a_response


def requests(*request_ids: str) -> list[decisions.DecideRequest]:
    """Return the requests of a batch."""
    return [decisions.DecideRequest(request_id=request_id) for request_id in request_ids]


def an_item_error(**fields: Any) -> errors_pb2.ItemError:
    """Return why an item failed."""
    return errors_pb2.ItemError(
        code=3, reason=errors_pb2.ERROR_REASON_INVALID_REQUEST, message="intent: too long", **fields
    )


def test_batch_results_keep_their_order_and_their_errors():
    """The 317th result belongs to the 317th message."""
    response = decisions.BatchDecideResponse(
        results=[
            decisions.BatchDecideResult(response=a_response(request_id="a")),
            decisions.BatchDecideResult(error=an_item_error(metadata={"field": "intent"})),
        ]
    )
    decision, error = batches.batch_results(response, requests("a", "b"))
    assert isinstance(decision, Decision)
    assert "a" == decision.request_id
    assert ItemError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "intent: too long", {"field": "intent"}) == error
    assert "intent" == error.field


def test_an_item_without_result_or_with_an_unknown_one_is_an_error():
    """Silence is not success."""
    unknown = a_response()
    unknown.tier = 9  # type: ignore[assignment]  # no value of this version
    later = errors_pb2.ItemError(code=0, reason=99)  # type: ignore[arg-type]  # likewise
    response = decisions.BatchDecideResponse(
        results=[
            decisions.BatchDecideResult(),
            decisions.BatchDecideResult(error=later),
            decisions.BatchDecideResult(response=unknown),
        ]
    )
    results = [
        result for result in batches.batch_results(response, requests("a", "b", "r1")) if isinstance(result, ItemError)
    ]
    codes = [(result.code, result.reason) for result in results]
    assert [(StatusCode.UNKNOWN, ""), (StatusCode.UNKNOWN, ""), (StatusCode.INTERNAL, "")] == codes


def test_an_item_that_answers_another_request_or_has_no_id_is_an_error():
    """Each result is looked at alone: the others stand."""
    response = decisions.BatchDecideResponse(
        results=[
            decisions.BatchDecideResult(response=a_response(request_id="b")),
            decisions.BatchDecideResult(response=a_response(request_id="b", decision_id="no id")),
            decisions.BatchDecideResult(response=a_response(request_id="c")),
        ]
    )
    swapped, nameless, decided = batches.batch_results(response, requests("a", "b", "c"))
    assert isinstance(swapped, ItemError)
    assert isinstance(nameless, ItemError)
    assert isinstance(decided, Decision)
    assert [StatusCode.INTERNAL] * 2 == [swapped.code, nameless.code]


def test_results_that_are_too_few_are_no_results():
    """Matched by position, one missing would shift the rest to other messages."""
    with pytest.raises(InvalidResponseError, match="2 items were sent and 0 results came back"):
        batches.batch_results(decisions.BatchDecideResponse(), requests("a", "b"))
    with pytest.raises(InvalidResponseError, match="1 items were sent and 0 results came back"):
        batches.outcome_results(outcome_service_pb2.BatchRecordOutcomesResponse(), 1)


def test_outcome_results_are_ids_or_errors():
    """A caller sends again only what failed."""
    response = outcome_service_pb2.BatchRecordOutcomesResponse(
        results=[
            outcome_service_pb2.BatchRecordOutcomesResult(
                response=outcome_service_pb2.RecordOutcomeResponse(outcome_id="o1")
            ),
            outcome_service_pb2.BatchRecordOutcomesResult(error=an_item_error()),
        ]
    )
    ok, error = batches.outcome_results(response, 2)
    assert isinstance(error, ItemError)
    assert ("o1", "INVALID_REQUEST", "") == (ok, error.reason, error.field)


def test_a_batch_names_the_item_at_fault():
    """Nothing of the batch is sent."""
    with pytest.raises(TypeError, match=r"^requests\[1\]\.intent: "):
        batches.decide_batches([{}, {"intent": 1}])
    with pytest.raises(TypeError, match=r"^outcomes\[0\]\.outcome_id: "):
        batches.outcome_batches([{"outcome_id": 1}])


def test_a_call_is_no_larger_than_the_service_takes() -> None:
    """A hundred large messages would be refused together where each alone is taken."""
    requests = [{"request_id": f"r{number}", "attributes": {"a": "x" * 300_000}} for number in range(20)]
    calls = batches.decide_batches([*requests, {"request_id": "small"}])
    assert [f"r{number}" for number in range(20)] + ["small"] == [
        item.request_id for call in calls for item in call.requests
    ]
    assert max(call.ByteSize() for call in calls) <= batches.MAX_BATCH_BYTES + 1_000
    assert 4 == len(calls)
