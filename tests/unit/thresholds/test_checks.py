"""What a change has to meet: names, scopes and bounds, and what is then in force in every scope, now and later."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from oversight.errors import (
    CallError,
    ConstraintBrokenError,
    InvalidRequestError,
    LooserThanParentError,
    OutOfBoundsError,
    UnknownScopeError,
    UnknownThresholdError,
)
from threshold_desk import BANK, CARDS, CENTRE, HOUR_US, NOW_US, Desk, a_setting, by, the_rules

SOON_US = NOW_US + HOUR_US


def refusal(desk: Desk, *settings: Any) -> CallError:
    """Return why *settings* are refused."""
    with pytest.raises(CallError) as refused:
        desk.changes.update(settings, by())
    return refused.value


@pytest.mark.parametrize(
    ("setting", "kind", "field", "suggestion"),
    [
        (a_setting(0.9, policy="bnak"), UnknownScopeError, "policy", "bank"),
        (a_setting(0.9, "autonomi"), UnknownThresholdError, "name", "autonomy"),
        (a_setting(0.9, intent="order_chnage"), UnknownScopeError, "scope.intent", "order_change"),
        (a_setting(0.9, policy="bank", intent="card_lots"), UnknownScopeError, "scope.intent", "card_lost"),
        (a_setting(0.9, department="crads"), UnknownScopeError, "scope.department", "cards"),
        (a_setting(0.9, policy="cards", department="bank"), UnknownScopeError, "scope.department", None),
        (a_setting(0.9, policy="cards", department="elsewhere"), UnknownScopeError, "scope.department", None),
        (a_setting(0.9, currency="eur"), UnknownScopeError, "scope.currency", "EUR"),
        (a_setting(0.9, currency="euro"), UnknownScopeError, "scope.currency", None),
    ],
)
def test_a_name_that_no_decision_could_meet_is_refused(setting: Any, kind: Any, field: str, suggestion: Any) -> None:
    """A change that quietly does nothing is worse than none; what was probably meant is said."""
    error = refusal(Desk(), a_setting(60, "amount"), setting)
    assert (kind, f"changes[1].{field}", suggestion) == (
        *(type(error), error.metadata["field"]),
        error.metadata.get("suggestion"),
    )


@pytest.mark.parametrize(
    "setting",
    [
        a_setting(0.9, policy="bank", intent="card_lost"),
        a_setting(0.9, policy="bank", intent="order_change"),
        a_setting(0.95, policy="centre", intent="card_lost"),
        a_setting(0.9, department="bank"),
        a_setting(0.9, department="centre", currency="SEK"),
    ],
)
def test_what_a_family_knows_may_be_named(setting: Any) -> None:
    """Parents' rules may name a child's intents, and the other way round."""
    Desk().changes.update([setting], by())


def test_departments_without_a_policy_may_be_named_where_they_are_decided() -> None:
    """The default policy decides for them: where it allows unknown ones, or a file names it."""
    allows = the_rules(centre=CENTRE.replace("required_signals", "unknown_department: allow\nrequired_signals"))
    Desk(allows).changes.update([a_setting(0.9, department="anything")], by())
    named = the_rules(centre=CENTRE.replace("{currency: EUR", "{department: shop, currency: EUR"))
    Desk(named).changes.update([a_setting(0.9, department="shop")], by())
    assert "shop" == refusal(Desk(named), a_setting(0.9, department="shopp")).metadata["suggestion"]


def test_where_any_intent_is_allowed_any_may_be_named() -> None:
    """Such a policy lists none."""
    text = CENTRE.replace("intents: [order_status, order_change]", "unknown_intent: allow")
    Desk(the_rules(centre=text)).changes.update([a_setting(0.95, intent="whatever")], by())


@pytest.mark.parametrize("value", [0.5999, 0.9901, -1.0, nan, inf, -inf])
def test_a_value_beyond_the_bounds_is_refused(value: float) -> None:
    """The policy's authors said how far anyone may go."""
    error = refusal(Desk(), a_setting(value))
    assert (OutOfBoundsError, {"field": "changes[0].value", "minimum": "0.6", "maximum": "0.99"}) == (
        type(error),
        error.metadata,
    )
    assert "'autonomy' must be from 0.6 to 0.99" in str(error)


@pytest.mark.parametrize("value", [0.6, 0.99])
def test_the_bounds_themselves_are_within(value: float) -> None:
    """Both ends are in."""
    Desk().changes.update([a_setting(value)], by())


