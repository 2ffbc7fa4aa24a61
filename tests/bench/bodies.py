"""The requests that are measured: one message of a contact centre, alone, many times over, and larger."""

from __future__ import annotations

from typing import Any

from oversight.v1 import decision_pb2, decision_service_pb2

__all__ = ["BATCH", "FIELDS", "SIGNALS", "batch_of", "request", "request_of_size"]

BATCH = 50
"""Messages to a call where batches are measured."""

SIGNALS: dict[str, Any] = {
    "language": "en",
    "intent": "refund_request",
    "intent_confidence": 0.91,
    "intent_runner_up_confidence": 0.05,
    "response_confidence": 0.81,
    "grounding_score": 0.9,
    "sentiment_score": -0.1,
    "sentiment_trend": 0.0,
    "amount_minor": 25_000,
    "failed_turns": 1,
    "contacts_7d": 0,
}
"""What a decision depends on; two rules of the default policy match. Also what Cerbos is given."""

FIELDS: dict[str, Any] = {
    **SIGNALS,
    "conversation_id": "c-77",
    "turn_index": 3,
    "subject_ref": "s-9",
    "currency": "EUR",
    "model_version": "m-1",
}
"""All of the message."""

_ATTRIBUTE_CHARACTERS = 1_000


def request() -> decision_service_pb2.DecideRequest:
    """Return one request; it has no id, so the server makes a new one, and no decision repeats another."""
    return decision_service_pb2.DecideRequest(**FIELDS)


def batch_of(size: int) -> decision_service_pb2.BatchDecideRequest:
    """Return *size* requests in one."""
    return decision_service_pb2.BatchDecideRequest(requests=[request() for _ in range(size)])


def request_of_size(size_bytes: int) -> decision_service_pb2.DecideRequest:
    """Return a request of about *size_bytes* (at most 25,000), made larger by free attributes."""
    larger = request()
    while (missing := size_bytes - larger.ByteSize()) > 0:
        text = "x" * max(1, min(_ATTRIBUTE_CHARACTERS, missing - 20))
        larger.attributes[f"note_{len(larger.attributes)}"].CopyFrom(decision_pb2.AttributeValue(string_value=text))
    return larger
