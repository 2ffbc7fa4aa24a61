"""Reading thresholds: what is in force in a scope, where it comes from, and what waits."""

from __future__ import annotations

import pytest

from oversight.errors import StoreUnavailableError, UnknownScopeError
from oversight.rules.scopes import EVERYWHERE, Scope
from threshold_desk import HOUR_US, NOW_US, Desk, a_setting, by


def test_every_threshold_has_its_value_its_bounds_and_its_source() -> None:
    """What a screen needs, in one answer."""
    desk = Desk()
    desk.changes.update([a_setting(0.95, intent="order_status")], by())

    table = desk.tables.read("", Scope("order_status"))

    assert (1, "centre", Scope("order_status")) == (table.revision, table.policy, table.scope)
    assert [
        ("amount", 100, False, None, 100),
        ("autonomy", 0.95, True, "order_status", 0.85),
        ("handover", 0.5, False, None, 0.5),
    ] == [
        (one.threshold.name, one.entry.value, one.entry.live, one.entry.intent, one.file_value) for one in table.values
    ]


def test_live_values_of_parents_are_listed_and_those_that_ended_are_not() -> None:
    """A child has what its parent has."""
    desk = Desk()
    lasting = a_setting(0.95)
    desk.changes.update([lasting, a_setting(0.96, currency="EUR", expires_at_us=NOW_US + HOUR_US)], by())
    desk.changes.update([a_setting(0.97, policy="cards")], by())
    desk.now_us += HOUR_US
    assert (lasting,) == desk.tables.read("bank", EVERYWHERE).live
    assert 0.95 == desk.tables.read("bank", Scope(currency="EUR")).values[1].entry.value


def test_proposals_that_have_lapsed_wait_no_more() -> None:
    """Also before that is on record."""
    desk = Desk(needs_approval=True)
    desk.changes.update([a_setting(0.8)], by())
    assert [1] == [one.revision for one in desk.tables.read("", EVERYWHERE).pending]
    desk.now_us += 2 * HOUR_US
    assert () == desk.tables.read("", EVERYWHERE).pending


@pytest.mark.parametrize(
    ("policy", "scope", "field"),
    [("bnak", EVERYWHERE, "policy"), ("", Scope("nothing"), "scope.intent"), ("bank", Scope(currency="x"), "scope.")],
)
def test_what_the_rules_do_not_know_is_named(policy: str, scope: Scope, field: str) -> None:
    """A table of a scope that nobody is in would be believed."""
    with pytest.raises(UnknownScopeError, match=field):
        Desk().tables.read(policy, scope)


def test_while_the_store_is_down_nothing_is_shown() -> None:
    """The files' values alone would be wrong."""
    desk = Desk()
    desk.store.down = True
    with pytest.raises(StoreUnavailableError):
        desk.tables.read("", EVERYWHERE)
