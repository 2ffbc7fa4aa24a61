"""What a change does: every policy and scope in which a value differs, from when on, and in which direction."""

from __future__ import annotations

from typing import Any

import pytest

from oversight.rules.scopes import EVERYWHERE, Scope
from oversight.thresholds.effects import Effect, EffectKind, effects_from_evidence, to_evidence
from threshold_desk import HOUR_US, NOW_US, Desk, a_setting, by

HOUR = NOW_US + HOUR_US
TIGHTENS, LOOSENS, NONE = EffectKind.TIGHTENS, EffectKind.LOOSENS, EffectKind.NONE


def effects(desk: Desk, *settings: Any) -> list[tuple[Any, ...]]:
    """Return the effects of *settings*: policy, scope, before, after, kind, hours from now."""
    found = desk.changes.update(settings, by()).effects
    return [
        (
            *(one.policy, str(one.scope), one.before, one.after, one.kind),
            None if one.since_us is None else (one.since_us - NOW_US) // HOUR_US,
        )
        for one in found
    ]


def test_every_policy_of_the_family_is_listed_with_its_own_values() -> None:
    """A scope that comes out otherwise than the wider one is told apart."""
    changed = 0.95, TIGHTENS, None
    assert [
        ("bank", "", 0.88, *changed),
        ("bank", "intent order_change", 0.9, 0.9, NONE, None),
        ("cards", "", 0.88, *changed),
        ("cards", "intent order_change", 0.9, 0.9, NONE, None),
        ("centre", "", 0.85, *changed),
        ("centre", "intent order_change", 0.9, 0.9, NONE, None),
    ] == effects(Desk(), a_setting(0.95))


def test_a_child_that_is_stricter_already_is_not_listed() -> None:
    """Nothing becomes of it."""
    assert {"centre"} == {one[0] for one in effects(Desk(), a_setting(0.86))}


def test_lower_is_tighter_where_the_threshold_says_so() -> None:
    """The direction is the threshold's."""
    desk = Desk()
    assert {TIGHTENS, NONE} >= {one[4] for one in effects(desk, a_setting(50, "amount"))}
    assert LOOSENS in {one[4] for one in effects(desk, a_setting(60, "amount"))}


def test_a_value_that_ends_by_itself_has_two_effects() -> None:
    """One now, one later."""
    centre = [one for one in effects(Desk(), a_setting(0.9, currency="SEK", expires_at_us=HOUR)) if one[0] == "centre"]
    assert [
        ("centre", "currency SEK", 0.85, 0.9, TIGHTENS, None),
        ("centre", "currency SEK", 0.9, 0.85, LOOSENS, 1),
    ] == [one for one in centre if one[4] is not NONE]


def test_what_would_have_ended_and_now_stays_is_an_effect_of_that_time() -> None:
    """0.80 for an hour becomes 0.80 for good: nothing changes now, and that loosens all the same."""
    desk = Desk()
    desk.changes.update([a_setting(0.8, expires_at_us=HOUR)], by())
    assert [("centre", "", 0.85, 0.8, LOOSENS, 1)] == [one for one in effects(desk, a_setting(0.8)) if one[4] != NONE]


def test_what_stayed_and_now_ends_is_an_effect_of_that_time() -> None:
    """0.97 for good becomes 0.97 for an hour."""
    desk = Desk()
    desk.changes.update([a_setting(0.97)], by())
    found = effects(desk, a_setting(0.97, expires_at_us=HOUR))
    assert ("centre", "", 0.97, 0.85, LOOSENS, 1) in found
    assert {1} == {one[5] for one in found}


def test_what_lies_under_a_live_value_comes_to_light_when_that_ends() -> None:
    """Nothing now, something then."""
    desk = Desk()
    desk.changes.update([a_setting(0.97, expires_at_us=HOUR)], by())
    found = effects(desk, a_setting(0.9, policy="bank"))
    assert [("bank", "", 0.88, 0.9, TIGHTENS, 1), ("cards", "", 0.88, 0.9, TIGHTENS, 1)] == [
        one for one in found if one[4] is not NONE
    ]


def test_a_change_without_effect_has_none() -> None:
    """It is recorded and changes nothing."""
    desk = Desk()
    assert [] == effects(desk, a_setting(0.85))
    assert NONE is desk.changes.update([a_setting(0.85)], by()).kind


def test_effects_survive_the_record() -> None:
    """What is shown in ten years is what was shown today."""
    listed = (
        Effect("centre", "autonomy", Scope("order_change", None, "EUR"), 0.85, 0.97, TIGHTENS),
        Effect("bank", "amount", EVERYWHERE, 50.0, 100.0, LOOSENS, HOUR),
    )
    assert listed == effects_from_evidence(to_evidence(listed))


@pytest.mark.parametrize("evidence", ["", "{}", "no JSON", '{"effects": [{}]}', "[]", '{"effects": 7}'])
def test_other_evidence_has_no_effects(evidence: str) -> None:
    """The history must be readable whatever a later version writes."""
    assert () == effects_from_evidence(evidence)
