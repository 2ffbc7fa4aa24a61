"""Values that tests build: small policies, requests and keys, each with just what the test is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oversight.engine.compile import compile_policies
from oversight.engine.decision import Escalation, Tier
from oversight.engine.identity import Keys
from oversight.engine.policy import Check, Condition, Literal, Policy, Rule, Threshold, ThresholdRef
from oversight.engine.snapshot import Snapshot, assemble

KEYS = Keys(id_key=b"i" * 32, audit_key=b"a" * 32, audit_key_id="test")

AUTONOMY = Threshold("autonomy_confidence", "Lowest confidence without a person.", 0.85, 0.6, 0.99, "raise")


def a_rule(rule_id: str, when: Condition, **fields: Any) -> Rule:
    """Return a rule that asks for a review unless *fields* say otherwise."""
    given: dict[str, Any] = {
        "tier": Tier.HUMAN_IN_THE_LOOP,
        "escalation": Escalation.NONE,
        "reason": rule_id.upper(),
        "message": f"Rule {rule_id} matched.",
    }
    return Rule(rule_id, when, **{**given, **fields})


LOW_CONFIDENCE = a_rule("low_confidence", Check("response_confidence", "below", ThresholdRef("autonomy_confidence")))
ANGRY = a_rule(
    "angry",
    Check("sentiment_score", "at_most", Literal(-0.6)),
    tier=Tier.HUMAN_AS_THE_LOOP,
    escalation=Escalation.TRANSFER,
    reason="NEGATIVE_SENTIMENT",
)


def a_policy(*rules: Rule, **fields: Any) -> Policy:
    """Return a policy with *rules* (by default the two above) that knows one intent."""
    given: dict[str, Any] = {
        "name": "contact_centre",
        "version": "1",
        "description": "",
        "lineage": ("contact_centre",),
        "required_signals": ("intent", "response_confidence", "sentiment_score"),
        "intents": frozenset({"order_status"}),
        "rules": rules or (LOW_CONFIDENCE, ANGRY),
        "thresholds": {"autonomy_confidence": AUTONOMY},
    }
    return Policy(**{**given, **fields})


def a_snapshot(*policies: Policy, **fields: Any) -> Snapshot:
    """Return a snapshot of *policies* (by default `a_policy()`); the first is the default policy."""
    chosen = policies or (a_policy(),)
    by_name: Mapping[str, Policy] = {policy.name: policy for policy in chosen}
    return assemble(compile_policies(by_name), **{"default_policy": chosen[0].name, **fields})
