"""The default policy and its departments: what they say, and that their cases would notice any change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oversight.engine.conditions import checks
from oversight.engine.decision import Escalation, Scalar, Tier
from oversight.engine.policy import All, Any, Check, Condition, Literal, Not, Override, Policy, Rule, ThresholdRef
from oversight.engine.signals import NEGATIONS, SIGNALS
from oversight.rules.case_file import read_cases
from oversight.rules.cases import check_cases, run_cases
from oversight.rules.load import RuleSet, load
from oversight.rules.source import default_folder, read_folder

FILES = read_folder(default_folder())
RULES = load(FILES, default_policy="contact_centre")
POLICY = RULES.policies["contact_centre"]
CASES = read_cases(FILES, RULES.policies, default_policy="contact_centre")
INTENTS = Path(__file__).parents[4] / "shared" / "data" / "replay" / "intents.json"

NEIGHBOURS = {"below": "at_most", "at_most": "below", "above": "at_least", "at_least": "above"}
"""The operator that differs exactly at the limit."""

TABLE = """
human_requested AS T CUSTOMER_REQUEST|safety AS T SAFETY_RISK|legal AS T LEGAL_THREAT|security AS T SECURITY_INCIDENT
vulnerable AS T VULNERABLE_CUSTOMER|data_rights IN - DATA_RIGHTS|angry AS T NEGATIVE_SENTIMENT
sentiment_declining IN O SENTIMENT_DECLINING|retention AS T RETENTION_CRITICAL
enterprise_escalation AS T HIGH_VALUE_CUSTOMER|vip_confidence IN - HIGH_VALUE_CUSTOMER
complaint IN - SENSITIVE_INTENT|billing_dispute IN - SENSITIVE_INTENT|refund IN - SENSITIVE_ACTION
large_amount AS T AMOUNT_LIMIT|account_change IN - SENSITIVE_ACTION|irreversible IN - IRREVERSIBLE_ACTION
guardrail IN O POLICY_RESTRICTION|low_confidence IN - LOW_CONFIDENCE|very_low_confidence AS T LOW_CONFIDENCE
ambiguous_intent IN - AMBIGUOUS_INTENT|ungrounded IN - MISSING_KNOWLEDGE|anomaly IN - ANOMALY
stuck_loop AS T STUCK_LOOP|repeat_contact IN O REPEAT_CONTACT|tool_failure IN O TOOL_FAILURE
new_language IN - UNSUPPORTED_LANGUAGE|unproven_scope IN - UNPROVEN_SCOPE
"""


def test_the_default_policy_has_the_published_rules():
    """The published oversight model is this table; a rule lost or softened would be a promise broken."""
    tiers = {Tier.HUMAN_IN_THE_LOOP: "IN", Tier.HUMAN_AS_THE_LOOP: "AS"}
    escalations = {Escalation.NONE: "-", Escalation.OFFER: "O", Escalation.TRANSFER: "T"}
    rows = {f"{r.id} {tiers[r.tier]} {escalations[r.escalation]} {r.reason}" for r in POLICY.rules}

    assert {row for line in TABLE.strip().splitlines() for row in line.split("|")} == rows


def test_only_the_rules_that_protect_people_are_locked_and_one_is_a_shadow():
    """A lock is what keeps a threshold or a date from switching off the rules that protect people."""
    locked = {rule.id for rule in POLICY.rules if rule.locked}
    shadow = {rule.id for rule in POLICY.rules if rule.shadow}

    assert ({"human_requested", "safety", "vulnerable"}, {"unproven_scope"}) == (locked, shadow)


def test_the_shipped_policies_load_without_a_warning():
    """Newcomers copy what is shipped: it must be clean."""
    assert () == RULES.warnings


def test_every_shipped_case_holds_and_every_rule_and_comparison_is_tried_both_ways():
    """Cases that leave a rule untried would not notice its change."""
    report = run_cases(FILES, RULES, default_policy="contact_centre")

    assert ((), (), 1.0) == (report.failed, report.uncovered, report.coverage)


@pytest.mark.parametrize("department", ["retail_banking", "virtual_assistant"])
def test_a_department_knows_exactly_the_intents_of_its_assistant(department):
    """An intent left out would put every message about it in front of a person; one too many would hide a typo."""
    if not INTENTS.exists():
        pytest.skip(f"the replay data is not at {INTENTS}")
    known = json.loads(INTENTS.read_text(encoding="utf-8"))[department]

    assert set(known) == RULES.policies[department].intents


def _nudge(signal: str, value: float) -> Iterator[float]:
    step = 1 if SIGNALS[signal].kind == "count" else 0.001
    yield from (value - step, value + step)


def _other_values(check: Check) -> Iterator[tuple[str, Check]]:
    """Yield *check* with its operand changed a little, in every way."""
    match check.operand:
        case Literal(tuple() as values):
            others = [(f"without {value}", tuple(one for one in values if one != value)) for value in values]
            others += [(f"with {value}", (*values, value)) for value in _values_of(check.signal) if value not in values]
            yield from ((words, replace(check, operand=Literal(other))) for words, other in others)
        case Literal(str() | int() | float() as value):
            for other in _other_scalars(check.signal, value):
                yield str(other), replace(check, operand=Literal(other))
        case ThresholdRef(name, offset) if offset:
            for other in _nudge(check.signal, offset):
                yield f"${name}{other:+g}", replace(check, operand=ThresholdRef(name, other))
        case _:
            return


def _other_scalars(signal: str, value: Scalar) -> Iterator[Scalar]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        yield from (other for other in _values_of(signal) if other != value)
    else:
        yield from _nudge(signal, value)


def _values_of(signal: str) -> list[str]:
    if signal == "intent":
        # One that other rules read and one that none does: all would be many times the same mutant.
        return ["order_status", "complaint"]
    if signal == "guardrail_flags":
        return ["fraud", "pii", "self_harm", "tone"]
    return list(SIGNALS[signal].choices or ())


def _mutated_checks(check: Check) -> Iterator[tuple[str, Check]]:
    words = f"{check.signal} {check.operator}"
    if check.operator in NEGATIONS:
        yield f"{words} -> {NEGATIONS[check.operator]}", replace(check, operator=NEGATIONS[check.operator])
    if check.operator in NEIGHBOURS:
        yield f"{words} -> {NEIGHBOURS[check.operator]}", replace(check, operator=NEIGHBOURS[check.operator])
    for other, mutant in _other_values(check):
        yield f"{words} {other}", mutant


def _mutated_conditions(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Yield *condition* with one thing in it changed."""
    if isinstance(condition, Check):
        yield from _mutated_checks(condition)
        return
    if isinstance(condition, Not):
        yield "not -> itself", condition.part
        yield from ((words, Not(part)) for words, part in _mutated_conditions(condition.part))
        return
    yield ("all -> any", Any(condition.parts)) if isinstance(condition, All) else ("any -> all", All(condition.parts))
    for number, part in enumerate(condition.parts):
        rest = (*condition.parts[:number], *condition.parts[number + 1 :])
        yield f"without part {number}", type(condition)(rest)
        for words, mutant in _mutated_conditions(part):
            parts = (*condition.parts[:number], mutant, *condition.parts[number + 1 :])
            yield words, type(condition)(parts)


