"""The breaker in force: one step a day towards more people, on record, and released by people for good."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.control import SYSTEM, EventKind, Setting
from oversight.errors import CallError, StoreUnavailableError
from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.insight.breaking import Breaking, Cause, causes_of
from oversight.rules.scopes import Scope
from oversight.storage.warning_store import StoredWarning, WarningKey
from oversight.thresholds.effects import EffectKind, effects_from_evidence
from oversight.thresholds.values import RulesInForce, Values
from threshold_desk import BANK, CARDS, CENTRE, Desk, a_setting, by, the_rules

DAY = 20_000
STEPS = "breaker: {steps: {autonomy: 0.02, amount: 20}, anomalies: %s}\n"


def rules_with(steps: str = STEPS % "false", *, bank: str = "") -> RulesInForce:
    return the_rules(centre=CENTRE + steps, bank=BANK + bank, cards=CARDS)


def a_warning(
    intent: str | None = "order_status",
    department: str = "bank",
    *,
    found: State = State.CRITICAL,
    raised_at_us: int = 5,
    sign: Sign = Sign.CSAT_FALLS,
) -> StoredWarning:
    finding = Finding(sign, found, 120, -0.4, details={"p_rise": 0.001})
    key = WarningKey(sign, "acme", department, intent)
    return StoredWarning(key, Standing(State.CRITICAL, raised_at_us), finding, "It fell by 0.4.", 7)


def take(desk: Desk, *warnings: StoredWarning, day: int = DAY) -> list[int]:
    return Breaking(desk.log, rules=lambda: desk.rules).take(causes_of(warnings), day)


def in_force(desk: Desk, name: str = "autonomy", policy: str = "bank", **scope: str) -> float:
    values = Values(desk.rules, desk.log.state().values)
    return values.lookup(policy, desk.now_us)(name, Scope(**scope)).value


def test_a_critical_sign_tightens_its_place_by_one_step_and_says_why() -> None:
    """By the service itself, with the finding, and nowhere else."""
    desk = Desk(rules_with())

    assert [1] == take(desk, a_warning())

    (event,) = desk.store.events
    assert (SYSTEM, EventKind.THRESHOLDS_SET) == (event.author, event.kind)
    assert "CSAT_FALLS for intent order_status and department bank" in event.justification
    assert {EffectKind.TIGHTENS} == {one.kind for one in effects_from_evidence(event.evidence)}
    (cause,) = json.loads(event.evidence)["breaker"]["causes"]
    assert ("It fell by 0.4.", "CRITICAL", -0.4, {"p_rise": 0.001}) == (
        *(cause["message"], cause["state"], cause["value"]),
        cause["details"],
    )
    place = {"intent": "order_status", "department": "bank"}
    assert (0.90, 80, 480) == (
        *(in_force(desk, **place), in_force(desk, "amount", **place)),
        in_force(desk, "amount", **place, currency="EUR"),
    ), "a currency with a value of its own is tightened, too"
    assert (0.88, 0.85, 100) == (
        *(in_force(desk), in_force(desk, policy="centre")),
        in_force(desk, "amount"),
    )


def test_without_a_breaker_nothing_changes_by_itself() -> None:
    """It is off until a policy owner writes it down."""
    desk = Desk()

    assert [] == take(desk, a_warning())
    assert [] == desk.store.events


@pytest.mark.parametrize("state", [State.WARN, State.BIASED, State.OK, State.INSUFFICIENT_DATA])
def test_less_than_critical_is_for_people(state: State) -> None:
    """Also where an earlier test's critical warning still stands."""
    desk = Desk(rules_with())

    assert [] == take(desk, a_warning(found=state))


def test_a_day_has_one_step_and_the_next_day_another() -> None:
    """Up to the bound; a replica that does the same again does nothing."""
    desk = Desk(rules_with())
    for day in range(DAY, DAY + 30):
        take(desk, a_warning(), day=day)
        take(desk, a_warning(), day=day)

    place = {"intent": "order_status", "department": "bank"}
    assert (0.99, 0) == (in_force(desk, **place), in_force(desk, "amount", **place))
    assert 25 == len(desk.store.events), "an amount in euros takes 25 steps of 20 from 500 to 0"
    assert [] == take(desk, a_warning(), day=DAY + 400)


