"""The one value that decides."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from oversight.engine.compile import ENGINE_VERSION, compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import OnExpiry, Tier
from oversight.engine.policy import TierTerms
from oversight.engine.request import ServerFacts
from oversight.engine.snapshot import LiveValue, Snapshot, Stop, assemble, release
from unit.engine.examples import a_policy, a_request, a_rule, a_threshold, check
from unit.engine.worlds_decided import KEYS, snapshot_of

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


INTENTS = tuple(f"intent_{number:03d}" for number in range(150))


def test_a_snapshot_is_let_go_of_a_little_at_a_time() -> None:
    """Freeing thousands of rules at once would be a pause for every caller."""
    rules = [a_rule(intent, check("intent", "equals", intent)) for intent in INTENTS]
    snapshot = snapshot_of({"contact_centre": a_policy(*rules, intents=frozenset(INTENTS))}, least_indexed=0)
    (table,) = snapshot.policies["contact_centre"].tables
    for intent in INTENTS:
        decide(snapshot, a_request(intent=intent), ServerFacts(), KEYS)
    left = [(len(table), len(snapshot.groups.made)) for _ in release(snapshot)]
    assert [(86, 150), (22, 150), (0, 150), (0, 86), (0, 22), (0, 0)] == left


def test_a_call_that_began_before_is_still_served() -> None:
    """It has read the snapshot, and another thread lets go of it."""
    rule = a_rule("thanked", check("intent", "equals", "thanks"))
    snapshot = snapshot_of({"contact_centre": a_policy(rule)}, least_indexed=0)
    before = decide(snapshot, a_request(intent="thanks"), ServerFacts(), KEYS)
    for _ in release(snapshot):
        assert before == decide(snapshot, a_request(intent="thanks"), ServerFacts(), KEYS)


def test_a_snapshot_is_gone_once_nobody_holds_it() -> None:
    """One that waits for the garbage collector keeps its rules in memory for hours."""
    snapshot = snapshot_of({"contact_centre": a_policy(a_rule())}, least_indexed=0)
    decide(snapshot, a_request(), ServerFacts(), KEYS)
    function = weakref.ref(snapshot.policies["contact_centre"].rules)
    gc.disable()
    try:
        del snapshot
        assert function() is None
    finally:
        gc.enable()