def _mutated_rules(rule: Rule) -> Iterator[tuple[str, Rule]]:
    yield from ((words, replace(rule, when=when)) for words, when in _mutated_conditions(rule.when))
    yield "reason", replace(rule, reason="SOMETHING_ELSE")
    yield "shadow", replace(rule, shadow=not rule.shadow)
    if not rule.shadow:
        yield from ((tier.name, replace(rule, tier=tier)) for tier in Tier if tier != rule.tier)
        yield from ((one.name, replace(rule, escalation=one)) for one in Escalation if one != rule.escalation)


def _mutants() -> Iterator[tuple[str, Policy]]:
    """Yield the default policy with one thing changed that decides."""
    for number, rule in enumerate(POLICY.rules):
        before, after = POLICY.rules[:number], POLICY.rules[number + 1 :]
        yield f"{rule.id}: removed", replace(POLICY, rules=(*before, *after))
        for words, mutant in _mutated_rules(rule):
            yield f"{rule.id}: {words}", replace(POLICY, rules=(*before, mutant, *after))
    readers = {
        c.operand.name: c.signal for r in POLICY.rules for c in checks(r.when) if isinstance(c.operand, ThresholdRef)
    }
    for name, signal in sorted(readers.items()):
        threshold = POLICY.thresholds[name]
        for value in _nudge(signal, threshold.default):
            changed = replace(threshold, default=value)
            yield f"${name}: {value:g}", replace(POLICY, thresholds={**POLICY.thresholds, name: changed})
        for override in threshold.overrides:
            for value in _nudge(signal, override.value):
                overrides = tuple(replace(one, value=value) if one == override else one for one in threshold.overrides)
                changed = replace(threshold, overrides=overrides)
                words = f"${name}{_scope(override)}: {value:g}"
                yield words, replace(POLICY, thresholds={**POLICY.thresholds, name: changed})
    for name in POLICY.required_signals:
        rest = tuple(one for one in POLICY.required_signals if one != name)
        yield f"{name}: not required", replace(POLICY, required_signals=rest)
    for language in sorted(POLICY.supported_languages or ()):
        languages = (POLICY.supported_languages or frozenset()) - {language}
        yield f"{language}: not supported", replace(POLICY, supported_languages=languages)
    yield "unknown_intent: allow", replace(POLICY, tighten_unknown_intent=False)
    yield "unknown_department: allow", replace(POLICY, tighten_unknown_department=False)


def _scope(override: Override) -> str:
    return f"[{override.intent or override.department or override.currency}]"


MUTANTS = list(_mutants())


def test_there_are_mutants_of_every_rule():
    """A generator that yields nothing would make the next test pass for nothing."""
    assert {rule.id for rule in POLICY.rules} <= {words.partition(":")[0] for words, _ in MUTANTS}
    assert len(MUTANTS) > 10 * len(POLICY.rules)


def _failed(policy: Policy) -> list[str]:
    cases = [case for case in CASES if case.policy == "contact_centre"]
    report = check_cases(cases, RuleSet({policy.name: policy}), default_policy=policy.name, with_coverage=False)
    return [result.name for result in report.failed]


def test_the_unchanged_policy_fails_no_case_on_its_own():
    """Else the next test would pass whatever the cases say."""
    assert [] == _failed(POLICY)


@pytest.mark.parametrize("mutant", [policy for _, policy in MUTANTS], ids=[words for words, _ in MUTANTS])
def test_a_change_of_the_default_policy_is_caught_by_a_case(mutant):
    """Whoever flips a comparison, a value, a tier or an escalation by mistake must hear of it before customers do."""
    assert [] != _failed(mutant)
