"""Conditions as expressions."""

from __future__ import annotations

import pytest

from oversight.engine.conditions import normal_form
from oversight.engine.expressions import ExpressionWriter, signal_of
from oversight.engine.limits import Slot
from oversight.engine.policy import All, Condition
from oversight.engine.policy import Any as AnyOf
from unit.engine.examples import a_policy, check

POLICY = a_policy(attributes={"gold": "bool", "seats": "int"})
SEATS, GOLD = check("attributes.seats", "above", 3), check("attributes.gold", "equals", True)


def write(condition: Condition, slots: dict[Slot, int] | None = None) -> tuple[ExpressionWriter, str]:
    """Return a writer, and what it wrote."""
    normal = normal_form(condition)
    writer = ExpressionWriter(POLICY, normal, {} if slots is None else slots)
    return writer, writer.truth(normal)


@pytest.mark.parametrize(
    ("condition", "expected", "read"),
    [
        (check("churn_risk", "at_least", 0.5), "(churn_risk is not None and churn_risk >= 0.5)", {"churn_risk"}),
        (check("channel", "equals", "voice"), "(channel is not None and channel == 3)", {"channel"}),
        (All(()), "True", set()),
        (AnyOf(()), "False", set()),
        (GOLD, "(attribute_0 is not None and attribute_0 == True)", set()),
    ],
)
def test_a_condition_and_what_it_reads(condition: Condition, expected: str, read: set[str]) -> None:
    """Signals are loaded once for all rules of a function, attributes by each rule for itself."""
    writer, text = write(condition)
    assert (expected, read) == (text, writer.read)


def test_attributes_are_named_alike_wherever_a_rule_stands() -> None:
    """Else the same rule had another text in a policy that declares one more attribute."""
    writer, text = write(AnyOf((SEATS, GOLD)))
    expected = ["attribute_0 = attribute(r[33], 'gold', 'bool')", "attribute_1 = attribute(r[33], 'seats', 'int')"]
    assert expected == writer.attribute_loads()
    assert "(attribute_1 is not None and attribute_1 > 3)" in text


def test_limits_are_numbered_as_they_are_met() -> None:
    """The numbering goes on from rule to rule."""
    slots: dict[Slot, int] = {}
    _, first = write(check("churn_risk", "below", "$confidence"), slots)
    _, second = write(check("grounding_score", "below", "$grounding"), slots)
    _, again = write(check("grounding_score", "below", "$confidence"), slots)
    assert ("limits[0]" in first, "limits[1]" in second, "limits[0]" in again) == (True, True, True)
    assert {Slot("confidence", 0.0, 0, 1): 0, Slot("grounding", 0.0, 0, 1): 1} == slots


def test_a_signal_may_be_a_free_attribute() -> None:
    """Its kind is what the policy declares."""
    assert ("count", "number") == (
        signal_of(POLICY, "attributes.seats").kind,
        signal_of(POLICY, "churn_risk").kind,
    )
