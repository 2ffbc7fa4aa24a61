"""The breaker in a rule file: off unless it is asked for, and every mistake told with its place."""

from __future__ import annotations

import pytest

from oversight.engine.compile import compile_policies
from oversight.engine.policy import Breaker

STEPS = "breaker: {steps: {autonomy: 0.02}, anomalies: true}\n"
CHILD = "policy: child\nextends: contact_centre\n"


def test_without_the_key_there_is_no_breaker(policies_of, with_rule):
    """The service changes nothing by itself that nobody asked it to."""
    assert Breaker() == policies_of(with_rule("{language: {not_in: [en]}}"))["contact_centre"].breaker


def test_steps_are_read_by_the_thresholds_name(policies_of, with_rule):
    """A whole number is a number, too."""
    extra = "breaker:\n  steps:\n    autonomy: 0.02\n"
    breaker = policies_of(with_rule("{language: {not_in: [en]}}", extra))["contact_centre"].breaker

    assert Breaker({"autonomy": 0.02}, anomalies=False) == breaker


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("", Breaker({"autonomy": 0.02}, anomalies=True)),
        ("breaker: {steps: {autonomy: 0.1}}\n", Breaker({"autonomy": 0.1})),
        ("breaker: {}\n", Breaker()),
    ],
)
def test_a_policy_has_its_parents_breaker_unless_it_has_its_own(policies_of, with_rule, written, wanted):
    """Its own stands for itself."""
    files = {"contact_centre.yaml": with_rule("{language: {not_in: [en]}}", STEPS), "child.yaml": CHILD + written}

    assert wanted == policies_of(files)["child"].breaker


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{steps: {autonmy: 0.1}}", "unknown threshold 'autonmy' in the breaker (did you mean 'autonomy'?)"),
        ("{steps: {autonomy: 0}}", "'autonomy' must be more than 0, not 0"),
        ("{steps: {autonomy: -0.1}}", "'autonomy' must be more than 0, not -0.1"),
        (
            "{steps: {autonomy: 0.5}}",
            "a step of 0.5 leaves the bounds of 'autonomy', which are 0.39 apart; make it smaller",
        ),
        ("{anomalies: true}", "'anomalies' takes steps, and there are none: name thresholds under 'steps'"),
        ("{step: {autonomy: 0.1}}", "unknown key 'step'; known here are anomalies, steps (did you mean 'steps'?)"),
        ("{steps: {autonomy: much}}", "'autonomy' must be a number, not 'much'"),
        ("{steps: {autonomy: .nan}}", "'autonomy'"),
        ("on", "'breaker'"),
    ],
)
def test_a_mistake_is_told_with_its_place(problems_of, with_rule, written, problem):
    """Line, column, what is wrong and what was meant: nobody looks for it."""
    (found,) = problems_of(with_rule("{language: {not_in: [en]}}", f"breaker: {written}\n"))

    assert found.startswith("contact_centre.yaml:12:")
    assert problem in found


def test_a_wrong_step_of_a_policy_is_its_own_mistake(problems_of, with_rule):
    """Not its parent's."""
    files = {
        "contact_centre.yaml": with_rule("{language: {not_in: [en]}}", STEPS),
        "child.yaml": CHILD + "breaker: {steps: {other: 1}}\n",
    }
    (found,) = problems_of(files)

    assert found.startswith("child.yaml:3:")


def test_no_decision_depends_on_the_breaker(policies_of, with_rule):
    """So the digest of what decides does not change with it."""
    plain = policies_of(with_rule("{language: {not_in: [en]}}"))
    broken = policies_of(with_rule("{language: {not_in: [en]}}", STEPS))

    assert compile_policies(plain)["digest"] == compile_policies(broken)["digest"]
