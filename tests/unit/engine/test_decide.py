"""The decision itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from oversight.engine.compile import compile_policies
from oversight.engine.decide import DEFAULT_AUDIT_RATE, decide, program_for
from oversight.engine.decision import Escalation, Evaluation, OnExpiry, Tier
from oversight.engine.identity import audit_draw
from oversight.engine.policy import Policy, TierTerms
from oversight.engine.request import ServerFacts
from oversight.engine.snapshot import LiveValue, assemble
from unit.engine.examples import a_policy, a_request, a_rule, a_threshold, an_override, check, decide_with
from unit.engine.worlds_decided import FACTS, KEYS, snapshot_of

POLICIES: Mapping[str, Policy] = {"contact_centre": a_policy(), "shop": a_policy(name="shop")}
FAILING = check("attributes.seats", "above", 5)
SEATS = {"seats": "int"}


def test_the_highest_tier_and_the_strongest_escalation_win() -> None:
    """Though they come from different rules."""
    policy = a_policy(
        a_rule("lead", tier="as"),
        a_rule("offer", tier="in", escalation=Escalation.OFFER),
        a_rule("watch", tier="on", escalation=Escalation.TRANSFER),
    )
    decision = decide_with(policy, a_request())
    assert (Tier.HUMAN_AS_THE_LOOP, Escalation.TRANSFER) == (decision.tier, decision.escalation)


def test_every_match_is_reported_in_order() -> None:
    """Tier descending, escalation descending, rule id; built-in rules among the others."""
    policy = a_policy(
        a_rule("z_in"),
        a_rule("a_in"),
        a_rule("offered", escalation=Escalation.OFFER),
        a_rule("as_is", tier="as"),
        a_rule("on", tier="on"),
        required_signals=("churn_risk",),
    )
    decision = decide_with(policy, a_request())
    assert ["as_is", "offered", "a_in", "signal_missing", "z_in", "on"] == [one.rule_id for one in decision.reasons]
    assert Evaluation.MATCHED == decision.evaluation


@pytest.mark.parametrize(
    ("department", "policy"), [(None, "contact_centre"), ("shop", "shop"), ("nowhere", "contact_centre")]
)
def test_the_department_picks_the_policy(department: str | None, policy: str) -> None:
    """An unknown one is decided by the default policy."""
    snapshot, request = snapshot_of(POLICIES), a_request(department=department)
    assert policy == program_for(snapshot, request).name
    assert policy == decide(snapshot, request, FACTS, KEYS).policy


def test_the_decision_names_what_decided() -> None:
    """Policy, version, commit, digest and revision, for the record."""
    snapshot = assemble(compile_policies(POLICIES), default_policy="contact_centre", commit="abc", threshold_revision=7)
    decision = decide(snapshot, a_request(), FACTS, KEYS)
    assert ("contact_centre", "1", "abc", snapshot.digest, 7) == (
        decision.policy,
        decision.policy_version,
        decision.commit,
        decision.digest,
        decision.threshold_revision,
    )


def test_shadow_rules_have_no_effect() -> None:
    """They are tried out on real traffic, and only reported."""
    decision = decide_with(a_policy(a_rule("trial", tier="as", shadow=True)), a_request())
    assert (Tier.HUMAN_ON_THE_LOOP, ["routine"]) == (decision.tier, [one.rule_id for one in decision.reasons])
    assert ["trial"] == [one.rule_id for one in decision.shadow_reasons]


@pytest.mark.parametrize(("tier", "expected"), [("on", 2), ("in", 2), ("as", 3)])
def test_a_rule_that_fails_counts_as_matched(tier: str, expected: int) -> None:
    """At least in the loop, with its own escalation, whatever its other parts say."""
    rule = a_rule("seats", FAILING, tier, escalation=Escalation.OFFER)
    decision = decide_with(a_policy(rule, attributes=SEATS), a_request(attributes={"seats": True}))
    tiers = {reason.rule_id: (reason.tier, reason.escalation) for reason in decision.reasons}
    assert {"seats": (expected, Escalation.OFFER), "policy_error": (2, Escalation.NONE)} == tiers
    assert (expected, Evaluation.ERROR) == (decision.tier, decision.evaluation)


def test_a_failing_rule_takes_its_place_in_the_order() -> None:
    """It may have risen above others."""
    policy = a_policy(a_rule("plain"), a_rule("seats", FAILING, "on", escalation=Escalation.TRANSFER), attributes=SEATS)
    decision = decide_with(policy, a_request(attributes={"seats": "many"}))
    assert ["seats", "plain", "policy_error"] == [reason.rule_id for reason in decision.reasons]


def test_a_failing_shadow_rule_has_no_effect_and_takes_its_place() -> None:
    """A trial that breaks must not raise anything."""
    policy = a_policy(
        a_rule("plain", shadow=True),
        a_rule("seats", FAILING, "on", escalation=Escalation.TRANSFER, shadow=True),
        attributes=SEATS,
    )
    decision = decide_with(policy, a_request(attributes={"seats": "many"}))
    assert (["routine"], Evaluation.DEFAULT) == ([one.rule_id for one in decision.reasons], decision.evaluation)
    assert [("seats", 2), ("plain", 2)] == [(one.rule_id, one.tier) for one in decision.shadow_reasons]


def test_an_error_is_told_before_staleness() -> None:
    """The worst first."""
    facts = ServerFacts(policy_age_s=10**9, record_unavailable=True)
    assert Evaluation.ERROR == decide_with(a_policy(), a_request(), facts).evaluation


def test_terms_of_the_tier() -> None:
    """The reply says how long a review may take."""
    policy = a_policy(a_rule(), tiers={Tier.HUMAN_IN_THE_LOOP: TierTerms(120, OnExpiry.TRANSFER)})
    decision, routine = decide_with(policy, a_request()), decide_with(a_policy(), a_request())
    assert (120, OnExpiry.TRANSFER) == (decision.review_sla_s, decision.on_expiry)
    assert (None, None) == (routine.review_sla_s, routine.on_expiry)


AUDITED = a_policy(thresholds=(a_threshold("audit_rate", 0.25, overrides=(an_override(0.5, intent="thanks"),)),))


def test_the_audit_rate_has_scopes_and_live_values() -> None:
    """It is a threshold like any other."""
    assert 0.5 == decide_with(AUDITED, a_request()).audit_probability
    assert 0.25 == decide_with(AUDITED, a_request(intent=None)).audit_probability
    live = (LiveValue("contact_centre", "audit_rate", 0.75),)
    decision = decide(snapshot_of({"contact_centre": AUDITED}, live=live), a_request(intent=None), FACTS, KEYS)
    assert 0.75 == decision.audit_probability


def test_there_is_an_audit_rate_where_the_policy_has_none() -> None:
    """Nobody turns the audit off by leaving it out."""
    assert DEFAULT_AUDIT_RATE == decide_with(a_policy(), a_request()).audit_probability


@pytest.mark.parametrize("number", range(8))
def test_a_share_of_autonomous_decisions_is_audited(number: int) -> None:
    """The draw that the id gives against the rate, so that every replica selects the same ones."""
    decision = decide_with(AUDITED, a_request(request_id=f"request-{number}"))
    assert (audit_draw(KEYS, decision.decision_id) < 0.5) == decision.audit_selected
    assert KEYS.audit_key_id == decision.audit_key_id


def test_what_a_person_sees_anyway_is_not_audited() -> None:
    """The sample is of what nobody saw."""
    everything = a_threshold("audit_rate", 1.0)
    decision = decide_with(a_policy(a_rule(), thresholds=(everything,)), a_request())
    assert (False, 0.0) == (decision.audit_selected, decision.audit_probability)
    assert decide_with(a_policy(thresholds=(everything,)), a_request()).audit_selected


def test_a_retry_is_the_same_decision() -> None:
    """Also later: the time is not part of who a decision is."""
    one = decide_with(a_policy(a_rule()), a_request())
    two = decide_with(a_policy(a_rule()), a_request(decided_at_us=a_request().decided_at_us + 1))
    assert one == two
