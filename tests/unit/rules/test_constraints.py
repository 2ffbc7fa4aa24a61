"""Constraints between thresholds, in every scope."""

from __future__ import annotations

import pytest

from oversight.engine.policy import Constraint


def policy(constraint, low="", high="", top=""):
    return (
        "policy: contact_centre\nintents: [order_status, complaint]\nthresholds:\n"
        f"  low: {{description: a, default: 0.5, min: 0.1, max: 0.99, tightens: raise, overrides: [{low}]}}\n"
        f"  high: {{description: b, default: 0.8, min: 0.1, max: 0.99, tightens: raise, overrides: [{high}]}}\n"
        f"constraints:\n  - {constraint}\n"
        "rules: [{id: a, when: {response_confidence: {below: $low}}, tier: human_in_the_loop, reason: A, message: m}]\n"
        f"{top}"
    )


READ = {
    "low < high": Constraint("low", "<", "high", "low < high"),
    "$low<=$high": Constraint("low", "<=", "high", "$low<=$high"),
    "high > 0.6": Constraint("high", ">", 0.6, "high > 0.6"),
    "0.8 >= low": Constraint(0.8, ">=", "low", "0.8 >= low"),
}


@pytest.mark.parametrize(("written", "constraint"), list(READ.items()), ids=list(READ))
def test_a_constraint_is_read_as_it_is_written(policies_of, written, constraint):
    """Thresholds and numbers, with one sign between them: no more is needed."""
    assert (constraint,) == policies_of(policy(written))["contact_centre"].constraints


BROKEN = "contact_centre.yaml:7:5: the constraint 'low < high' does not hold"
NOT_ONE = "is not a constraint; write two thresholds or numbers with <, <=, > or >= between them"

WRONG = {
    "low high": f"'low high' {NOT_ONE}",
    "low == high": f"'low == high' {NOT_ONE}",
    "low < hihg": "unknown threshold 'hihg' in the constraint (did you mean 'high'?)",
    "low > high": "the constraint 'low > high' does not hold: 0.5 and 0.8",
    "low < 0.5": "the constraint 'low < 0.5' does not hold: 0.5 and 0.5",
    "low < " + "9" * 400: "a number in the constraint is beyond 64 bits: it must be at most 9223372036854775807",
    "5": "'constraints', item 1, must be text (put it in quotes), not 5",
}


@pytest.mark.parametrize(("written", "problem"), list(WRONG.items()), ids=list(WRONG))
def test_a_wrong_or_broken_constraint_is_told(problems_of, written, problem):
    """A constraint that is quietly dropped would protect nobody."""
    assert [f"contact_centre.yaml:7:5: {problem}"] == problems_of(policy(written))


def test_a_constraint_is_checked_in_the_scope_of_one_override(problems_of):
    """It held everywhere but for euros: that is where it would have hurt."""
    found = problems_of(policy("low < high", low="{currency: EUR, value: 0.85}"))

    assert [
        "contact_centre.yaml:7:5: the constraint 'low < high' does not hold for currency EUR: 0.85 and 0.8"
    ] == found


def test_a_constraint_is_checked_where_two_overrides_meet(problems_of):
    """Each override holds against the other's default; together they do not."""
    files = policy("low < high", low="{currency: EUR, value: 0.75}", high="{intent: complaint, value: 0.7}")

    assert [f"{BROKEN} for intent complaint and currency EUR: 0.75 and 0.7"] == problems_of(files)


def test_a_more_specific_override_can_save_a_constraint(policies_of):
    """Where a narrower value is in force, the wider one is not."""
    low = "{currency: EUR, value: 0.85}"
    high = "{currency: EUR, value: 0.9}"

    assert 1 == len(policies_of(policy("low < high", low, high))["contact_centre"].constraints)


def test_a_childs_values_must_keep_its_parents_constraints(problems_of):
    """A child inherits the promise with the thresholds."""
    files = {
        "contact_centre.yaml": policy("low < high"),
        "child.yaml": "policy: child\nextends: contact_centre\nthresholds: {low: 0.9}\n",
    }

    assert ["child.yaml:3:1: the constraint 'low < high' does not hold: 0.9 and 0.8"] == problems_of(files)
