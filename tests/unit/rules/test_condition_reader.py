"""Conditions: how they are written, and every way in which they can be wrong."""

from __future__ import annotations

import pytest

from oversight.engine.policy import All, Any, Check, Literal, Not, SupportedLanguages, ThresholdRef

CHECKS = {
    "{intent: complaint}": Check("intent", "equals", Literal("complaint")),
    "{intent: [complaint, order_status]}": Check("intent", "in", Literal(("complaint", "order_status"))),
    "{intent: {starts_with: order_}}": Check("intent", "starts_with", Literal("order_")),
    "{failed_turns: 3}": Check("failed_turns", "equals", Literal(3)),
    "{churn_risk: {at_least: 1}}": Check("churn_risk", "at_least", Literal(1.0)),
    "{tool_failed: true}": Check("tool_failed", "equals", Literal(value=True)),
    "{customer_tier: {not_in: [vip]}}": Check("customer_tier", "not_in", Literal(("vip",))),
    "{guardrail_flags: pii}": Check("guardrail_flags", "contains", Literal("pii")),
    "{guardrail_flags: [pii, fraud]}": Check("guardrail_flags", "contains_any", Literal(("pii", "fraud"))),
    "{sentiment_score: {present: false}}": Check("sentiment_score", "present", Literal(value=False)),
    "{response_confidence: {below: $autonomy}}": Check("response_confidence", "below", ThresholdRef("autonomy")),
    "{response_confidence: {below: $autonomy + 0.05}}": Check(
        "response_confidence", "below", ThresholdRef("autonomy", 0.05)
    ),
    "{response_confidence: {at_most: $autonomy-0.05}}": Check(
        "response_confidence", "at_most", ThresholdRef("autonomy", -0.05)
    ),
    "{labelled_outcomes: {below: 59}}": Check("labelled_outcomes", "below", Literal(59)),
    "{language: {not_in: $supported_languages}}": Check("language", "not_in", SupportedLanguages()),
    "{attributes.region: eu}": Check("attributes.region", "equals", Literal("eu")),
    "{churn_risk: {between: [0.2, 0.4]}}": All(
        (Check("churn_risk", "at_least", Literal(0.2)), Check("churn_risk", "at_most", Literal(0.4)))
    ),
    "{churn_risk: {above: 0.2, below: 0.4}}": All(
        (Check("churn_risk", "above", Literal(0.2)), Check("churn_risk", "below", Literal(0.4)))
    ),
    "{not: {tool_failed: true}}": Not(Check("tool_failed", "equals", Literal(value=True))),
    "{any: [{tool_failed: true}, {churn_risk: 1}]}": Any(
        (Check("tool_failed", "equals", Literal(value=True)), Check("churn_risk", "equals", Literal(1.0)))
    ),
    "{all: [{tool_failed: true}], churn_risk: 1}": All(
        (Check("tool_failed", "equals", Literal(value=True)), Check("churn_risk", "equals", Literal(1.0)))
    ),
    "{any: [{tool_failed: true}]}": Check("tool_failed", "equals", Literal(value=True)),
}

TOP = "supported_languages: [en]\nattributes: {region: string, value: int}"


@pytest.mark.parametrize(("when", "condition"), list(CHECKS.items()), ids=list(CHECKS))
def test_a_condition_is_read_as_it_is_written(policies_of, with_rule, when, condition):
    """The shorthand is what makes rules read like sentences; each form has one meaning."""
    policy = policies_of(with_rule(when, top=TOP))["contact_centre"]

    assert condition == policy.rules[0].when


NUMBER_OPERATORS = "below, at_most, above, at_least, between, equals, not_equals, in, not_in, present"
UNLISTED = "is not listed under 'intents', here or in a policy that this one extends"

