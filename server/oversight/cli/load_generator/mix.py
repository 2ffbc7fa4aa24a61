"""
The built-in mix: made-up messages of a contact centre, for measuring a server with the default policy.

The tables below are the whole distribution; docs/operators.md shows them to readers. Nothing here is measured on real
customers: it is meant to be plausible, to reach every tier, and to be the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import TypeVar

__all__ = ["INTENTS", "draw_messages"]

_T = TypeVar("_T")

_ROUTINE = 5.6
INTENTS: Mapping[str, float] = {
    **dict.fromkeys(
        (
            *("order_status", "order_tracking", "order_change", "password_reset", "opening_hours", "shipping_info"),
            *("product_question", "account_balance", "appointment", "invoice_copy", "technical_question"),
            *("subscription_info", "greeting", "thanks"),
        ),
        _ROUTINE,
    ),
    "complaint": 5.0,
    "billing_dispute": 3.0,
    "refund_request": 4.0,
    "data_access": 0.5,
    "data_erasure": 0.5,
    "processing_objection": 0.5,
    "legal_threat": 0.3,
    "regulator_complaint": 0.2,
    "chargeback": 0.5,
    "press": 0.1,
    "fraud_report": 0.7,
    "account_takeover": 0.4,
    "cancel_service": 2.0,
    "outage": 1.5,
    "escalation": 0.8,
    "something_new": 1.6,
}
"""Intents in per cent: 78 routine, 13.5 sensitive, 6.5 serious, and some that no policy knows."""

_CHANNELS = {"chat": 45.0, "email": 20.0, "voice": 15.0, "messaging": 15.0, "social": 5.0}
_LANGUAGES = {"en": 40.0, "en-GB": 20.0, "de": 20.0, "fr": 15.0, "nl": 3.0, "es": 2.0}
_CUSTOMER_TIERS = {"standard": 88.0, "vip": 8.0, "enterprise": 4.0}
_FLAGS = {"pii": 40.0, "policy": 25.0, "injection": 20.0, "fraud": 8.0, "threat": 4.0, "self_harm": 3.0}
_CURRENCIES = {"EUR": 80.0, "GBP": 12.0, "JPY": 8.0}
_FAILED_TURNS = {0: 86.0, 1: 10.0, 2: 3.0, 3: 1.0}
_CONTACTS = {0: 82.0, 1: 13.0, 2: 4.0, 3: 1.0}

_MONEY_ACTIONS: Mapping[str, str] = {"refund_request": "refund", "billing_dispute": "credit", "chargeback": "refund"}
_OTHER_ACTIONS: Mapping[str, str] = {"order_change": "account_change", "cancel_service": "cancellation"}


def draw_messages(random: Random) -> Iterator[dict[str, object]]:
    """Yield the request fields of one message after the other, for ever, without an id."""
    while True:
        yield _message(random)


def _message(random: Random) -> dict[str, object]:
    intent = _draw(random, INTENTS)
    intent_confidence = random.betavariate(14, 1.2)
    return {
        "department": "contact_centre",
        "conversation_id": f"c-{random.getrandbits(48):012x}",
        "turn_index": int(random.expovariate(0.3)),
        "subject_ref": f"s-{random.getrandbits(48):012x}",
        "channel": _draw(random, _CHANNELS),
        "language": _draw(random, _LANGUAGES),
        "intent": intent,
        "intent_confidence": intent_confidence,
        # What is left, and never above the first: below one half there is more left than that.
        "intent_runner_up_confidence": min(intent_confidence, 1.0 - intent_confidence) * random.random(),
        "response_confidence": random.betavariate(22, 1.2),
        "grounding_score": random.betavariate(20, 1.5),
        "sentiment_score": _between(random.gauss(0.15, 0.35), -1.0, 1.0),
        "sentiment_trend": _between(random.gauss(0.0, 0.2), -1.0, 1.0),
        "sentiment_source": "voice" if random.random() < 0.15 else "text",
        "anomaly_score": random.betavariate(1, 12),
        "churn_risk": random.betavariate(1, 8),
        "customer_tier": _draw(random, _CUSTOMER_TIERS),
        "vulnerable_customer": random.random() < 0.01,
        "human_requested": random.random() < 0.02,
        "tool_failed": random.random() < 0.01,
        "failed_turns": _draw(random, _FAILED_TURNS),
        "contacts_7d": _draw(random, _CONTACTS),
        "guardrails": [_draw(random, _FLAGS)] if random.random() < 0.02 else [],
        "model_version": "assistant-2026-10",
        "draft_sha256": random.randbytes(32),
        **_action(random, intent),
    }


def _action(random: Random, intent: str) -> dict[str, object]:
    """Return what the AI proposes: money for some intents, a change for others, else only its reply."""
    if intent in _MONEY_ACTIONS:
        amount_minor = int(random.lognormvariate(8.5, 1.2))
        currency = _draw(random, _CURRENCIES)
        action = _MONEY_ACTIONS[intent]
        return {"proposed_action": action, "amount_minor": amount_minor, "currency": currency, "reversible": True}
    if intent in _OTHER_ACTIONS:
        return {"proposed_action": _OTHER_ACTIONS[intent], "reversible": random.random() < 0.8}
    return {"proposed_action": "reply", "reversible": True}


def _draw(random: Random, weights: Mapping[_T, float]) -> _T:
    return random.choices([*weights], [*weights.values()])[0]


def _between(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
