"""What coalescing may be told, and what a batch's reply or failure means for each of its callers."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from oversight.v1 import errors_pb2
from oversight.v1.decision_service_pb2 import BatchDecideResponse, BatchDecideResult, DecideRequest
from oversight_client import CallError, Coalescing, InvalidRequestError
from oversight_client.batches import MAX_BATCH
from oversight_client.coalescing import ASK_ALONE, MAX_SHARED_BYTES, settle_failed, settle_items
from unit.client.failing_channel import Failure
from unit.client.replies import a_response

ITEMS = [DecideRequest(request_id="a"), DecideRequest(request_id="b")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_wait_s": 0}, "max_wait_s: expected above 0 and at most 1, got 0"),
        ({"max_wait_s": 1.5}, "max_wait_s: "),
        ({"max_wait_s": float("nan")}, "max_wait_s: "),
        ({"max_batch": 1}, "max_batch: expected 2 to 500, got 1"),
        ({"max_batch": 501}, "max_batch: "),
    ],
)
def test_options_that_would_never_gather_or_never_end_are_refused(options: dict[str, Any], words: str) -> None:
    """A typing error here would show as latency, months later."""
    with pytest.raises(ValueError, match=words):
        Coalescing(**options)


def test_the_largest_shared_batch_fits_into_what_the_service_takes() -> None:
    """Else every caller of it would pay for the size of all."""
    assert MAX_BATCH * (MAX_SHARED_BYTES + 4) < 4 * 1024 * 1024


def test_each_item_has_its_own_answer_or_its_own_error() -> None:
    """Caller b's mistake must not reach caller a, and must reach b as it would have alone."""
    wrong = errors_pb2.ItemError(
        code=3, reason=errors_pb2.ERROR_REASON_INVALID_REQUEST, message="intent: too long", metadata={"field": "intent"}
    )
    results = [BatchDecideResult(response=a_response(ITEMS[0])), BatchDecideResult(error=wrong)]
    answer, error = settle_items(BatchDecideResponse(results=results), ITEMS)
    assert a_response(ITEMS[0]) == answer
    assert isinstance(error, InvalidRequestError)
    assert ("intent: too long", "intent", "INVALID_REQUEST", {"field": "intent"}) == (
        str(error),
        error.field,
        error.reason,
        error.metadata,
    )


def test_a_reply_of_another_length_settles_nobody() -> None:
    """Matched by position, one result too few would give everybody the decision of somebody else."""
    message = BatchDecideResponse(results=[BatchDecideResult(response=a_response(ITEMS[1]))])
    assert [ASK_ALONE, ASK_ALONE] == settle_items(message, ITEMS)


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.UNAVAILABLE,
        StatusCode.CANCELLED,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.UNAUTHENTICATED,
        StatusCode.PERMISSION_DENIED,
    ],
)
def test_a_failure_that_has_nothing_to_do_with_the_items_is_everyones(code: StatusCode) -> None:
    """Each caller tries again, or not, as its own deadline says; one error raised in two threads would be torn."""
    first, second = settle_failed(Failure(code), 2)
    assert isinstance(first, CallError)
    assert isinstance(second, CallError)
    assert (code, code) == (first.code, second.code)
    assert first is not second


@pytest.mark.parametrize(
    "code", [StatusCode.INTERNAL, StatusCode.INVALID_ARGUMENT, StatusCode.UNKNOWN, StatusCode.UNIMPLEMENTED]
)
def test_a_failure_that_may_be_one_items_is_nobodys_until_each_has_asked_alone(code: StatusCode) -> None:
    """A message that breaks the service must cost only the one who sent it."""
    assert [ASK_ALONE, ASK_ALONE] == settle_failed(Failure(code), 2)


def test_the_failure_of_a_call_for_one_is_its_own() -> None:
    """Asking alone a second time would only fail again."""
    (error,) = settle_failed(Failure(StatusCode.INTERNAL), 1)
    assert isinstance(error, CallError)
    assert StatusCode.INTERNAL is error.code