def test_what_counts_is_whole() -> None:
    """Half a cent is a slip of the unit."""
    error = refusal(Desk(), a_setting(49.5, "amount"))
    assert isinstance(error, OutOfBoundsError)
    assert "49.5 is not a whole number, and 'amount' counts something" in str(error)


def test_a_threshold_is_changed_once_a_call() -> None:
    """Nobody could say which of the two holds."""
    error = refusal(Desk(), a_setting(0.9), a_setting(0.95, policy="bank"), a_setting(0.91))
    assert (InvalidRequestError, "changes[2]") == (type(error), error.metadata["field"])
    assert "as in changes[0]" in str(error)


@pytest.mark.parametrize(
    ("settings", "policy", "scope"),
    [
        ([a_setting(0.86, "handover")], "centre", ""),
        ([a_setting(0.89, "handover", policy="bank")], "bank", ""),
        ([a_setting(0.92, "handover", intent="order_change")], "centre", "intent order_change"),
        ([a_setting(0.95, "handover", currency="EUR"), a_setting(0.95)], "centre", "currency EUR"),
    ],
)
def test_a_constraint_is_kept_in_every_scope_of_the_family(settings: Any, policy: str, scope: str) -> None:
    """One hole is enough for a message to fall through."""
    error = refusal(Desk(), *settings)
    assert isinstance(error, ConstraintBrokenError)
    assert "handover < autonomy" == error.metadata["constraint"]
    if len(settings) == 1:
        assert (policy, scope) in {(error.metadata["policy"], error.metadata["scope"]), ("bank", ""), ("centre", scope)}


def test_two_changes_that_keep_a_constraint_together_are_made_together() -> None:
    """Neither could come first."""
    Desk().changes.update([a_setting(0.9, "handover"), a_setting(0.95), a_setting(0.95, intent="order_change")], by())


def test_a_constraint_holds_also_when_a_value_ends() -> None:
    """At that time nobody is there to refuse it."""
    desk = Desk()
    ending = [a_setting(0.95, expires_at_us=SOON_US), a_setting(0.95, intent="order_change", expires_at_us=SOON_US)]
    desk.changes.update(ending, by())

    error = refusal(desk, a_setting(0.93, "handover"))

    assert isinstance(error, ConstraintBrokenError)
    assert "when a value set for a time ends" in str(error)
    desk.changes.update([a_setting(0.93, "handover", expires_at_us=SOON_US)], by())


@pytest.mark.parametrize("policy", ["bank", "cards"])
def test_a_policy_cannot_become_looser_than_the_one_it_extends(policy: str) -> None:
    """The parent is what everybody relies on; exceptions stand in files, with a reason."""
    error = refusal(Desk(), a_setting(0.8, policy=policy))
    assert isinstance(error, LooserThanParentError)
    assert {"policy": policy, "parent": "centre" if policy == "bank" else "bank", "scope": ""} == error.metadata
    assert "'autonomy' would be 0.8 in" in str(error)


def test_a_policy_may_come_down_to_its_parent() -> None:
    """0.88 to 0.85 is a loosening, and no more than that."""
    Desk().changes.update([a_setting(0.85, policy="bank")], by())


def test_a_looser_value_under_a_live_one_is_refused_when_that_ends_and_has_no_effect_until_then() -> None:
    """What waits underneath comes to light one day."""
    desk = Desk()
    desk.changes.update([a_setting(0.97, expires_at_us=SOON_US)], by())
    error = refusal(desk, a_setting(0.7, policy="bank"))
    assert isinstance(error, LooserThanParentError)
    assert "when a value set for a time ends" in str(error)


def test_what_a_file_loosens_with_a_reason_may_be_tightened_step_by_step() -> None:
    """The file is looser already; a step towards the parent is none away from it."""
    bank = BANK.replace("{value: 0.88}", '{value: 0.70, loosens: "agreed"}')
    desk = Desk(the_rules(centre=CENTRE, bank=bank, cards=CARDS))
    desk.changes.update([a_setting(0.8, policy="bank")], by())
    assert isinstance(refusal(desk, a_setting(0.75, policy="bank")), LooserThanParentError)


def test_what_was_broken_before_does_not_stand_in_the_way() -> None:
    """A reload can outlaw what is live; whoever mends one thing need not mend all."""
    desk = Desk(the_rules(centre=CENTRE.replace("constraints:\n  - handover < autonomy\n", "")))
    desk.changes.update([a_setting(0.9, "handover")], by())
    desk.rules = the_rules(centre=CENTRE)
    desk.changes.update([a_setting(0.95, currency="EUR")], by())
    assert isinstance(refusal(desk, a_setting(0.86)), ConstraintBrokenError)
