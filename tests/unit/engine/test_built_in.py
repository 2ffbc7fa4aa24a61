"""The rules above any policy."""

from __future__ import annotations

from typing import Any

import pytest

from oversight.engine.built_in import BUILT_IN_RULES, ERRORS, ROUTINE, STALE
from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import Comparison, Decision, Escalation, Evaluation, Reason, Tier
from oversight.engine.policy import Policy
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Stop, assemble
from unit.engine.examples import a_policy, a_request, a_rule, check, decide_with, only
from unit.engine.worlds_decided import FACTS, KEYS, snapshot_of

SECOND_US = 1_000_000
NOW_US = a_request().decided_at_us


def reason_of(policy: Policy, request: Request, facts: ServerFacts = FACTS) -> Reason:
    """Return the only reason."""
    return only(decide_with(policy, request, facts))


def stopped_by(request: Request, *stops: Stop) -> Decision:
    """Decide under engaged stops."""
    return decide(snapshot_of({"contact_centre": a_policy()}, stops=stops), request, FACTS, KEYS)


def test_reason_codes_are_the_ids_in_capitals() -> None:
    """So that code and id can be told from one another and lead to one another."""
    codes = {rule_id.upper() for rule_id in BUILT_IN_RULES}
    assert (ERRORS | STALE | {ROUTINE.code}) <= codes


def test_nothing_special_is_routine() -> None:
    """The only way to the lowest tier."""
    decision = decide_with(a_policy(), a_request())
    assert (ROUTINE,) == decision.reasons
    assert (Tier.HUMAN_ON_THE_LOOP, Escalation.NONE, Evaluation.DEFAULT) == (
        decision.tier,
        decision.escalation,
        decision.evaluation,
    )


@pytest.mark.parametrize("stop", [Stop(), Stop("shop"), Stop(intent="thanks"), Stop("shop", "thanks")])
def test_a_stop_of_this_machine_is_like_any_other(stop: Stop) -> None:
    """It must hold also where nobody else knows of it yet; with the other's it is one reason."""
    request, facts = a_request(department="shop"), FACTS._replace(stops=(stop,))
    alone = decide_with(a_policy(), request, facts)

    assert stopped_by(request, stop).reasons == alone.reasons
    both = decide(snapshot_of({"contact_centre": a_policy()}, stops=(stop,)), request, facts, KEYS)
    assert alone.reasons == both.reasons


@pytest.mark.parametrize("stop", [Stop(), Stop("shop"), Stop(intent="thanks"), Stop("shop", "thanks")])
def test_a_stop_of_this_request(stop: Stop) -> None:
    """For everything, its department, its intent, or the two together."""
    decision = stopped_by(a_request(department="shop"), stop)
    assert "oversight_stop" == decision.reasons[0].rule_id
    assert (Tier.HUMAN_AS_THE_LOOP, Escalation.TRANSFER, Evaluation.MATCHED) == (
        decision.tier,
        decision.escalation,
        decision.evaluation,
    )


@pytest.mark.parametrize("stop", [Stop("bank"), Stop(intent="press"), Stop("shop", "press"), Stop("bank", "thanks")])
def test_a_stop_of_another_request(stop: Stop) -> None:
    """A stop reaches no further than it says."""
    decision = stopped_by(a_request(department="shop"), stop)
    assert "oversight_stop" not in [reason.rule_id for reason in decision.reasons]


def test_a_stop_says_what_was_stopped() -> None:
    """Once each, however many stops there are."""
    decision = stopped_by(a_request(department="shop"), Stop(), Stop("shop"), Stop("shop", "thanks"), Stop("bank"))
    expected = (
        Comparison("department", "shop", "equals", "shop", "oversight stop"),
        Comparison("intent", "thanks", "equals", "thanks", "oversight stop"),
    )
    assert expected == decision.reasons[0].comparisons


@pytest.mark.parametrize(
    ("held", "tier", "shown"), [(2, 2, "human_in_the_loop"), (3, 3, "human_as_the_loop"), (99, 3, 99)]
)
def test_a_held_conversation_stays_held(held: int, tier: int, shown: Any) -> None:
    """An unknown number is as much human as there is."""
    reason = reason_of(a_policy(), a_request(held_tier=held))
    expected = (Comparison("held_tier", shown, "above", "human_on_the_loop", "literal"),)
    assert ("tier_held", tier, Escalation.NONE, expected) == (
        reason.rule_id,
        reason.tier,
        reason.escalation,
        reason.comparisons,
    )


@pytest.mark.parametrize("held", [None, 0, 1])
def test_what_nobody_holds_is_not_held(held: int | None) -> None:
    """Watching is not holding."""
    assert ROUTINE == reason_of(a_policy(), a_request(held_tier=held))


