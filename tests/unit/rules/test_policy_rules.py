"""Rules: their names, their locks, their dates, and the direction of the thresholds they read."""

from __future__ import annotations

import pytest

from oversight.engine.built_in import BUILT_IN_RULES
from oversight.engine.decision import Escalation, Tier
from oversight.engine.policy import Check, Literal, Rule

RULE = "{id: low, when: {tool_failed: true}, tier: human_in_the_loop, reason: LOW, message: It is low.}"


def policy(rule, more=""):
    return (
        "policy: contact_centre\nintents: [order_status]\nthresholds:\n"
        "  up: {description: a, default: 0.8, min: 0, max: 1, tightens: raise}\n"
        "  down: {description: a, default: 0.8, min: 0, max: 1, tightens: lower}\n"
        f"rules:\n  - {rule}\n{more}"
    )


def test_a_rule_has_everything_that_its_author_wrote(policies_of):
    """Nothing of a rule may get lost between the file and the engine."""
    rule = (
        "{id: low, when: {tool_failed: true}, tier: human_as_the_loop, escalation: offer, reason: LOW, message: Low., "
        "shadow: true, since: 1970-01-01T00:00:01Z, until: 1970-01-01T00:00:02Z, owner: Care}"
    )

    expected = Rule(
        id="low",
        when=Check("tool_failed", "equals", Literal(value=True)),
        tier=Tier.HUMAN_AS_THE_LOOP,
        escalation=Escalation.OFFER,
        reason="LOW",
        message="Low.",
        shadow=True,
        since_us=1_000_000,
        until_us=2_000_000,
        owner="Care",
        policy="contact_centre",
        place="contact_centre.yaml:7",
    )
    assert (expected,) == policies_of(policy(rule))["contact_centre"].rules


CHANGES = {
    "tier: human_in_the_loop -> tier: HUMAN_IN_THE_LOOP": (
        "7:42: 'tier' is human_on_the_loop, human_in_the_loop, human_as_the_loop, not 'HUMAN_IN_THE_LOOP' "
        "(did you mean 'human_in_the_loop'?)"
    ),
    "tier: human_in_the_loop, -> ": "7:5: 'tier' is missing",
    "reason: LOW -> reason: low": (
        "7:67: 'reason' must be capital letters, digits and _, and start with a letter; 'low' is not"
    ),
    "reason: LOW -> reason: ROUTINE": "7:67: ROUTINE is the reason code of a built-in rule; choose another",
    "reason: LOW -> reason: DECISION_UNAVAILABLE": (
        "7:67: DECISION_UNAVAILABLE is the reason code of a built-in rule; choose another"
    ),
    "id: low -> id: Low": "7:6: 'id' must be small letters, digits and _, and start with a letter; 'Low' is not",
    "id: low -> id: 7": "7:6: 'id' must be text (put it in quotes), not 7",
    "id: low -> id: routine": "7:6: 'routine' is the name of a built-in rule; choose another",
    "message: It is low. -> message: ''": "7:80: 'message' must not be empty",
    "id: low -> id: low, esclation: offer": (
        "7:15: unknown key 'esclation'; known here are escalation, id, locked, message, owner, reason, shadow, since, "
        "tier, until, when (did you mean 'escalation'?)"
    ),
    "id: low -> id: low, escalation: ofer": (
        "7:15: 'escalation' is none, offer, transfer, not 'ofer' (did you mean 'offer'?)"
    ),
    "id: low -> id: low, shadow: yes": "7:15: 'shadow' must be true or false, not 'yes'",
    "id: low -> id: low, since: 2026-01-01": (
        "7:15: 'since' must be a date and time with its zone, such as 2026-12-24T08:00:00+01:00 or "
        "2026-12-24T07:00:00Z, not '2026-01-01'"
    ),
    "id: low -> id: low, since: 2026-01-01T00:00:00Z, until: 2026-01-01T01:00:00+01:00": (
        "7:44: 'until' is not after 'since': the rule would never be active"
    ),
    "id: low -> id: low, locked: true, shadow: true": (
        "7:29: the rule 'low' is locked and may not have 'shadow'; remove one of the two"
    ),
    "id: low -> id: low, locked: true, since: 2026-01-01T00:00:00Z": (
        "7:29: the rule 'low' is locked and may not have 'since'; remove one of the two"
    ),
    "id: low -> id: low, locked: true, until: 2026-01-01T00:00:00Z": (
        "7:29: the rule 'low' is locked and may not have 'until'; remove one of the two"
    ),
    "{tool_failed: true} -> {churn_risk: {below: $up}}, locked: true": (
        "7:15: the rule 'low' is locked and may not read the threshold $up; write the number itself"
    ),
}