def test_what_a_person_released_is_not_done_again_for_the_same_warning() -> None:
    """The person knows something; a new warning is another matter."""
    desk = Desk(rules_with())
    take(desk, a_warning())
    desk.changes.roll_back(0, by())

    assert [] == take(desk, a_warning(), day=DAY + 1)
    assert [] == take(desk, a_warning(found=State.CRITICAL), day=DAY + 30)
    assert 1 == len(take(desk, a_warning(raised_at_us=99), day=DAY + 31))


def test_a_person_who_tightens_further_has_not_released_anything() -> None:
    """More people is no reason to stop."""
    desk = Desk(rules_with())
    take(desk, a_warning())
    desk.changes.update([a_setting(0.95, policy="bank", intent="order_status", department="bank")], by())

    assert 1 == len(take(desk, a_warning(), day=DAY + 1))
    assert 0.97 == in_force(desk, intent="order_status", department="bank")


def test_a_whole_department_is_tightened_with_its_intents() -> None:
    """A value for the department would not be in force where an intent has its own."""
    desk = Desk(rules_with())

    take(desk, a_warning(None, "centre"))

    assert (0.87, 0.92) == (
        in_force(desk, policy="centre", department="centre"),
        in_force(desk, policy="centre", department="centre", intent="order_change"),
    )


def test_several_causes_in_one_place_take_one_step_together() -> None:
    """And each of them had its step for today."""
    desk = Desk(rules_with())
    both = (a_warning(), a_warning(sign=Sign.REPEAT_CONTACT_RISES))

    assert [1] == take(desk, *both)
    assert [] == take(desk, both[1])
    assert 0.90 == in_force(desk, intent="order_status", department="bank")


def test_an_intent_that_the_policy_does_not_know_is_left_to_people() -> None:
    """They are reviewed already; and what cannot be done for one place must not keep others from it."""
    desk = Desk(rules_with())

    assert [1] == take(desk, a_warning("no_such_intent"), a_warning())
    assert [] == take(desk, a_warning(department="no_such_department"))


def test_requests_without_intent_or_department_are_everywhere() -> None:
    """No scope names just them; more people is the side to err on."""
    desk = Desk(rules_with())

    take(desk, a_warning("", ""))

    assert 0.87 == in_force(desk, policy="centre")


def test_a_constraint_leaves_the_threshold_as_it_is() -> None:
    """`handover < autonomy` must hold; what can be tightened still is."""
    desk = Desk(rules_with("breaker: {steps: {handover: 0.3, amount: 20}}\n"))
    desk.changes.update([a_setting(0.60, policy="centre", department="centre")], by())

    take(desk, a_warning("order_status", "centre"))

    place = {"policy": "centre", "intent": "order_status", "department": "centre"}
    assert in_force(desk, "handover", **place) < in_force(desk, **place)
    assert 80 == in_force(desk, "amount", **place)


def test_bounds_and_constraints_that_contradict_each_other_take_no_step(caplog: pytest.LogCaptureFixture) -> None:
    """There is no stricter value that may be set; the log says so, and the other threshold is tightened."""
    rules = the_rules(
        centre=CENTRE.replace("- handover < autonomy", "- amount <= handover")
        .replace("default: 100\n", "default: 0\n")
        .replace("      - {currency: EUR, value: 500}\n", "      - {currency: EUR, value: 0.2}\n")
        + "breaker: {steps: {amount: 0.1, autonomy: 0.02}}\n"
    )
    desk = Desk(rules)
    desk.changes.update([a_setting(0.3, name="handover", policy="centre")], by())
    bounds = rules.policies["centre"].thresholds["amount"]
    tight = replace(bounds, minimum=0.35)
    policy = replace(rules.policies["centre"], thresholds={**rules.policies["centre"].thresholds, "amount": tight})
    desk.rules = rules._replace(policies={"centre": policy})

    take(desk, a_warning("order_status", "centre"))

    assert "leave nothing between" in caplog.text
    assert 0.87 == in_force(desk, policy="centre", intent="order_status", department="centre")


def test_a_value_that_is_to_become_stricter_by_itself_is_not_held_back() -> None:
    """A loosening for a week must end, whatever the breaker does in between."""
    desk = Desk(rules_with())
    place = {"intent": "order_status", "department": "bank"}
    until_us = desk.now_us + 1_000_000
    desk.changes.update([a_setting(0.98, policy="bank", **place)], by())
    desk.changes.update([a_setting(0.90, policy="bank", expires_at_us=until_us, **place)], by())

    take(desk, a_warning())

    assert 0.92 == in_force(desk, **place)
    desk.now_us = until_us + 1
    assert 0.92 == in_force(desk, **place)


