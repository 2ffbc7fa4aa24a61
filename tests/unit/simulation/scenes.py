"""Scenarios, messages and decisions for tests of the simulation."""

from __future__ import annotations

from typing import Any

from oversight.simulation.conduct import Change, Conduct
from oversight.simulation.messages import Chances, Message
from oversight.simulation.scenario import IntentShare, Scenario
from oversight_client.enums import Escalation, Evaluation, Tier
from oversight_client.values import Decision, PolicyIdentity

__all__ = ["a_decision", "a_message", "a_scenario"]

INTENTS = [IntentShare(intent="order_status", share=0.75), IntentShare(intent="refund_request", share=0.25)]
UNLIKELY = 0.999


def a_scenario(*changes: Change, **fields: Any) -> Scenario:
    """Return a scenario of two intents, but for *fields*."""
    given: dict[str, Any] = {
        "scenario": "small",
        "description": "A small one.",
        "days": 30,
        "warm_up_days": 10,
        "messages_per_day": 400,
        "intents": INTENTS,
        "changes": list(changes),
        **fields,
    }
    return Scenario(**given)


def a_message(*, wrong: bool = False, load: float = 0.0, conduct: Conduct | None = None, **chances: float) -> Message:
    """Return a message to whom nothing unlikely happens, but for *chances*."""
    unlikely = dict.fromkeys(Chances._fields, UNLIKELY) | {"mood": 0.0, "category": 0.3}
    return Message(
        number=7,
        day=3,
        hour=9,
        load=load,
        intent="order_status",
        wrong=wrong,
        response_confidence=0.9,
        intent_confidence=0.9,
        sentiment_score=0.1,
        human_requested=False,
        conduct=conduct or Conduct(),
        chances=Chances(**(unlikely | chances)),
    )


def a_decision(tier: Tier, **fields: Any) -> Decision:
    """Return a decision at *tier*, but for *fields*."""
    given: dict[str, Any] = {
        "decision_id": "d" * 32,
        "request_id": "3-7",
        "tier": tier,
        "escalate": tier is Tier.HUMAN_AS_THE_LOOP,
        "escalation": Escalation.NONE,
        "reason": "ROUTINE",
        "reasons": (),
        "evaluation": Evaluation.DEFAULT,
        "recorded": True,
        "policy": PolicyIdentity(),
        **fields,
    }
    return Decision(**given)
