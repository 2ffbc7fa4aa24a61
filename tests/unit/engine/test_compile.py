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

DIGEST = "afcb4df702f892ab62fc11d76eb5f210acd61a9335101a8534b04b094ebf8fa4"
DIGEST_OF_TWO = "50a6141956e4b1166f99057accfc1fe93483982adce08ee106056bdab8bf5422"


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


def test_the_digest_of_given_rules_is_for_ever() -> None:
    """Records name it: the same rules under another digest could never be replayed."""
    assert DIGEST == digest_of(POLICY)
    both = {"contact_centre": POLICY, "shop": replace(POLICY, name="shop", lineage=("shop", "contact_centre"))}
    assert DIGEST_OF_TWO == compile_policies(both)["digest"]


@pytest.mark.parametrize("least_indexed", [0, 10**9])
def test_an_index_is_not_in_the_digest(least_indexed: int) -> None:
    """It changes how a decision is found, not which."""
    assert DIGEST == compile_policies({POLICY.name: POLICY}, least_indexed=least_indexed)["digest"]


def test_limits_of_one_policy_are_none_of_anothers() -> None:
    """All policies number their limits together; each fills in its own."""
    other = a_policy(
        a_rule("other", check("churn_risk", "below", "$other")), name="shop", thresholds=(a_threshold("other", 0.3),)
    )
    reads = a_rule("reads", check("churn_risk", "below", "$confidence"))
    first = a_policy(reads, thresholds=(a_threshold(),))
    plain = compile_policies({"contact_centre": first, "shop": other})["policies"]
    assert [("confidence", 0.0, 0, 1, False), None, None] == plain["contact_centre"]["slots"]
    assert [None, ("other", 0.0, 0, 1, False), None] == plain["shop"]["slots"]
    assert (None, None) == (plain["contact_centre"]["audit_slot"], plain["shop"]["audit_slot"])