WRONG = {
    "complaint": "8:5: a condition is written as signal: value, or all:, any: or not:",
    "{}": "8:5: the condition is empty; a rule without condition would match every message",
    "{intent: }": "8:12: 'intent' has no value; give it one or remove the line",
    "{tool_failed: {equals: }}": "8:26: 'equals' has no value; give it one or remove the line",
    "{respnse_confidence: 1}": ("8:12: unknown signal 'respnse_confidence' (did you mean 'response_confidence'?)"),
    "{al: [{intent: complaint}]}": "8:12: unknown signal 'al' (did you mean 'all'?)",
    "{attributes.region: eu}": (
        "8:12: the attribute 'region' is not declared; add it under 'attributes' with its type "
        "(string, double, int, bool)"
    ),
    "{churn_risk: {bellow: 0.5}}": (
        f"8:25: unknown operator 'bellow'; churn_risk can be compared with {NUMBER_OPERATORS} (did you mean 'below'?)"
    ),
    "{intent: {below: 0.5}}": (
        "8:21: 'below' does not fit intent; intent can be compared with equals, not_equals, in, not_in, starts_with, "
        "present"
    ),
    "{tool_failed: [true]}": "8:12: 'in' does not fit tool_failed; write tool_failed: true, or false",
    "{guardrail_flags: {equals: pii}}": "8:30: 'equals' does not fit guardrail_flags; write contains",
    "{guardrail_flags: {in: [pii]}}": "8:30: 'in' does not fit guardrail_flags; write contains_any",
    "{churn_risk: {below: high}}": "8:25: churn_risk is compared with a number, not with 'high'",
    "{churn_risk: {below: $a+b}}": (
        "8:25: churn_risk is compared with a number, or a threshold such as $name or $name + 0.05, not with '$a+b'"
    ),
    "{churn_risk: {below: [0.5]}}": "8:25: churn_risk is a number from 0 to 1, not a list",
    "{churn_risk: {below: {a: b}}}": "8:25: churn_risk is a number from 0 to 1, not keys and values",
    "{churn_risk: {below: true}}": "8:25: churn_risk is a number from 0 to 1, not true",
    "{churn_risk: 1.01}": "8:12: churn_risk is a number from 0 to 1; it can never be 1.01",
    "{churn_risk: .nan}": "8:12: churn_risk is a number from 0 to 1; it can never be nan",
    "{amount_minor: {above: .inf}}": "8:27: amount_minor is a whole number of at least 0, not inf",
    "{amount_minor: {above: -1}}": "8:27: amount_minor is a whole number of at least 0; it can never be -1",
    "{amount_minor: {above: 0x" + "F" * 296 + "}}": (
        "8:34: 'above': this whole number is beyond 64 bits: it must be from -9223372036854775808 to "
        "9223372036854775807; put text in quotes"
    ),
    "{response_confidence: {below: $autonomy + " + "9" * 400 + "}}": (
        "8:34: the offset from $autonomy is beyond 64 bits: it must be at most 9223372036854775807"
    ),
    '{language: {not_equals: "\\uD800"}}': (
        "8:35: 'not_equals': this text holds U+D800, half a character; write whole characters, or remove it"
    ),
    "{failed_turns: 2.5}": "8:12: failed_turns is a whole number of at least 0, not 2.5",
    "{tool_failed: yes}": "8:12: tool_failed is true or false, not 'yes'",
    "{intent: 401}": "8:12: intent is text, not 401 (put text in quotes)",
    "{intent: ''}": "8:12: intent has 1 to 128 characters; this can never match",
    "{intent: complain}": f"8:12: the intent 'complain' {UNLISTED} (did you mean 'complaint'?)",
    "{intent: {not_in: [complaint, x]}}": f"8:21: the intent 'x' {UNLISTED}",
    "{customer_tier: VIP}": ("8:12: customer_tier is standard, vip, enterprise, not 'VIP' (did you mean 'vip'?)"),
    "{channel: 1}": "8:12: channel is chat, email, voice, messaging, social, not 1",
    "{customer_tier: [vip, gold]}": "8:33: customer_tier is standard, vip, enterprise, not 'gold'",
    "{customer_tier: []}": "8:12: a list of values is expected here, such as [a, b], not an empty list",
    "{customer_tier: {in: vip}}": "8:28: a list of values is expected here, such as [a, b], not 'vip'",
    "{customer_tier: {in: {a: b}}}": "8:28: a list of values is expected here, such as [a, b], not keys and values",
    "{customer_tier: {in: true}}": "8:28: a list of values is expected here, such as [a, b], not true",
    "{customer_tier: {equals: [vip]}}": (
        "8:28: one value is expected here, not a list; for one of several write customer_tier: [a, b]"
    ),
    "{currency: eur}": "8:12: currency is three capital letters (ISO 4217), not 'eur' (did you mean 'EUR'?)",
    "{response_confidence: {below: $autonmy}}": "8:34: unknown threshold '$autonmy' (did you mean '$autonomy'?)",
    "{response_confidence: {below: $xyz}}": "8:34: unknown threshold '$xyz'",
    "{response_confidence: $autonomy}": (
        "8:12: $autonomy is a threshold: compare it with below, at_most, above or at_least, never equal"
    ),
    "{response_confidence: [$autonomy]}": (
        "8:34: $autonomy is a threshold: compare it with below, at_most, above or at_least, never equal"
    ),
    "{intent: $autonomy}": "8:12: $autonomy is a threshold, which is a number; intent is text",
    "{language: $supported_languages}": (
        "8:12: $supported_languages is a list; write language: {in: $supported_languages} or not_in"
    ),
    "{language: {in: $supported_languages}}": (
        "8:23: $supported_languages is used, but neither this policy nor those it extends list any"
    ),
    "{churn_risk: {between: [0.2]}}": (
        "8:25: 'between' holds the two ends, both included, such as between: [0.2, 0.4]"
    ),
    "{churn_risk: {between: [0.4, 0.2]}}": (
        "8:25: 'between' starts at 0.4 and ends below it, at 0.2: it can never match"
    ),
    "{churn_risk: {between: [0.4, 2]}}": "8:40: churn_risk is a number from 0 to 1; it can never be 2",
    "{churn_risk: {present: 1}}": "8:25: 'present' is true (the signal is there) or false (it is absent)",
    "{churn_risk: {}}": ("8:12: nothing is said about churn_risk; write for example churn_risk: {present: true}"),
    "{any: []}": "8:12: 'any' holds a list of conditions, each starting with '-'",
    "{all: {intent: complaint}}": "8:12: 'all' holds a list of conditions, each starting with '-'",
    "{not: [{intent: complaint}]}": "8:12: a condition is written as signal: value, or all:, any: or not:",
    "{any: [{intent: complaint}, complaint]}": ("8:39: a condition is written as signal: value, or all:, any: or not:"),
}


