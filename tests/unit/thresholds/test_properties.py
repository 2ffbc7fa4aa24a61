"""What holds whatever administrators do: bounds, constraints, children no looser, tightenings that are none less."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.control import Setting
from oversight.errors import CallError
from oversight.rules.scopes import Scope
from oversight.thresholds.effects import EffectKind
from oversight.thresholds.outcome import Outcome
from oversight.thresholds.values import RulesInForce, Values, is_looser
from threshold_desk import HOUR_US, NOW_US, Desk, by, the_rules

INTENTS = ("order_status", "order_change", "card_lost")
SCOPES = [Scope(*parts) for parts in product((None, *INTENTS), (None, "centre", "bank", "cards"), (None, "EUR", "USD"))]
NAMES = ("autonomy", "handover", "amount")
TIMES = [NOW_US, *(NOW_US + hours * HOUR_US for hours in (1, 2, 3))]


@cache
def rules() -> RulesInForce:
    return the_rules()


@st.composite
def some_settings(draw: st.DrawFn) -> tuple[Setting, ...]:
    """Draw a call's changes, with values that often meet their bounds and each other."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(NAMES))
        values = [0, 50, 100, 500, 501, 10_001] if name == "amount" else [0.29, 0.5, 0.6, 0.8, 0.88, 0.9, 0.95, 0.99]
        value = draw(st.sampled_from([None, *map(float, values)]))
        scope = draw(st.sampled_from(SCOPES))
        expires_at_us = draw(st.sampled_from([None, None, *TIMES[1:]])) if value is not None else None
        found.append(Setting(draw(st.sampled_from(sorted(rules().policies))), name, value, *scope, expires_at_us))
    return tuple(found)


def walk(desk: Desk, calls: list[tuple[Setting, ...]]) -> Iterator[tuple[Values, Values, Outcome | None]]:
    """Make the *calls*; yield the values before and after each, and what came of it, None where it was refused."""
    for call in calls:
        before = Values(rules(), desk.log.state().values)
        try:
            outcome = desk.changes.update(call, by())
        except CallError:
            outcome = None
        yield before, Values(rules(), desk.log.state().values), outcome


some_calls = st.lists(some_settings(), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(calls=some_calls)
def test_no_change_breaks_a_bound_a_constraint_or_the_strictness_of_a_child(calls: list[tuple[Setting, ...]]) -> None:
    """In no scope, and at no time that is to come."""
    for before, after, outcome in walk(Desk(rules()), calls):
        if outcome is None:
            assert before.settings == after.settings, "what is refused changes nothing"
            continue
        for at_us, (name, policy) in product(TIMES, rules().policies.items()):
            find = after.lookup(name, at_us)
            parent = rules().parent(name)
            for scope in SCOPES:
                values = {threshold: find(threshold, scope).value for threshold in NAMES}
                for threshold, value in values.items():
                    assert policy.thresholds[threshold].minimum <= value <= policy.thresholds[threshold].maximum
                    if parent is not None:
                        limit = after.lookup(parent, at_us)(threshold, scope).value
                        assert not is_looser(policy.thresholds[threshold].tightens, value, limit)
                assert values["handover"] < values["autonomy"]


@settings(max_examples=60, deadline=None)
@given(calls=some_calls)
def test_what_is_called_a_tightening_loosens_nothing_anywhere(calls: list[tuple[Setting, ...]]) -> None:
    """Neither at once nor when values end: it needs no second person."""
    for before, after, outcome in walk(Desk(rules()), calls):
        if outcome is None:
            continue
        looser = any(
            is_looser(policy.thresholds[threshold].tightens, given, without)
            for at_us, (name, policy) in product(TIMES, rules().policies.items())
            for threshold, scope in product(NAMES, SCOPES)
            for without, given in [
                (before.lookup(name, at_us)(threshold, scope).value, after.lookup(name, at_us)(threshold, scope).value)
            ]
        )
        if outcome.kind is not EffectKind.LOOSENS:
            assert not looser
        if outcome.kind is EffectKind.NONE:
            assert all(
                before.lookup(name, at_us)(threshold, scope)[0] == after.lookup(name, at_us)(threshold, scope)[0]
                for at_us, name, threshold, scope in product(TIMES, rules().policies, NAMES, SCOPES)
            )


@settings(max_examples=60, deadline=None)
@given(calls=some_calls)
def test_the_effects_listed_are_all_there_are(calls: list[tuple[Setting, ...]]) -> None:
    """The narrowest one listed that contains a scope says what becomes of it; where none does, nothing changes."""
    for before, after, outcome in walk(Desk(rules()), calls):
        if outcome is None:
            continue
        now = [effect for effect in outcome.effects if effect.since_us is None]
        for policy, threshold, scope in product(rules().policies, NAMES, SCOPES):
            pair = tuple(values.lookup(policy, NOW_US)(threshold, scope).value for values in (before, after))
            told = [
                effect
                for effect in now
                if (effect.policy, effect.name) == (policy, threshold)
                and all(part in (None, other) for part, other in zip(effect.scope, scope, strict=True))
            ]
            if not told:
                assert pair[0] == pair[1], (policy, threshold, scope)
                continue
            most = max(sum(part is not None for part in effect.scope) for effect in told)
            narrowest = {effect[3:5] for effect in told if sum(part is not None for part in effect.scope) == most}
            assert pair in narrowest


@settings(max_examples=40, deadline=None)
@given(calls=some_calls)
def test_a_rollback_restores_every_revision(calls: list[tuple[Setting, ...]]) -> None:
    """Whatever came in between."""
    desk = Desk(rules())
    states = [desk.log.state()]
    for _, _, outcome in walk(desk, calls):
        if outcome is not None:
            states.append(desk.log.state())
    for state in states:
        if state.values != desk.log.state().values:
            desk.changes.roll_back(state.revision, by())
        assert state.values == desk.log.state().values
