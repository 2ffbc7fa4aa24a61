"""Rules as generated source."""

from __future__ import annotations

import math
from typing import Any

import pytest

from oversight.engine.decision import Comparison
from oversight.engine.policy import All, Check, Condition, Not, SupportedLanguages, ThresholdRef
from oversight.engine.policy import Any as AnyOf
from oversight.engine.request import Request
from unit.engine.examples import (
    a_policy,
    a_request,
    a_rule,
    a_threshold,
    an_override,
    check,
    comparisons_of,
    decide_with,
)
from unit.engine.worlds_decided import snapshot_of

NAN = math.nan
HOSTILE = "'''\"\"\"\\ \n}\r\0{__import__('os')}"


def matches(when: Condition, request: Request, **changes: Any) -> bool:
    """Return whether a rule with this condition matches."""
    decision = decide_with(a_policy(a_rule("review", when), **changes), request)
    return "REVIEW" in [reason.code for reason in decision.reasons]


CASES: list[tuple[str, str, Any, Any, Any]] = [
    ("churn_risk", "below", 0.5, 0.4, 0.5),
    ("churn_risk", "at_most", 0.5, 0.5, 0.6),
    ("churn_risk", "above", 0.5, 0.6, 0.5),
    ("churn_risk", "at_least", 0.5, 0.5, 0.4),
    ("churn_risk", "equals", 1, 1.0, 0.9),
    ("churn_risk", "in", (0.5, 1), 1.0, 0.9),
    ("amount_minor", "above", 100, 101, 100),
    ("intent", "equals", "thanks", "thanks", "Thanks"),
    ("intent", "in", ("thanks", "greeting"), "greeting", "press"),
    ("intent", "in", (), None, "thanks"),
    ("intent", "starts_with", "order_", "order_status", "reorder_"),
    ("channel", "equals", "voice", 3, 1),
    ("channel", "in", ("chat", "voice"), 1, 2),
    ("tool_failed", "equals", True, True, False),
    ("guardrail_flags", "contains", "pii", ("fraud", "pii"), ("fraud",)),
    ("guardrail_flags", "contains_any", ("pii", "threat"), ("threat",), ()),
    ("guardrail_flags", "contains_any", (), None, ("pii",)),
]


@pytest.mark.parametrize(("signal", "operator", "limit", "inside", "outside"), CASES)
def test_each_operator(signal: str, operator: str, limit: Any, inside: Any, outside: Any) -> None:
    """True inside, false outside, the other way round under `not`, and never where the signal is absent."""
    when = check(signal, operator, limit)
    if inside is not None:
        assert matches(when, a_request(**{signal: inside}))
        assert not matches(Not(when), a_request(**{signal: inside}))
    assert not matches(when, a_request(**{signal: outside}))
    assert matches(Not(when), a_request(**{signal: outside}))
    assert not matches(when, a_request(**{signal: None}))
    assert not matches(Not(when), a_request(**{signal: None}))


@pytest.mark.parametrize("operator", ["not_equals", "not_in", "below", "at_least"])
def test_what_is_not_a_number_is_absent(operator: str) -> None:
    """NaN differs from everything; that must not make a rule match."""
    limit = (0.5,) if operator == "not_in" else 0.5
    assert not matches(check("churn_risk", operator, limit), a_request(churn_risk=NAN))


@pytest.mark.parametrize(("value", "is_present"), [(0.0, True), (None, False), (NAN, False)])
def test_presence_of_a_number(value: float | None, is_present: bool) -> None:
    """Zero is a value; NaN is none."""
    assert is_present == matches(check("churn_risk", "present", True), a_request(churn_risk=value))
    assert is_present != matches(check("churn_risk", "present", False), a_request(churn_risk=value))


def test_presence_of_an_empty_list() -> None:
    """A guardrail check that raised nothing is not the same as none."""
    when = check("guardrail_flags", "present", True)
    assert matches(when, a_request(guardrail_flags=()))
    assert not matches(when, a_request(guardrail_flags=None))


@pytest.mark.parametrize("value", [None, NAN])
def test_an_absent_number_is_reported_as_absent(value: float | None) -> None:
    """NaN is no JSON, and differs from itself when the decision is made again."""
    policy = a_policy(a_rule("review", check("churn_risk", "present", False)))
    expected = (Comparison("churn_risk", None, "present", False, "literal"),)
    assert expected == comparisons_of(policy, a_request(churn_risk=value))


def test_derived_and_server_signals() -> None:
    """Rules read them like any other."""
    request = a_request(
        intent_confidence=0.9, intent_runner_up_confidence=0.8, signal_time_us=a_request().decided_at_us
    )
    assert matches(check("intent_margin", "equals", 0.1), request)
    assert matches(check("signal_age_s", "equals", 0), request)
    assert matches(check("labelled_outcomes", "below", 59), request)


@pytest.mark.parametrize(
    ("language", "is_supported"), [("en", True), ("EN-gb", True), ("de_AT", True), ("fr", False), ("", False)]
)
def test_supported_languages(language: str, is_supported: bool) -> None:
    """A customer in Austria is served in German."""
    languages = frozenset({"en", "de"})
    when = Check("language", "not_in", SupportedLanguages())
    assert is_supported != matches(when, a_request(language=language), supported_languages=languages)
    assert is_supported == matches(Not(when), a_request(language=language), supported_languages=languages)


