"""The one value that decides."""

from __future__ import annotations

from typing import Any

import pytest

from oversight.engine.compile import ENGINE_VERSION, compile_policies
from oversight.engine.decision import OnExpiry, Tier
from oversight.engine.policy import TierTerms
from oversight.engine.snapshot import LiveValue, Snapshot, Stop, assemble
from unit.engine.examples import a_policy, a_rule, a_threshold

BLUEPRINT = compile_policies(
    {
        "contact_centre": a_policy(
            a_rule(), thresholds=(a_threshold(),), tiers={Tier.HUMAN_IN_THE_LOOP: TierTerms(120, OnExpiry.HOLD)}
        ),
        "shop": a_policy(name="shop", tiers={Tier.HUMAN_AS_THE_LOOP: TierTerms(60)}),
    }
)


def assembled(**changes: Any) -> Snapshot:
    """Assemble with some arguments."""
    return assemble(BLUEPRINT, **({"default_policy": "contact_centre"} | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"default_policy": "shop"},
        {"max_policy_age_s": 1},
        {"max_threshold_age_s": 1},
        {"live": (LiveValue("contact_centre", "confidence", 0.9),)},
        {"stops": (Stop(),)},
    ],
)
def test_what_a_decision_depends_on_is_in_the_digest(changes: dict[str, Any]) -> None:
    """Two snapshots with one digest decide alike."""
    assert assembled().digest != assembled(**changes).digest


def test_the_digest_is_the_same_in_every_order() -> None:
    """Replicas read live values and stops in whatever order the store has them."""
    live = (LiveValue("contact_centre", "confidence", 0.9), LiveValue("contact_centre", "confidence", 0.8, "thanks"))
    stops = (Stop(intent="thanks"), Stop("shop"))
    assert assembled(live=live, stops=stops).digest == assembled(live=live[::-1], stops=stops[::-1]).digest


def test_where_rules_came_from_is_not_in_the_digest() -> None:
    """The same rules under another commit are the same rules."""
    one, two = assembled(), assembled(commit="abc", threshold_revision=3)
    assert one.digest == two.digest
    assert ("abc", 3) == (two.commit, two.threshold_revision)


def test_terms_of_tiers() -> None:
    """As the policy has them; nothing where it says nothing."""
    snapshot = assembled()
    assert {2: (120, OnExpiry.HOLD)} == dict(snapshot.policies["contact_centre"].tiers)
    assert {3: (60, None)} == dict(snapshot.policies["shop"].tiers)


def test_a_blueprint_of_another_engine_is_refused() -> None:
    """A worker must not load what another version compiled."""
    other = BLUEPRINT | {"engine_version": ENGINE_VERSION + 1}
    with pytest.raises(ValueError, match=f"engine version {ENGINE_VERSION + 1}, this engine is {ENGINE_VERSION}"):
        assemble(other, default_policy="contact_centre")


def test_the_default_policy_must_be_there() -> None:
    """Without it nothing would decide a request that names no department."""
    with pytest.raises(ValueError, match="'nowhere'"):
        assembled(default_policy="nowhere")
