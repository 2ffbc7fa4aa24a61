"""Which decisions a threshold's value governs, and what keeps it from being recommended."""

from __future__ import annotations

from typing import Any

import pytest

from oversight.errors import NotRecommendableError, UnknownScopeError, UnknownThresholdError
from oversight.rules.scopes import Scope
from recommending_scene import ASKED, DAY_US, SILENT, VIP, Scene, a_message
from threshold_desk import BANK, CARDS, CENTRE, NOW_US, the_rules


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount_minor": 200}, "another rule asks for a person, whatever the confidence"),
        ({"intent": "unheard_of"}, "an unknown intent is a person's"),
        ({"confidence": None}, "a required signal is missing"),
        ({"intent": "order_change"}, "a value of its own is in force for this intent"),
        ({"model_version": "m2"}, "another model made it"),
        ({"decided_at_us": NOW_US - 91 * DAY_US}, "it is too old"),
        ({"tier": 3}, "a person led it"),
    ],
)
def test_only_what_this_value_alone_decides_is_evidence(scene: Scene, fields: dict[str, Any], why: str) -> None:
    """Labels of other decisions would speak for those that the threshold lets through."""
    confidence = fields.pop("confidence", 0.9)
    scene.add([(a_message(number, 0.9), 0) for number in range(10)])
    scene.add([(a_message(number, confidence, **fields), 1) for number in range(10, 20)])
    certificate = scene.ask(ASKED._replace(model_version="m1")).recommendation.certificate
    assert (10, 10, 0) == (certificate.eligible, certificate.n, certificate.errors), why


def test_a_narrower_scope_has_its_own_decisions(scene: Scene) -> None:
    """The value of one intent is proven by that intent's labels."""
    scene.add([(a_message(number, 0.95, intent="order_change"), 0) for number in range(10)])
    scene.add([(a_message(number, 0.9, currency="EUR", amount_minor=5), 0) for number in range(10, 30)])
    for scope, count, in_force in (
        (Scope(intent="order_change"), 10, 0.9),
        (Scope(currency="EUR"), 20, 0.85),
        (Scope(intent="order_status", currency="EUR"), 20, 0.85),
        (Scope(intent="order_status", currency="USD"), 0, 0.85),
        (Scope(), 20, 0.85),
    ):
        found = scene.ask(ASKED._replace(scope=scope, model_version="m1"))
        assert (count, in_force) == (found.recommendation.certificate.eligible, found.value_in_force), scope


def test_a_policy_that_extends_another_has_its_own_decisions(scene: Scene) -> None:
    """A bank's value is proven by the bank's labels; the parent's value binds both."""
    scene.rules = the_rules(centre=CENTRE, bank=BANK, cards=CARDS)
    scene.add([(a_message(number, 0.9, department="bank"), 0) for number in range(10)])
    scene.add([(a_message(number, 0.9), 0) for number in range(10, 30)])
    assert 10 == scene.ask(ASKED._replace(policy="bank")).recommendation.certificate.eligible
    assert 30 == scene.ask().recommendation.certificate.eligible


def test_a_child_is_not_recommended_to_be_looser_than_its_parent(scene: Scene) -> None:
    """Such a value could not be put in force."""
    scene.rules = the_rules(centre=CENTRE, bank=BANK)
    scene.add([(a_message(number, 0.7 + number / 5_000, department="bank"), 0) for number in range(1_000)])
    certificate = scene.ask(ASKED._replace(policy="bank")).recommendation.certificate
    assert 0.85 == certificate.threshold


def test_live_values_bind_what_is_recommended(scene: Scene) -> None:
    """The constraint handover < autonomy, by the value that is in force."""
    scene.add([(a_message(number, 0.9 if number % 2 else 0.7), 0) for number in range(1_000)])
    assert 0.7 == scene.ask().recommendation.certificate.threshold
    scene.set(0.7, name="handover")
    assert 0.700001 == scene.ask().recommendation.certificate.threshold
    scene.set(0.9)
    assert 0.9 == scene.ask().value_in_force


def test_what_vips_need_more_is_taken_off(scene: Scene) -> None:
    """At a threshold of 0.85 a VIP needs 0.9: its label speaks for 0.85."""
    scene.rules = the_rules(centre=CENTRE + VIP)
    scene.add([(a_message(number, 0.9, customer_tier=2), 0) for number in range(200)])
    [*_, last] = scene.ask().recommendation.certificate.candidates
    assert (0.85, 200) == (last.threshold, last.n)


def test_rules_that_keep_nothing_from_the_loop_do_not_count(scene: Scene) -> None:
    """What only offers a person, or is tried in the shadow, decides about no autonomy."""
    scene.rules = the_rules(centre=CENTRE + SILENT)
    scene.add([(a_message(number, 0.9, grounding_score=0.1, sentiment_score=0.1), 0) for number in range(5)])
    found = scene.ask()
    assert ("response_confidence", 5) == (found.signal, found.recommendation.certificate.eligible)


def test_a_threshold_that_tightens_downwards_works_as_well(scene: Scene) -> None:
    """The largest amount that a reply may be about, for one currency."""
    scene.add(
        [
            (a_message(number, 0.95, currency="EUR", amount_minor=number), int(number > 800 and number % 2))
            for number in range(1, 1_500)
        ]
    )
    found = scene.ask(ASKED._replace(name="amount", scope=Scope(currency="EUR")))
    assert ("amount_minor", 500) == (found.signal, found.value_in_force)
    assert 700 < (found.recommendation.certificate.threshold or 0) < 1_000


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"policy": "center"}, UnknownScopeError, "there is no policy 'center'.*'centre'"),
        ({"name": "autonomie"}, UnknownThresholdError, "no threshold 'autonomie'.*'autonomy'"),
        ({"scope": Scope(intent="order_stats")}, UnknownScopeError, "does not know the intent"),
        ({"scope": Scope(currency="eur")}, UnknownScopeError, "three capital letters"),
    ],
)
def test_what_the_rules_do_not_know_is_refused(
    scene: Scene, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    """And nothing is spent on a slip of the pen."""
    with pytest.raises(error, match=words):
        scene.ask(ASKED._replace(**changes))


UNREAD = """\
  unread:
    description: No rule reads it.
    default: 1
    min: 0
    max: 2
    tightens: raise
constraints:"""


TWICE = """\
  - id: again
    when: {grounding_score: {below: $autonomy}}
    tier: human_in_the_loop
    reason: AGAIN
    message: Again.
"""


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (CENTRE.replace("constraints:", UNREAD, 1), "unread", "no rule of policy 'centre'.*reads 'unread'"),
        (CENTRE + TWICE, "autonomy", "grounding_score below autonomy and response_confidence below autonomy"),
    ],
)
def test_a_threshold_that_labels_cannot_speak_for_is_refused(scene: Scene, text: str, name: str, words: str) -> None:
    """It says which comparison is in the way."""
    scene.rules = the_rules(centre=text)
    with pytest.raises(NotRecommendableError, match=words) as raised:
        scene.ask(ASKED._replace(name=name))
    assert {"threshold": name} == raised.value.metadata


def test_where_no_value_is_allowed_none_is_recommended(scene: Scene) -> None:
    """Another threshold stands in the way, and it says so."""
    scene.rules = the_rules(
        centre=CENTRE.replace("  - handover < autonomy", "  - handover < autonomy\n  - autonomy < 0.95")
    )
    scene.set(0.95, name="handover")
    with pytest.raises(NotRecommendableError, match="no value of 'autonomy' is allowed here: bounds and constraints"):
        scene.ask()