def test_supported_languages_are_shown() -> None:
    """The reply says which they are."""
    rule = a_rule("review", Check("language", "not_in", SupportedLanguages()))
    policy = a_policy(rule, supported_languages=frozenset({"en", "de"}))
    expected = (Comparison("language", "fr-CA", "not_in", ("de", "en"), "policy supported_languages"),)
    assert expected == comparisons_of(policy, a_request(language="fr-CA"))


def test_a_comparison_shows_value_limit_and_source() -> None:
    """The reply must explain itself: the value seen, the limit, and where the limit came from."""
    when = All(
        (
            check("channel", "equals", "voice"),
            Check("response_confidence", "below", ThresholdRef("confidence", 0.05)),
            Not(check("intent", "in", ("press", "chargeback"))),
        )
    )
    threshold = a_threshold(overrides=(an_override(0.9, intent="thanks"),))
    expected = {
        Comparison("channel", "voice", "equals", "voice", "literal"),
        Comparison("response_confidence", 0.94, "below", 0.95, "confidence+0.05[intent=thanks] file"),
        Comparison("intent", "thanks", "not_in", ("chargeback", "press"), "literal"),
    }
    seen = comparisons_of(
        a_policy(a_rule("review", when), thresholds=(threshold,)), a_request(channel=3, response_confidence=0.94)
    )
    assert expected == set(seen)


def test_only_true_parts_of_any_are_shown() -> None:
    """What did not match did not make the rule match."""
    when = AnyOf((check("churn_risk", "above", 0.5), check("tool_failed", "equals", True)))
    expected = (Comparison("tool_failed", True, "equals", True, "literal"),)
    assert expected == comparisons_of(a_policy(a_rule("review", when)), a_request(tool_failed=True))


def test_an_unknown_enum_number_is_shown_as_it_came() -> None:
    """A newer gateway may send what this engine has no name for."""
    policy = a_policy(a_rule("review", check("channel", "not_equals", "voice")))
    expected = (Comparison("channel", 99, "not_equals", "voice", "literal"),)
    assert expected == comparisons_of(policy, a_request(channel=99))


@pytest.mark.parametrize(("parts", "expected"), [(All(()), True), (AnyOf(()), False)])
def test_empty_combinations(parts: Condition, expected: bool) -> None:
    """All of nothing is true, any of nothing is not."""
    assert expected == matches(parts, a_request())


@pytest.mark.parametrize("active", [{"since_us": 0}, {"until_us": 2**62}, {"since_us": 0, "until_us": 2**62}, {}])
def test_a_rule_within_its_time_is_active(active: dict[str, Any]) -> None:
    """A campaign rule works in the campaign."""
    assert ["review"] == [one.rule_id for one in decide_with(a_policy(a_rule(**active)), a_request()).reasons]


@pytest.mark.parametrize(("ahead_us", "expected"), [(-1, "routine"), (0, "review"), (9, "review"), (10, "routine")])
def test_a_rule_is_active_from_since_until_before_until(ahead_us: int, expected: str) -> None:
    """To the microsecond, so that two rules can follow one another without a gap."""
    start_us = a_request().decided_at_us
    policy = a_policy(a_rule(since_us=start_us, until_us=start_us + 10))
    request = a_request(decided_at_us=start_us + ahead_us)
    assert [expected] == [one.rule_id for one in decide_with(policy, request).reasons]


@pytest.mark.parametrize("text", [HOSTILE, "# no comment", "{0}", "%s"])
def test_text_from_a_policy_is_never_code(text: str) -> None:
    """Whatever an author writes stays a value."""
    policy = a_policy(
        a_rule("review", check("intent", "equals", text), reason=text, message=text), intents=frozenset({text})
    )
    expected = (Comparison("intent", text, "equals", text, "literal"),)
    assert expected == comparisons_of(policy, a_request(intent=text))


def test_the_source_can_be_shown() -> None:
    """`oversight explain` shows what runs."""
    snapshot = snapshot_of({"contact_centre": a_policy(a_rule())})
    assert "try:  # review" in snapshot.policies["contact_centre"].source


def test_an_attribute_may_have_any_declared_name() -> None:
    """Its name is a value too, never part of the code."""
    name = "x'] or __import__('os')"
    policy = a_policy(a_rule("review", check(f"attributes.{name}", "equals", 1)), attributes={name: "int"})
    expected = (Comparison(f"attributes.{name}", 1, "equals", 1, "literal"),)
    assert expected == comparisons_of(policy, a_request(attributes={name: 1}))


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [({"score": 0.0}, ()), ({"score": NAN}, ("attributes.score",)), ({}, ("attributes.score",))],
)
def test_a_required_attribute_that_is_no_number_is_missing(
    attributes: dict[str, float], missing: tuple[str, ...]
) -> None:
    """A score that could not be computed must not pass for one that was."""
    policy = a_policy(attributes={"score": "double"}, required_signals=("attributes.score",))
    assert missing == decide_with(policy, a_request(attributes=attributes)).missing_signals
