"""Thresholds: their bounds, their scopes, and that a child is never quietly looser."""

from __future__ import annotations

import pytest

from oversight.engine.policy import Override

HEAD = "policy: contact_centre\nintents: [order_status, complaint]\n"
RULES = (
    "rules:\n"
    "  - {id: low, when: {response_confidence: {below: $autonomy}}, tier: human_in_the_loop, reason: LOW, message: m}\n"
    "  - {id: big, when: {amount_minor: {above: $amount}}, tier: human_in_the_loop, reason: BIG, message: m}\n"
)
PARENT = (
    f"{HEAD}thresholds:\n"
    "  autonomy:\n"
    "    {description: a, default: 0.8, min: 0.6, max: 0.99, tightens: raise, "
    "overrides: [{intent: complaint, value: 0.9}]}\n"
    "  amount: {description: b, default: 100, min: 0, max: 1000, tightens: lower}\n"
    f"{RULES}"
)

DECLARED = "{description: a, default: 0.7, min: 0.6, max: 0.9, tightens: raise, "

DECLARATIONS = {
    "{description: a, default: 0.5, min: 0.6, max: 0.9, tightens: raise}": (
        "4:30: 0.5 is out of bounds: 'autonomy' must be from 0.6 to 0.9"
    ),
    "{description: a, default: 0.95, min: 0.6, max: 0.9, tightens: raise}": (
        "4:30: 0.95 is out of bounds: 'autonomy' must be from 0.6 to 0.9"
    ),
    "{description: a, default: 0.7, min: 0.9, max: 0.6, tightens: raise}": (
        "4:44: 'autonomy' has min 0.9 above max 0.6"
    ),
    "{default: 0.7, min: 0.6}": "4:3: the threshold 'autonomy' lacks description, max, tightens",
    "{value: 0.7}": "4:14: 'autonomy' is declared here: its value is written 'default', not 'value'",
    "0.7": "4:3: 'autonomy' is declared here: its value is written 'default', not 'value'",
    "high": "4:3: 'autonomy' must hold keys and values, not 'high'",
    "true": "4:3: 'autonomy' must hold keys and values, not true",
    "{description: a, default: .nan, min: 0.6, max: 0.9, tightens: raise}": (
        "4:30: 'default' must be a finite number, not nan"
    ),
    "{description: a, default: '0.7', min: 0.6, max: 0.9, tightens: raise}": (
        "4:30: 'default' must be a number, not '0.7'"
    ),
    "{description: a, default: 0.7, min: 0.6, max: 0.9, tightens: rise}": (
        "4:64: 'tightens' is raise, lower, not 'rise' (did you mean 'raise'?)"
    ),
    DECLARED + "loosens: x}": (
        "4:81: 'autonomy' is declared here, so it cannot be looser than a parent's; remove 'loosens'"
    ),
    DECLARED + "overrides: [{value: 0.7}]}": (
        "4:93: an override names an intent, a department or a currency (or several)"
    ),
    DECLARED + "overrides: [{intent: complaint, value: 1}]}": (
        "4:113: 1 is out of bounds: 'autonomy' must be from 0.6 to 0.9"
    ),
    DECLARED + "overrides: [{intent: complain, value: 0.8}]}": (
        "4:94: the intent 'complain' is not listed under 'intents', here or in a policy that this one extends "
        "(did you mean 'complaint'?)"
    ),
    DECLARED + "overrides: [{currency: Eur, value: 0.8}]}": (
        "4:94: 'currency' must be three capital letters (ISO 4217), such as EUR; 'Eur' is not"
    ),
    DECLARED + "overrides: [{department: a, value: 0.8}, "
    "{value: 0.9, department: a}]}": "4:122: there is an override for department a already",
}


@pytest.mark.parametrize(("written", "problem"), list(DECLARATIONS.items()), ids=list(DECLARATIONS))
def test_a_wrong_declaration_is_told_where_and_how(problems_of, written, problem):
    """A threshold decides how much people see: nothing about it is guessed."""
    top = f"{HEAD}thresholds:\n  autonomy: {written}\n"
    when = "{response_confidence: {below: $autonomy}}"
    rule = f"rules:\n  - {{id: a, when: {when}, tier: human_in_the_loop, reason: A, message: m}}\n"

    assert [f"contact_centre.yaml:{problem}"] == problems_of(top + rule)


