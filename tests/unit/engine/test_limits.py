"""Whose threshold value is in force."""

from __future__ import annotations

import pytest

from oversight.engine.limits import Entry, Slot, resolve, shift

ORDER, SHOP = "order_change", "shop"


def entry(value: float, *, live: bool = False, **scope: str) -> Entry:
    """Return an entry."""
    return Entry(value, scope.get("intent"), scope.get("department"), scope.get("currency"), live)


def resolved(*lineage: list[Entry], tightens: str = "raise") -> Entry:
    """Resolve, nearest policy first, for one intent, department and currency."""
    return resolve(lineage, tightens, ORDER, SHOP, "EUR")


def test_the_most_specific_scope_wins() -> None:
    """Intent, then department, then currency, then everything."""
    entries = [
        entry(0.1, intent=ORDER),
        entry(0.2, department=SHOP, currency="EUR"),
        entry(0.3, currency="EUR"),
        entry(0.4),
    ]
    for count in range(len(entries)):
        assert entries[count] == resolved(entries[count:])


def test_a_value_of_another_scope_is_not_in_force() -> None:
    """A limit for refunds says nothing about orders."""
    general = entry(0.4)
    elsewhere = [entry(0.9, intent="thanks"), entry(0.9, department="bank"), entry(0.9, currency="JPY")]
    assert general == resolved([general, *elsewhere])


def test_a_live_value_beats_the_file_in_its_scope_only() -> None:
    """A supervisor's general dial does not undo what is written for one intent."""
    written, live = entry(0.9, intent=ORDER), entry(0.8, intent=ORDER, live=True)
    assert live == resolved([written, live, entry(0.5)])
    assert written == resolved([written, entry(0.95, live=True)])


def test_a_child_that_sets_nothing_uses_its_parents_value() -> None:
    """Also a live one, looser or stricter, in whatever scope."""
    for live in (entry(0.5, live=True), entry(0.95, live=True), entry(0.5, intent=ORDER, live=True)):
        assert live == resolved([], [entry(0.85), live])


def test_a_live_tightening_of_the_parent_binds_the_child() -> None:
    """The stricter of the two wins, in either direction."""
    tightened = entry(0.95, live=True)
    assert tightened == resolved([entry(0.9, intent=ORDER)], [entry(0.85), tightened])
    lowered = entry(10.0, live=True)
    assert lowered == resolved([entry(20.0, intent=ORDER)], [entry(50.0), lowered], tightens="lower")


def test_a_live_tightening_binds_through_a_stricter_policy_between() -> None:
    """A grandchild that its parent's file does not bind is still bound by the grandparent's live value."""
    tightened = entry(0.9, live=True)
    assert tightened == resolved([entry(0.7)], [entry(0.97)], [entry(0.85), tightened])


@pytest.mark.parametrize("scope", [{}, {"intent": ORDER}, {"department": SHOP}, {"currency": "EUR"}])
def test_a_live_loosening_of_the_parent_does_not_reach_a_child_with_its_own_value(scope: dict[str, str]) -> None:
    """A child chose to be stricter; nobody undoes that from above, however narrow the scope."""
    own = entry(0.95)
    assert own == resolved([own], [entry(0.85), entry(0.5, live=True, **scope)])


def test_a_parents_narrower_file_value_hides_the_childs_general_one() -> None:
    """The scope is looked at before the policy."""
    narrow = entry(0.9, intent=ORDER)
    assert narrow == resolved([entry(0.8), entry(0.7, live=True)], [entry(0.85), narrow])


def test_of_two_equal_values_the_childs_own_is_named() -> None:
    """The reply says where the limit was set, and nearest is most useful."""
    own = entry(0.9)
    assert own == resolved([own], [entry(0.85), entry(0.9, live=True)])


def test_a_threshold_needs_a_value_without_scope() -> None:
    """A rule without a limit would be no rule."""
    with pytest.raises(LookupError, match="no value without scope"):
        resolved([entry(0.9, intent="thanks")])


@pytest.mark.parametrize(
    ("value", "offset", "expected"),
    [(0.85, 0.05, 0.9), (0.99, 0.05, 1.0), (0.02, -0.05, 0.0), (0.85, 0.0, 0.85)],
)
def test_an_offset_stays_exact_and_within_the_range(value: float, offset: float, expected: float) -> None:
    """0.85 + 0.05 must meet a confidence of exactly 0.9."""
    assert expected == shift(value, Slot("confidence", offset, 0.0, 1.0))


def test_an_offset_without_a_range_is_not_clamped() -> None:
    """A count has no upper end, a free attribute has none at all."""
    assert (-2.0, 102.0) == (shift(1.0, Slot("n", -3.0, None, None)), shift(100.0, Slot("n", 2.0, 0.0, None)))


def test_a_limit_is_named_with_offset_scope_and_origin() -> None:
    """People must find the value that stopped a reply."""
    one = entry(0.9, intent=ORDER, currency="EUR", live=True)
    assert "confidence+0.05" == Slot("confidence", 0.05, None, None).label
    assert "confidence[intent=order_change,currency=EUR] live" == one.describe("confidence")
    assert "confidence file" == entry(0.9).describe(Slot("confidence", 0.0, None, None).label)


@pytest.mark.parametrize(
    ("value", "whole", "expected"),
    [(50000.0, True, "50000"), (2.5, True, "2.5"), (0.0, False, "0.0"), (1.0, False, "1.0")],
)
def test_limits_of_counts_are_shown_as_counts(value: float, whole: bool, expected: str) -> None:
    """An amount of 50000.0 cents reads like a mistake."""
    assert expected == repr(shift(value, Slot("amount", 0.0, 0, None, whole=whole)))
