"""A small policy, a routine request, and short ways to write others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oversight.engine.decide import decide
from oversight.engine.decision import Comparison, Decision, Escalation, Reason, Tier
from oversight.engine.policy import Check, Condition, Literal, Override, Policy, Rule, Threshold, ThresholdRef
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Snapshot
from unit.engine.requests_drawn import NOW_US
from unit.engine.worlds_decided import KEYS, snapshot_of

__all__ = [
    "a_policy",
    "a_request",
    "a_rule",
    "a_threshold",
    "an_override",
    "check",
    "comparisons_of",
    "decide_with",
    "only",
]

NAME = "contact_centre"
SHORT: Mapping[str, int] = {"on": 1, "in": 2, "as": 3}


def a_threshold(name: str = "confidence", default: float = 0.85, **changes: Any) -> Threshold:
    """Return a threshold of the default policy that is tightened by raising it."""
    written: dict[str, Any] = {"tightens": "raise", "overrides": (), "policy": NAME} | changes
    return Threshold(name, "", default, -1.0, 100.0, **written)


def an_override(value: float, **scope: str) -> Override:
    """Return an override of the default policy."""
    return Override(value, **scope, policy=NAME)


def a_policy(*rules: Rule, thresholds: tuple[Threshold, ...] = (), **changes: Any) -> Policy:
    """Return the default policy with *rules*; it knows the intent `thanks` and requires nothing."""
    written: dict[str, Any] = {
        "name": NAME,
        "version": "1",
        "description": "",
        "lineage": (NAME,),
        "required_signals": (),
        "intents": frozenset({"thanks"}),
    }
    return Policy(**(written | changes), rules=rules, thresholds={one.name: one for one in thresholds})


def check(signal: str, operator: str, value: Any) -> Check:
    """Return a check; a value that starts with a dollar sign names a threshold."""
    if isinstance(value, str) and value.startswith("$"):
        return Check(signal, operator, ThresholdRef(value[1:]))
    return Check(signal, operator, Literal(value))


ALWAYS = check("tenant_id", "present", value=False)


def a_rule(rule_id: str = "review", when: Condition = ALWAYS, tier: str = "in", **changes: Any) -> Rule:
    """Return a rule; without a condition it matches every request of `a_request`."""
    written: dict[str, Any] = {"escalation": Escalation.NONE, "reason": rule_id.upper(), "message": ""} | changes
    return Rule(rule_id, when, Tier(SHORT[tier]), **written)


def a_request(**values: Any) -> Request:
    """Return a request with nothing but an id and a known intent."""
    written: dict[str, Any] = {"request_id": "request-1", "intent": "thanks", "decided_at_us": NOW_US} | values
    return Request(**written)


def decide_with(policy: Policy, request: Request, facts: ServerFacts | None = None) -> Decision:
    """Decide by one policy alone."""
    snapshot: Snapshot = snapshot_of({policy.name: policy})
    return decide(snapshot, request, facts or ServerFacts(), KEYS)


def only(decision: Decision) -> Reason:
    """Return the one reason of *decision*."""
    (reason,) = decision.reasons
    return reason


def comparisons_of(policy: Policy, request: Request) -> tuple[Comparison, ...]:
    """Return what the only matching rule compared."""
    return only(decide_with(policy, request)).comparisons