AUDIT_RATES = {
    "default: 0.05, min: 0, max: 1, tightens: raise": (
        "4:47: 'audit_rate' is a probability and never 0: its min is above 0, not 0"
    ),
    "default: 5, min: 0.01, max: 10, tightens: raise": (
        "4:55: 'audit_rate' is a probability: its max is at most 1, not 10"
    ),
    "default: 0.05, min: 0.01, max: 1, tightens: lower": (
        "4:66: more audits are stricter: 'audit_rate' has tightens: raise, not lower"
    ),
}


@pytest.mark.parametrize(("written", "problem"), list(AUDIT_RATES.items()), ids=list(AUDIT_RATES))
def test_the_share_of_audits_is_a_probability_that_is_never_zero(problems_of, written, problem):
    """A bound that lets it be 0 would let anyone end the audits live."""
    top = f"{HEAD}thresholds:\n  audit_rate: {{description: a, {written}}}\n"

    assert [f"contact_centre.yaml:{problem}"] == problems_of(top + "rules: []\n")


def test_the_share_of_audits_may_be_everything(policies_of):
    """1 is a probability too."""
    top = f"{HEAD}thresholds:\n  audit_rate: {{description: a, default: 1, min: 0.01, max: 1, tightens: raise}}\n"

    assert 1.0 == policies_of(top)["contact_centre"].thresholds["audit_rate"].default


def child(written):
    return {
        "contact_centre.yaml": PARENT,
        "child.yaml": f"policy: child\nextends: contact_centre\nthresholds:\n  {written}\n",
    }


STANDING = (
    "child.yaml:4:3: 'autonomy' stays 0.9 for intent complaint: 'contact_centre' has an override for that, which beats "
    "the 0.95 here; repeat the override here to be as strict"
)

STRICTER = {
    "autonomy: 0.85": [],
    "autonomy: {value: 0.85}": [],
    "autonomy: {default: 0.85}": [],
    "autonomy: {description: b, default: 0.85, min: 0.6, max: 0.99, tightens: raise}": [],
    "amount: 50": [],
    "autonomy: {overrides: [{intent: order_status, value: 0.8}]}": [],
    "autonomy: 0.95": [STANDING],
    "autonomy: {value: 0.95, overrides: [{intent: complaint, value: 0.95}]}": [],
    "autonomy: {value: 0.7, loosens: It was measured.}": [
        "child.yaml:4:14: 'autonomy' is looser here: 0.8 becomes 0.7, because: It was measured."
    ],
    "autonomy: {overrides: [{intent: complaint, value: 0.8, loosens: Measured.}]}": [
        "child.yaml:4:46: 'autonomy' for intent complaint is looser here: 0.9 becomes 0.8, because: Measured."
    ],
    "autonomy: {value: 0.85, loosens: Old.}": [
        "child.yaml:4:27: 'autonomy' is not looser than in 'contact_centre'; remove 'loosens'"
    ],
}


@pytest.mark.parametrize(("written", "warnings"), list(STRICTER.items()), ids=list(STRICTER))
def test_a_child_may_be_stricter_or_say_why_it_is_not(warnings_of, written, warnings):
    """A loosening is always seen by whoever checks the rules, with its reason."""
    assert warnings == warnings_of(child(written))