@pytest.mark.parametrize(("change", "problem"), list(CHANGES.items()), ids=list(CHANGES))
def test_a_wrong_rule_is_told_where_and_how(problems_of, change, problem):
    """One wrong word in a rule must not become a rule that never matches."""
    old, new = change.split(" -> ")
    assert old in RULE

    assert [f"contact_centre.yaml:{problem}"] == problems_of(policy(RULE.replace(old, new)))


@pytest.mark.parametrize("rule", BUILT_IN_RULES)
def test_built_in_names_are_taken(problems_of, rule):
    """A reason code must tell people which of the two it was."""
    text = policy(RULE.replace("id: low", f"id: {rule}").replace("reason: LOW", f"reason: {rule.upper()}"))

    assert 2 == len(problems_of(text))


def test_an_id_is_used_once(problems_of):
    """Reports and records name rules by id alone."""
    assert ["contact_centre.yaml:8:6: there is a rule 'low' already, in line 7; choose another name"] == problems_of(
        policy(RULE, more=f"  - {RULE}\n")
    )


def test_a_child_cannot_take_the_id_of_its_parents_rule(problems_of):
    """Taking the name would look like replacing the rule, which a child cannot."""
    files = {
        "contact_centre.yaml": policy(RULE),
        "child.yaml": f"policy: child\nextends: contact_centre\nrules:\n  - {RULE}\n",
    }

    taken = "there is a rule 'low' already, in 'contact_centre' (contact_centre.yaml:7); choose another name"

    assert [f"child.yaml:4:6: {taken}"] == problems_of(files)


@pytest.mark.parametrize(
    "when",
    [
        "{churn_risk: {below: $up}}", "{churn_risk: {at_most: $up}}", "{churn_risk: {above: $down}}",
        "{churn_risk: {at_least: $down}}", "{not: {churn_risk: {at_least: $up}}}",
        "{not: {any: [{churn_risk: {below: $down}}, {not: {churn_risk: {below: $up}}}]}}",
        "{churn_risk: {between: [$down, $up]}}", "{churn_risk: {below: $up - 0.1}}",
    ],
)  # fmt: skip
def test_a_threshold_that_tightens_as_it_says_is_accepted(policies_of, when):
    """Turning it the way it says must put more in front of people, whichever way round it is written."""
    assert 1 == len(policies_of(policy(RULE.replace("{tool_failed: true}", when)))["contact_centre"].rules)


WRONG_WAYS = {
    "{churn_risk: {above: $up}}": "up raise above raising lower",
    "{churn_risk: {at_least: $up}}": "up raise at_least raising lower",
    "{churn_risk: {below: $down}}": "down lower below lowering raise",
    "{not: {churn_risk: {below: $up}}}": "up raise at_least raising lower",
    "{not: {not: {churn_risk: {above: $up + 0.1}}}}": "up raise above raising lower",
    "{not: {any: [{tool_failed: true}, {churn_risk: {at_most: $up}}]}}": "up raise above raising lower",
    "{churn_risk: {between: [$up, 0.9]}}": "up raise at_least raising lower",
}


@pytest.mark.parametrize(("when", "words"), list(WRONG_WAYS.items()), ids=list(WRONG_WAYS))
def test_a_threshold_that_loosens_where_it_says_it_tightens_is_refused(problems_of, when, words):
    """Somebody would turn it up to be safe and get less oversight: also through `not`."""
    name, tightens, operator, moving, other = words.split()

    problem = (
        f"contact_centre.yaml:7:15: '{name}' is declared tightens: {tightens}, but in the rule 'low' (churn_risk "
        f"{operator.replace('_', ' ')} ${name}) {moving} it makes the rule match less; turn the comparison round, or "
        f"use a threshold with tightens: {other}"
    )
    assert [problem] == problems_of(policy(RULE.replace("{tool_failed: true}", when)))
