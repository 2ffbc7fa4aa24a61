"""Policies to a blueprint."""

from __future__ import annotations

import marshal
import re
from dataclasses import replace

import pytest

from oversight.engine.compile import ENGINE_VERSION, compile_policies
from oversight.engine.decision import Escalation, OnExpiry, Tier
from oversight.engine.policy import Constraint, Policy, TierTerms
from unit.engine.examples import a_policy, a_rule, a_threshold, an_override, check

POLICY = a_policy(
    a_rule("review", check("churn_risk", "at_least", 0.5)),
    a_rule("lead", check("human_requested", "equals", True), "as"),
    thresholds=(a_threshold(overrides=(an_override(0.9, intent="thanks"),)),),
)


def digest_of(policy: Policy) -> object:
    """Return the digest of the rules."""
    return compile_policies({policy.name: policy})["digest"]


def test_a_blueprint_survives_the_way_to_a_worker() -> None:
    """It is compiled in one process and loaded in others."""
    blueprint = compile_policies({POLICY.name: POLICY})
    assert blueprint == marshal.loads(marshal.dumps(blueprint))  # noqa: S302 - written just now
    assert ENGINE_VERSION == blueprint["engine_version"]


def test_rules_are_laid_out_in_the_order_of_replies() -> None:
    """So that matches need no sorting."""
    rules = [
        a_rule("b", tier="in"),
        a_rule("c", tier="as"),
        a_rule("a", tier="in"),
        a_rule("d", tier="in", escalation=Escalation.OFFER),
    ]
    laid_out = compile_policies({"contact_centre": a_policy(*rules)})["policies"]["contact_centre"]["source"]
    assert ["c", "d", "a", "b"] == re.findall(r"try:  # (\w+)", laid_out)


RULE, THRESHOLD = POLICY.rules[0], POLICY.thresholds["confidence"]


@pytest.mark.parametrize(
    "changed",
    [
        replace(POLICY, version="2"),
        replace(POLICY, required_signals=("intent",)),
        replace(POLICY, intents=frozenset()),
        replace(POLICY, rules=POLICY.rules[:1]),
        replace(POLICY, rules=(replace(RULE, when=check("churn_risk", "at_least", 0.6)), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, tier=Tier.HUMAN_AS_THE_LOOP), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, escalation=Escalation.OFFER), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, message="Else."), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, shadow=True), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, since_us=1), POLICY.rules[1])),
        replace(POLICY, rules=(replace(RULE, until_us=1), POLICY.rules[1])),
        replace(POLICY, thresholds={"confidence": replace(THRESHOLD, default=0.8)}),
        replace(POLICY, thresholds={"confidence": replace(THRESHOLD, overrides=())}),
        replace(POLICY, attributes={"region": "string"}),
        replace(POLICY, tiers={Tier.HUMAN_IN_THE_LOOP: TierTerms(120, OnExpiry.HOLD)}),
        replace(POLICY, supported_languages=frozenset({"en"})),
        replace(POLICY, max_signal_age_s=30),
        replace(POLICY, tighten_unknown_intent=False),
        replace(POLICY, tighten_unknown_department=False),
    ],
)
def test_what_a_decision_depends_on_is_in_the_digest(changed: Policy) -> None:
    """Two policies under one digest would make records that cannot be replayed."""
    assert digest_of(POLICY) != digest_of(changed)


@pytest.mark.parametrize(
    "changed",
    [
        replace(POLICY, description="Else."),
        replace(POLICY, constraints=(Constraint("confidence", "<", 1.0),)),
        replace(POLICY, rules=POLICY.rules[::-1]),
        replace(POLICY, rules=(replace(RULE, owner="risk", place="elsewhere.yaml:9"), POLICY.rules[1])),
        replace(POLICY, thresholds={"confidence": replace(THRESHOLD, description="Else.")}),
    ],
)
def test_what_no_decision_depends_on_is_not_in_the_digest(changed: Policy) -> None:
    """A moved line must not look like another policy."""
    assert digest_of(POLICY) == digest_of(changed)


def test_the_audit_rate_is_read_without_a_rule() -> None:
    """The engine itself reads it."""
    plain = compile_policies({"contact_centre": a_policy(thresholds=(a_threshold("audit_rate", 0.1),))})
    policy = plain["policies"]["contact_centre"]
    assert "audit_rate" == policy["slots"][policy["audit_slot"]][0]
