"""What the engine answers."""

from __future__ import annotations

from oversight.engine.decision import Comparison, Escalation, Reason, Tier, value_types


def a_reason(observed: float | bool) -> Reason:
    """Return a reason with one comparison."""
    comparison = Comparison("attributes.seats", observed, "at_least", 1, "literal")
    return Reason("SEATS", "seats", "", Tier.HUMAN_IN_THE_LOOP, Escalation.NONE, (comparison,))


def test_equal_reasons_of_other_types_are_told_apart() -> None:
    """1, 1.0 and True are equal to Python, and must not be shown for one another."""
    reasons = [a_reason(1), a_reason(1.0), a_reason(True)]
    assert 1 == len(set(reasons))
    assert [(int, int), (float, int), (bool, int)] == [value_types(reason) for reason in reasons]


def test_a_higher_tier_is_more_human() -> None:
    """The engine takes the highest."""
    assert Tier.HUMAN_ON_THE_LOOP < Tier.HUMAN_IN_THE_LOOP < Tier.HUMAN_AS_THE_LOOP
    assert Escalation.NONE < Escalation.OFFER < Escalation.TRANSFER
