"""Conditions in normal form."""

from __future__ import annotations

import pytest

from oversight.engine.conditions import checks, describe, normal_form, parts_of
from oversight.engine.policy import All, Any, Check, Not, SupportedLanguages, ThresholdRef
from oversight.engine.signals import NEGATIONS
from unit.engine.examples import check

A = check("churn_risk", "at_least", 0.5)
NOT_A = check("churn_risk", "below", 0.5)
B = check("intent", "equals", "thanks")
NOT_B = check("intent", "not_equals", "thanks")


def test_not_is_pushed_into_the_checks() -> None:
    """De Morgan: what is compiled has no `not`."""
    assert Any((NOT_A, NOT_B)) == normal_form(Not(All((A, B))))
    assert All((NOT_A, NOT_B)) == normal_form(Not(Any((A, B))))
    assert All((A, B)) == normal_form(Not(Not(All((A, B)))))


@pytest.mark.parametrize("operator", sorted(NEGATIONS))
def test_a_check_is_negated_by_its_operator(operator: str) -> None:
    """An absent signal makes both false, so neither side of `not` matches."""
    assert check("intent", NEGATIONS[operator], "x") == normal_form(Not(check("intent", operator, "x")))


def test_presence_is_negated_by_its_value() -> None:
    """`present` is never unknown, so its value is turned instead."""
    assert check("intent", "present", False) == normal_form(Not(check("intent", "present", True)))


def test_the_order_of_parts_and_lists_is_lost() -> None:
    """Two ways to write a condition are one condition."""
    one = All((A, Any((B, check("channel", "in", ("chat", "email"))))))
    two = All((Any((check("channel", "in", ("email", "chat")), B)), A))
    assert normal_form(one) == normal_form(two)


def test_a_check_has_no_parts() -> None:
    """Only `all` and `any` have."""
    assert ((A, B), (A, B), ()) == (parts_of(All((A, B))), parts_of(Any((A, B))), parts_of(A))


def test_the_checks_of_a_condition_are_found_under_everything() -> None:
    """A check that is overlooked would not be type-checked."""
    assert [A, B, NOT_A] == list(checks(All((Not(A), Any((B, NOT_A))))))


def test_a_condition_is_described_in_plain_values() -> None:
    """The digest is taken of the description: whatever means something must be in it."""
    condition = Not(
        Any(
            (
                check("channel", "in", ("chat",)),
                All((Check("churn_risk", "above", ThresholdRef("risk", 0.05)),)),
                Check("language", "in", SupportedLanguages()),
            )
        )
    )
    expected = [
        "not",
        [
            "any",
            [
                ["check", "channel", "in", ["literal", ["chat"]]],
                ["all", [["check", "churn_risk", "above", ["threshold", "risk", 0.05]]]],
                ["check", "language", "in", ["supported_languages"]],
            ],
        ],
    ]
    assert expected == describe(condition)
