"""The evaluation of every rule, for people."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.decide import decide
from oversight.engine.decision import Comparison
from oversight.engine.explain import RuleOutcome, explain
from oversight.engine.policy import All, Check, Condition, Not, SupportedLanguages, ThresholdRef
from oversight.engine.policy import Any as AnyOf
from oversight.engine.request import Request, ServerFacts
from oversight.engine.signals import NEGATIONS
from unit.engine.examples import a_policy, a_request, a_rule, a_threshold, check
from unit.engine.requests_drawn import NOW_US, facts, requests
from unit.engine.strategies import DEFAULT_POLICY, EXAMPLES, World, worlds
from unit.engine.worlds_decided import FACTS, KEYS, snapshot_of

TRUE, FALSE, UNKNOWN = (
    check("tool_failed", "equals", True),
    check("tool_failed", "equals", False),
    check("churn_risk", "above", 0.5),
)
MATCHED, NOT_MATCHED = RuleOutcome.MATCHED, RuleOutcome.NOT_MATCHED


def outcome_of(when: Condition, request: Request, **changes: Any) -> RuleOutcome:
    """Explain one rule."""
    policy = a_policy(a_rule("review", when), **changes)
    (evaluation,) = explain(policy, snapshot_of({policy.name: policy}), request, FACTS)
    return evaluation.outcome


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (TRUE, MATCHED),
        (FALSE, NOT_MATCHED),
        (UNKNOWN, RuleOutcome.UNKNOWN),
        (Not(UNKNOWN), RuleOutcome.UNKNOWN),
        (AnyOf((UNKNOWN, TRUE)), MATCHED),
        (AnyOf((UNKNOWN, FALSE)), RuleOutcome.UNKNOWN),
        (All((UNKNOWN, TRUE)), RuleOutcome.UNKNOWN),
        (All((UNKNOWN, FALSE)), NOT_MATCHED),
        (All((TRUE, Not(FALSE))), MATCHED),
        (AnyOf((FALSE, Not(TRUE))), NOT_MATCHED),
    ],
)
def test_three_values(when: Condition, expected: RuleOutcome) -> None:
    """People see the difference between no and not known."""
    assert expected == outcome_of(when, a_request(tool_failed=True))


CASES: list[tuple[str, str, Any, Any, bool]] = [
    ("churn_risk", "below", 0.5, 0.4, True),
    ("churn_risk", "at_most", 0.5, 0.6, False),
    ("churn_risk", "above", 0.5, 0.6, True),
    ("churn_risk", "at_least", 0.5, 0.4, False),
    ("intent", "equals", "thanks", "thanks", True),
    ("intent", "in", ("thanks",), "press", False),
    ("intent", "starts_with", "tha", "thanks", True),
    ("channel", "equals", "voice", 3, True),
    ("guardrail_flags", "contains", "pii", ("pii",), True),
    ("guardrail_flags", "contains_any", ("pii", "threat"), ("fraud",), False),
]


@pytest.mark.parametrize(("signal", "operator", "limit", "value", "expected"), CASES)
def test_each_operator_and_its_negation(signal: str, operator: str, limit: Any, value: Any, expected: bool) -> None:
    """Exactly one of the two holds of a present value."""
    request = a_request(**{signal: value})
    outcomes = (MATCHED, NOT_MATCHED) if expected else (NOT_MATCHED, MATCHED)
    assert outcomes == (
        outcome_of(check(signal, operator, limit), request),
        outcome_of(check(signal, NEGATIONS[operator], limit), request),
    )


@pytest.mark.parametrize(("value", "expected"), [(0.0, NOT_MATCHED), (None, MATCHED), (math.nan, MATCHED)])
def test_presence(value: float | None, expected: RuleOutcome) -> None:
    """Never unknown."""
    assert expected == outcome_of(check("churn_risk", "present", False), a_request(churn_risk=value))


def test_supported_languages() -> None:
    """By primary subtag."""
    when = Check("language", "in", SupportedLanguages())
    assert MATCHED == outcome_of(when, a_request(language="en-GB"), supported_languages=frozenset({"en"}))


@pytest.mark.parametrize("active", [{"since_us": NOW_US + 1}, {"until_us": NOW_US}, {"until_us": 0}])
def test_a_rule_outside_its_time(active: dict[str, Any]) -> None:
    """It is listed, so that nobody looks for it in vain."""
    policy = a_policy(a_rule(**active))
    (evaluation,) = explain(policy, snapshot_of({policy.name: policy}), a_request(), FACTS)
    assert (RuleOutcome.INACTIVE, ()) == (evaluation.outcome, evaluation.comparisons)


def test_a_rule_that_fails() -> None:
    """It shows the value that was of the wrong type."""
    policy = a_policy(a_rule("seats", check("attributes.seats", "above", 5)), attributes={"seats": "int"})
    request = a_request(attributes={"seats": "many"})
    (evaluation,) = explain(policy, snapshot_of({policy.name: policy}), request, FACTS)
    expected = (Comparison("attributes.seats", "many", "above", 5, "literal"),)
    assert (RuleOutcome.FAILED, expected) == (evaluation.outcome, evaluation.comparisons)


def test_every_rule_is_listed_by_id_with_every_comparison() -> None:
    """Also what did not match, for that is what people ask about."""
    when = AnyOf((check("tool_failed", "equals", True), Check("churn_risk", "below", ThresholdRef("confidence", 0.05))))
    policy = a_policy(a_rule("b", when), a_rule("a", TRUE, shadow=True), thresholds=(a_threshold(),))
    evaluations = explain(policy, snapshot_of({policy.name: policy}), a_request(churn_risk=0.95), FACTS)
    assert [("a", True), ("b", False)] == [(one.rule_id, one.shadow) for one in evaluations]
    expected = {
        Comparison("tool_failed", None, "equals", True, "literal"),
        Comparison("churn_risk", 0.95, "below", 0.9, "confidence+0.05 file"),
    }
    assert expected == set(evaluations[1].comparisons)


@settings(max_examples=max(EXAMPLES // 3, 1))
@given(worlds(), st.lists(requests(), min_size=1, max_size=4), facts())
def test_what_is_explained_is_what_was_decided(world: World, asked: list[Request], known: ServerFacts) -> None:
    """An explanation of something else would be worse than none."""
    snapshot = snapshot_of(world.policies, world.live, world.stops)
    for request in asked:
        decision = decide(snapshot, request, known, KEYS)
        policy = world.policies.get(request.department or DEFAULT_POLICY, world.policies[DEFAULT_POLICY])
        evaluations = {one.rule_id: one for one in explain(policy, snapshot, request, known)}
        matched = {one for one in evaluations.values() if one.outcome in (MATCHED, RuleOutcome.FAILED)}
        decided = {one.rule_id: one for one in (*decision.reasons, *decision.shadow_reasons)}
        assert {one.rule_id for one in matched} == decided.keys() & evaluations.keys()
        for one in matched:
            assert set(decided[one.rule_id].comparisons) <= set(one.comparisons)