LOOSER = {
    "autonomy: 0.7": (
        "4:3: 0.7 is looser than the 0.8 that 'autonomy' has in 'contact_centre'; raise it, or say why beside it with "
        'loosens: "..."'
    ),
    "amount: {value: 101}": (
        "4:12: 101 is looser than the 100 that 'amount' has in 'contact_centre'; lower it, or say why beside it with "
        'loosens: "..."'
    ),
    "autonomy: {overrides: [{intent: complaint, value: 0.85}]}": (
        "4:46: 0.85 is looser than the 0.9 that 'autonomy' has for intent complaint in 'contact_centre'; raise it, or "
        'say why beside it with loosens: "..."'
    ),
    "autonomy: {overrides: [{intent: complaint, department: child, value: 0.85}]}": (
        "4:65: 0.85 is looser than the 0.9 that 'autonomy' has for intent complaint and department child in "
        "'contact_centre'; raise it, or say why beside it with loosens: \"...\""
    ),
    "autonomy: {value: 0.85, min: 0.5}": (
        "4:27: 'min' of 'autonomy' is 0.6 in 'contact_centre' and cannot be changed here"
    ),
    "autonomy: {value: 0.85, max: 0.9}": (
        "4:27: 'max' of 'autonomy' is 0.99 in 'contact_centre' and cannot be changed here"
    ),
    "autonomy: {value: 0.85, tightens: lower}": (
        "4:27: 'tightens' of 'autonomy' is raise in 'contact_centre' and cannot be changed here"
    ),
    "autonomy: {value: 0.85, default: 0.85}": "4:27: 'autonomy' has both 'value' and 'default'; keep one",
    "autonomy: 1": "4:3: 1 is out of bounds: 'autonomy' must be from 0.6 to 0.99",
    "autonmy: 0.9": "4:3: no policy that this one extends has a threshold 'autonmy' (did you mean 'autonomy'?)",
}


@pytest.mark.parametrize(("written", "problem"), list(LOOSER.items()), ids=list(LOOSER))
def test_a_child_that_is_looser_without_a_reason_is_refused(problems_of, written, problem):
    """Else one department could quietly undo what the company decided."""
    assert [f"child.yaml:{problem}"] == problems_of(child(written))


def test_values_say_which_policy_set_them(policies_of):
    """The engine decides by policy and scope whose value wins, and people must be able to find it."""
    files = child("autonomy: {value: 0.85, overrides: [{currency: EUR, value: 0.9}]}")
    threshold = policies_of(files)["child"].thresholds["autonomy"]

    assert (0.85, "child") == (threshold.default, threshold.policy)
    assert {
        Override(0.9, intent="complaint", policy="contact_centre"),
        Override(0.9, currency="EUR", policy="child"),
    } == set(threshold.overrides)


def test_an_override_replaces_the_parents_of_the_same_scope(policies_of):
    """Two values for one scope would leave open which of them holds."""
    threshold = policies_of(child("autonomy: {overrides: [{intent: complaint, value: 0.95}]}"))["child"].thresholds[
        "autonomy"
    ]

    assert (Override(0.95, intent="complaint", policy="child"),) == threshold.overrides
    assert (0.8, "contact_centre") == (threshold.default, threshold.policy)


def test_a_threshold_that_nothing_reads_is_told(warnings_of):
    """People would turn it and wonder why nothing happens."""
    text = (
        f"{HEAD}thresholds:\n"
        "  idle: {description: a, default: 1, min: 0, max: 2, tightens: raise}\n"
        "  audit_rate: {description: b, default: 0.05, min: 0.01, max: 1, tightens: raise}\n"
        "  bound: {description: c, default: 0, min: 0, max: 2, tightens: raise}\n"
        "constraints: [bound < 5]\n"
        "rules: [{id: a, when: {tool_failed: true}, tier: human_in_the_loop, reason: A, message: m}]\n"
    )

    assert ["contact_centre.yaml:4:3: no rule or constraint uses the threshold 'idle'"] == warnings_of(text)


def test_a_threshold_that_only_a_child_reads_is_used(warnings_of):
    """A parent may keep numbers for its departments."""
    files = {
        "contact_centre.yaml": (
            f"{HEAD}thresholds: {{churn: {{description: a, default: 0.7, min: 0, max: 1, tightens: lower}}}}\n"
            "rules: [{id: a, when: {tool_failed: true}, tier: human_in_the_loop, reason: A, message: m}]\n"
        ),
        "child.yaml": (
            "policy: child\nextends: contact_centre\n"
            "rules: [{id: b, when: {churn_risk: {above: $churn}}, tier: human_in_the_loop, reason: A, message: m}]\n"
        ),
    }

    assert [] == warnings_of(files)