@pytest.mark.parametrize(("when", "problem"), list(WRONG.items()), ids=list(WRONG))
def test_a_wrong_condition_is_told_where_and_how(problems_of, with_rule, when, problem):
    """Whoever writes rules is no programmer: the sentence must be enough to put it right."""
    assert [f"contact_centre.yaml:{problem}"] == problems_of(with_rule(when))


def test_every_mistake_in_a_condition_is_told_at_once(problems_of, with_rule):
    """One mistake a run would be a long afternoon."""
    found = problems_of(with_rule("{any: [{intent: x}, {churn_risk: 2}], tool_failed: 1}"))

    assert ["8:19", "8:32", "8:49"] == [problem.split(":", 1)[1].split(": ")[0] for problem in found]


def test_an_attribute_whose_type_is_wrong_is_told_once(problems_of, with_rule):
    """The rule that reads it is right; only the declaration is not."""
    found = problems_of(with_rule("{attributes.region: eu}", top="attributes: {region: text}"))

    assert ["contact_centre.yaml:3:14: 'region' is string, double, int, bool, not 'text'"] == found


def test_any_intent_may_be_named_where_none_is_listed(policies_of):
    """A policy that knows no list cannot check against one."""
    text = (
        "policy: contact_centre\nunknown_intent: allow\nrules:\n"
        "  - {id: a, when: {intent: anything}, tier: human_in_the_loop, reason: A, message: a}\n"
    )

    assert Check("intent", "equals", Literal("anything")) == policies_of(text)["contact_centre"].rules[0].when
