"""Both clients against the service itself: what one says, the other understands."""

from __future__ import annotations

import asyncio

import pytest

from oversight_client import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    DecideFields,
    Decision,
    Escalation,
    Evaluation,
    InvalidRequestError,
    ItemError,
    NotFoundError,
    RequestTooLargeError,
    Tier,
)

LONG_S = 20.0
ROUTINE: DecideFields = {"intent": "order_status", "response_confidence": 0.97, "sentiment_score": 0.3}


@pytest.fixture
def client(serving):
    """A client of the service that never stands in for it."""
    with Client(serving.target, timeout_s=LONG_S, on_unavailable="raise") as made:
        yield made


def test_a_routine_message_is_left_to_the_ai(client):
    """The first thing that anybody tries."""
    decision = client.decide(**ROUTINE)
    assert (Tier.HUMAN_ON_THE_LOOP, Escalation.NONE, Evaluation.DEFAULT, "ROUTINE", True) == (
        decision.tier,
        decision.escalation,
        decision.evaluation,
        decision.reason,
        decision.recorded,
    )
    assert (32, 32, 64) == (len(decision.decision_id), len(decision.request_id), len(decision.policy.digest))


def test_an_angry_customer_is_led_by_a_person_with_value_and_limit(client):
    """Values arrive as numbers."""
    decision = client.decide(**{**ROUTINE, "sentiment_score": -0.8})
    assert (Tier.HUMAN_AS_THE_LOOP, Escalation.TRANSFER) == (decision.tier, decision.escalation)
    (comparison,) = decision.reasons[0].comparisons
    assert ("sentiment_score", -0.8) == (comparison.signal, comparison.observed)
    assert isinstance(comparison.limit, float)


def test_the_asyncio_client_is_answered_alike(serving, client):
    """Same request, same decision, same id, whichever client asked."""
    request: DecideFields = {"request_id": "r1", **ROUTINE}

    async def decide() -> Decision:
        async with AsyncClient(serving.target, timeout_s=LONG_S) as other:
            return await other.decide(**request)

    assert client.decide(**request) == asyncio.run(decide())


def test_the_field_that_the_service_refuses_is_named(client):
    """The range is the service's to check, the text the caller's to read."""
    with pytest.raises(InvalidRequestError, match="response_confidence") as caught:
        client.decide(response_confidence=1.5)
    assert ("INVALID_REQUEST", "response_confidence") == (caught.value.reason, caught.value.field)


def test_a_batch_comes_back_in_order_with_its_errors(client):
    """One wrong item costs the others nothing."""
    decided, refused = client.decide_many([ROUTINE, {"response_confidence": 1.5}])
    assert Tier.HUMAN_ON_THE_LOOP is decided.tier
    assert isinstance(refused, ItemError)
    assert ("INVALID_REQUEST", "response_confidence") == (refused.reason, refused.field)


def test_a_message_too_large_is_refused_as_such(client):
    """5 MB of attributes are a mistake that waiting does not mend."""
    with pytest.raises(RequestTooLargeError) as caught:
        client.decide(attributes={"a": "x" * 5_000_000})
    assert "REQUEST_TOO_LARGE" == caught.value.reason


def test_an_outcome_is_acknowledged(serving, client):
    """And is then in the journal."""
    decision_id = client.decide(**ROUTINE).decision_id
    recorded = client.record_outcome(
        outcome_id="o1", decision_id=decision_id, verdict="approved", label_basis="review", csat=5
    )
    assert ("o1", 2) == (recorded, len(serving.journal.payloads))


def test_an_outcome_that_cannot_be_recorded_is_raised(serving, client):
    """An acknowledged outcome is a promise; this one was not made."""
    decision_id = client.decide(**ROUTINE).decision_id
    serving.journal.fail()
    with pytest.raises(DeadlineExceededError, match="UNAVAILABLE: no space left in the journal") as caught:
        client.record_outcome(timeout_s=0.2, outcome_id="o1", decision_id=decision_id, escalated=True)
    assert "RECORD_UNAVAILABLE" == caught.value.reason


def test_a_decision_that_is_not_on_record_is_not_found(client):
    """Said as such, so that nobody waits for it."""
    with pytest.raises(NotFoundError) as caught:
        client.get_decision("0" * 32)
    assert "DECISION_NOT_FOUND" == caught.value.reason