def test_a_share_of_a_count_is_rounded_towards_people() -> None:
    """Half a cent cannot be compared with anything."""
    desk = Desk(rules_with("breaker: {steps: {amount: 0.5}}\n"))

    take(desk, a_warning())

    assert 99 == in_force(desk, "amount", intent="order_status", department="bank")


def test_others_who_come_first_are_taken_into_account() -> None:
    """A person's change in the same moment is neither lost nor undone."""
    desk = Desk(rules_with())
    other = Desk(rules_with())
    other.changes.update([a_setting(0.95, policy="bank", department="bank", intent="order_status")], by())
    desk.store.intruders = [other.store.events[0]]

    assert [2] == take(desk, a_warning())
    assert 0.97 == in_force(desk, intent="order_status", department="bank")


def test_a_store_that_is_down_is_told() -> None:
    """The step is tried again; nothing is taken for done."""
    desk = Desk(rules_with())

    def fail(*_: Any, **__: Any) -> int:
        raise StoreUnavailableError("the store is down")

    desk.store.append = fail  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailableError):
        take(desk, a_warning())


@pytest.mark.parametrize(("anomalies", "taken"), [("true", 1), ("false", 0)])
def test_an_anomaly_takes_a_step_only_where_a_policy_says_so(anomalies: str, taken: int) -> None:
    """Volume and confidence say less than outcomes do."""
    desk = Desk(rules_with(STEPS % anomalies))
    cause = Cause("surge", 5, "bank", "order_status", "VOLUME_SURGE", {"count": 90})

    assert taken == len(Breaking(desk.log, rules=lambda: desk.rules).take([cause], DAY))


def a_surge(day: int) -> Cause:
    since_us = day * 86_400_000_000
    return Cause("surge", since_us, "bank", "order_status", "VOLUME_SURGE", {"count": 90}, released_days=28)


def test_a_surge_of_each_day_takes_a_step_until_a_person_releases_it_and_then_none_for_four_weeks() -> None:
    """Each day's surge has a beginning of its own; for the person it is one and the same."""
    desk = Desk(rules_with(STEPS % "true"))
    place = {"intent": "order_status", "department": "bank"}
    values = []
    for day in range(DAY, DAY + 31):
        if day == DAY + 2:
            desk.changes.update([a_setting(0.88, policy="bank", **place)], by())
        Breaking(desk.log, rules=lambda: desk.rules).take([a_surge(day)], day)
        values.append(in_force(desk, **place))

    assert [0.90, 0.92, *[0.88] * 27, 0.90, 0.92] == values


VALUES = st.sampled_from([0.6, 0.7, 0.85, 0.9, 0.99])
CHANGES = st.lists(
    st.builds(
        Setting,
        policy=st.sampled_from(["centre", "bank"]),
        name=st.just("autonomy"),
        value=VALUES,
        intent=st.sampled_from([None, "order_status"]),
        department=st.sampled_from([None, "bank"]),
        currency=st.sampled_from([None, "EUR"]),
        expires_at_us=st.sampled_from([None, Desk().now_us + 10, Desk().now_us + 20]),
    ),
    max_size=5,
)
SCOPES = [
    Scope(intent, department, currency)
    for intent in (None, "order_status", "order_change")
    for department in (None, "bank", "cards")
    for currency in (None, "EUR", "USD")
]


@settings(deadline=None, max_examples=60)
@given(
    CHANGES,
    st.lists(
        st.tuples(st.sampled_from(["order_status", None, ""]), st.sampled_from(["bank", "centre", ""])), max_size=3
    ),
)
def test_whatever_was_set_nothing_becomes_looser_anywhere_at_any_time(
    changes: list[Setting], places: list[tuple[str | None, str]]
) -> None:
    """Not in a narrower scope, not in a policy that extends this one, not when a value ends by itself."""
    desk = Desk(rules_with())
    for one in changes:
        try:
            desk.changes.update([one], by())
        except CallError:
            continue
    before = Values(desk.rules, desk.log.state().values)

    take(desk, *[a_warning(intent, department) for intent, department in places])

    after = Values(desk.rules, desk.log.state().values)
    for at_us in (desk.now_us, desk.now_us + 11, desk.now_us + 21):
        for policy in desk.rules.policies:
            was, now = before.lookup(policy, at_us), after.lookup(policy, at_us)
            for scope in SCOPES:
                assert now("autonomy", scope).value >= was("autonomy", scope).value
                assert now("amount", scope).value <= was("amount", scope).value