def test_missing_signals_are_named_in_order() -> None:
    """Each that is absent, and no other."""
    policy = a_policy(required_signals=("sentiment_score", "intent", "intent_margin"))
    decision = decide_with(policy, a_request())
    assert ("intent_margin", "sentiment_score") == decision.missing_signals
    source = "policy required_signals"
    expected = tuple(Comparison(name, None, "present", True, source) for name in decision.missing_signals)
    assert ("signal_missing", Tier.HUMAN_IN_THE_LOOP, expected) == (
        only(decision).rule_id,
        decision.tier,
        only(decision).comparisons,
    )


@pytest.mark.parametrize(
    ("time_us", "age_s"), [(None, None), (NOW_US - 30 * SECOND_US - 1, 30.000001), (NOW_US + 5 * SECOND_US + 1, None)]
)
def test_stale_signals(time_us: int | None, age_s: float | None) -> None:
    """Too old, undated, or from the future."""
    decision = decide_with(a_policy(max_signal_age_s=30), a_request(signal_time_us=time_us))
    expected = (Comparison("signal_age_s", age_s, "above", 30, "policy max_signal_age_s"),)
    assert ("signal_stale", expected) == (only(decision).rule_id, only(decision).comparisons)
    assert (Tier.HUMAN_IN_THE_LOOP, Evaluation.STALE) == (decision.tier, decision.evaluation)


@pytest.mark.parametrize("time_us", [NOW_US - 30 * SECOND_US, NOW_US, NOW_US + 5 * SECOND_US])
def test_fresh_signals(time_us: int) -> None:
    """The limit itself is still fresh."""
    assert ROUTINE == reason_of(a_policy(max_signal_age_s=30), a_request(signal_time_us=time_us))


def test_the_age_of_signals_is_not_checked_unless_the_policy_says_so() -> None:
    """As in the default policy."""
    assert ROUTINE == reason_of(a_policy(), a_request(signal_time_us=None))


@pytest.mark.parametrize(("field", "setting"), [("intent", "unknown_intent"), ("department", "unknown_department")])
def test_unknown_names_are_tightened_unless_allowed(field: str, setting: str) -> None:
    """What nobody wrote rules for is not left alone, unless somebody says that it may be."""
    request = a_request(**{field: "never_heard_of"})
    reason = reason_of(a_policy(), request)
    assert (setting, Tier.HUMAN_IN_THE_LOOP) == (reason.rule_id, reason.tier)
    assert "never_heard_of" == reason.comparisons[0].observed
    allowed: dict[str, Any] = {f"tighten_{setting}": False}
    assert ROUTINE == reason_of(a_policy(**allowed), request)


@pytest.mark.parametrize("field", ["intent", "department"])
def test_an_absent_name_is_not_unknown(field: str) -> None:
    """It is `required_signals` that says what must be there."""
    assert ROUTINE == reason_of(a_policy(), a_request(**{field: None}))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ServerFacts(policy_age_s=86_400), "routine"),
        (ServerFacts(policy_age_s=86_401), "policy_stale"),
        (ServerFacts(threshold_age_s=300), "routine"),
        (ServerFacts(threshold_age_s=301), "thresholds_stale"),
    ],
)
def test_stale_sources(facts: ServerFacts, expected: str) -> None:
    """Rules that may have been changed elsewhere do not decide alone."""
    decision = decide_with(a_policy(), a_request(), facts)
    evaluation = Evaluation.DEFAULT if expected == "routine" else Evaluation.STALE
    assert (expected, evaluation) == (only(decision).rule_id, decision.evaluation)


def test_an_age_of_zero_means_never() -> None:
    """A deployment may have no source to confirm against."""
    blueprint = compile_policies({"contact_centre": a_policy()})
    snapshot = assemble(blueprint, default_policy="contact_centre", max_policy_age_s=0, max_threshold_age_s=0)
    facts = ServerFacts(policy_age_s=10**9, threshold_age_s=10**9)
    assert (ROUTINE,) == decide(snapshot, a_request(), facts, KEYS).reasons


def test_a_record_that_cannot_be_written() -> None:
    """No autonomy without a record."""
    decision = decide_with(a_policy(), a_request(), ServerFacts(record_unavailable=True))
    assert "record_unavailable" == only(decision).rule_id
    assert (Tier.HUMAN_IN_THE_LOOP, Evaluation.ERROR, False) == (
        decision.tier,
        decision.evaluation,
        decision.recorded,
    )


def test_a_rule_that_fails_is_named() -> None:
    """The policy's owner must find it."""
    rules = (a_rule("one", check("attributes.seats", "above", 5)), a_rule("two", check("attributes.seats", "below", 5)))
    decision = decide_with(a_policy(*rules, attributes={"seats": "int"}), a_request(attributes={"seats": "many"}))
    (error,) = (reason for reason in decision.reasons if reason.rule_id == "policy_error")
    assert error.message.endswith("one, two.")
    assert Evaluation.ERROR == decision.evaluation
