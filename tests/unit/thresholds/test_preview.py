"""The preview: the newest decisions on record, decided again with the values before and after."""

from __future__ import annotations

import pytest

from oversight.engine.decision import Tier
from oversight.engine.snapshot import Stop
from oversight.thresholds.preview import LARGEST_PREVIEW, Preview
from threshold_desk import NOW_US, Desk, a_setting, by

ON, IN, AS = Tier
VALIDATE = by(validate_only=True)


def a_desk(*confidences: float) -> Desk:
    """Return a desk with a message of each confidence on record."""
    desk = Desk()
    for confidence in confidences:
        desk.records.add(intent="order_status", response_confidence=confidence, decided_at_us=NOW_US)
    return desk


def preview(desk: Desk, value: float = 0.95) -> Preview:
    found = desk.changes.update([a_setting(value)], VALIDATE).preview
    assert found is not None
    return found


def test_the_tiers_before_and_after_are_counted() -> None:
    """So that whoever changes something sees what it does to people's work."""
    desk = a_desk(0.99, 0.92, 0.88, 0.7, 0.4)
    assert Preview(5, 0, 0, {ON: 3, IN: 1, AS: 1}, {ON: 1, IN: 3, AS: 1}) == preview(desk)


def test_live_values_in_force_are_what_it_starts_from() -> None:
    """Not the files'."""
    desk = a_desk(0.92)
    desk.changes.update([a_setting(0.95)], by())
    assert ({IN: 1}, {ON: 1}) == preview(desk, 0.9)[3:]


def test_a_stop_and_an_old_outage_hide_nothing() -> None:
    """With either every message would be a person's, before and after."""
    desk = a_desk(0.92)
    desk.stops.engage(Stop(), "ann", "all")
    assert ({ON: 1}, {IN: 1}) == preview(desk)[3:]


def test_what_is_erased_or_cannot_be_decided_is_counted_apart() -> None:
    """A share of fewer messages must not pass for one of all."""
    desk = a_desk(0.92)
    desk.records.add(erased=True, intent="order_status", response_confidence=0.9)
    desk.records.add(intent=["unhashable"], response_confidence=0.9)
    assert Preview(1, 1, 1, {ON: 1}, {IN: 1}) == preview(desk)


def test_it_is_bounded() -> None:
    """A preview of a year would take an hour."""
    desk = a_desk(*[0.92] * (LARGEST_PREVIEW + 1))
    assert LARGEST_PREVIEW == preview(desk).decisions


def test_without_records_there_is_none_and_the_change_can_still_be_checked() -> None:
    """To tighten while the store of records is away is what one may have to do."""
    desk = a_desk(0.92)
    desk.records.down = True
    assert desk.changes.update([a_setting(0.95)], VALIDATE).preview is None


@pytest.mark.parametrize("validate_only", [True, False])
def test_only_who_asks_gets_one(validate_only: bool) -> None:
    """A change that is made need not wait for it."""
    outcome = a_desk(0.92).changes.update([a_setting(0.95)], by(validate_only=validate_only))
    assert validate_only is (outcome.preview is not None)
