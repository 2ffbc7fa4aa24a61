"""What the engine answers."""

from __future__ import annotations

from oversight.engine.decision import Escalation, Tier


def test_a_higher_tier_is_more_human() -> None:
    """The engine takes the highest."""
    assert Tier.HUMAN_ON_THE_LOOP < Tier.HUMAN_IN_THE_LOOP < Tier.HUMAN_AS_THE_LOOP
    assert Escalation.NONE < Escalation.OFFER < Escalation.TRANSFER
