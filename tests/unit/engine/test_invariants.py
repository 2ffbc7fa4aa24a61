"""What must hold of every policy and every request, however odd."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.conditions import checks
from oversight.engine.decide import decide
from oversight.engine.decision import Decision, Escalation, Tier
from oversight.engine.identity import canonical_request, request_from_canonical
from oversight.engine.policy import All, Check, Condition, Literal, Not, Policy, Rule, SupportedLanguages, ThresholdRef
from oversight.engine.policy import Any as AnyOf
from oversight.engine.request import Request, ServerFacts
from oversight.engine.signals import SIGNALS
from oversight.engine.snapshot import Stop
from unit.engine.oracle_scene import Scene, in_force, is_stricter
from unit.engine.requests_drawn import facts, odd_requests, requests
from unit.engine.strategies import (
    DEFAULT_POLICY,
    EXAMPLES,
    World,
    live_values,
    rules,
    worlds,
)
from unit.engine.worlds_decided import KEYS, decide_in, snapshot_of

FEW = settings(max_examples=max(EXAMPLES // 3, 1))
UNKNOWN = ("never_heard_of", "zz", "xx-en", "")


def assert_no_lower(after: Decision, before: Decision) -> None:
    """Neither the tier nor the escalation fell."""
    assert before.tier <= after.tier
    assert before.escalation <= after.escalation


def with_field(request: Request, field: str, value: Any) -> Request:
    """Return *request* with another value in one field."""
    return request._replace(**{field: value})


def with_policies(world: World, change: Any) -> World:
    """Return *world* with every policy changed."""
    return world._replace(policies={name: change(policy) for name, policy in world.policies.items()})


@FEW
@given(worlds(), requests(), facts(), st.data())
def test_adding_a_rule_never_lowers(world: World, request: Request, known: ServerFacts, data: st.DataObject) -> None:
    """So a policy can be reviewed rule by rule: no rule takes oversight away."""
    root = world.policies[DEFAULT_POLICY]
    languages = root.supported_languages is not None
    added = data.draw(rules("m_added", root.thresholds, DEFAULT_POLICY, has_languages=languages))
    larger = with_policies(world, lambda policy: replace(policy, rules=(added, *policy.rules)))
    assert_no_lower(decide_in(larger, request, known), decide_in(world, request, known))


@FEW
@given(worlds(), requests(), facts(), st.data())
def test_tightening_a_threshold_never_lowers(
    world: World, request: Request, known: ServerFacts, data: st.DataObject
) -> None:
    """A supervisor who turns the dial towards people gets people."""
    policy = world.policies.get(request.department or DEFAULT_POLICY, world.policies[DEFAULT_POLICY])
    drawn = data.draw(live_values(world.policies, least=1, most=1))[0]
    before = in_force(policy, drawn.name, Scene(world.policies, policy, request, known, world.live)).value
    threshold = policy.thresholds[drawn.name]
    change = drawn if is_stricter(drawn.value, before, threshold) else drawn._replace(value=before)
    others = tuple(live for live in world.live if live._replace(value=0) != change._replace(value=0))
    tightened = world._replace(live=(*others, change))
    assert_no_lower(decide_in(tightened, request, known), decide_in(world, request, known))


@FEW
@given(worlds(), requests(), facts(), st.booleans(), st.booleans())
def test_engaging_a_stop_never_lowers(
    world: World, request: Request, known: ServerFacts, department: bool, intent: bool
) -> None:
    """The red button works whatever else is going on."""
    stop = Stop(request.department if department else None, request.intent if intent else None)
    stopped = decide_in(world._replace(stops=(*world.stops, stop)), request, known)
    assert_no_lower(stopped, decide_in(world, request, known))
    assert (Tier.HUMAN_AS_THE_LOOP, Escalation.TRANSFER) == (stopped.tier, stopped.escalation)


@FEW
@given(worlds(), requests(), facts(), st.sampled_from((2, 3, 99)))
def test_holding_a_tier_never_lowers(world: World, request: Request, known: ServerFacts, held: int) -> None:
    """A conversation that a person holds is not handed back by the next message."""

    def without_readers(policy: Policy) -> Policy:
        unread = tuple(rule for rule in policy.rules if all(one.signal != "held_tier" for one in checks(rule.when)))
        return replace(policy, rules=unread)

    plain = with_policies(world, without_readers)
    before = decide_in(plain, request._replace(held_tier=None), known)
    after = decide_in(plain, request._replace(held_tier=held), known)
    assert_no_lower(after, before)
    assert min(held, Tier.HUMAN_AS_THE_LOOP) <= decide_in(world, request._replace(held_tier=held), known).tier


def shuffled(world: World, random: Random) -> World:
    """Return the same world written down in another order."""

    def mix(items: Any) -> list[Any]:
        return random.sample(list(items), len(items))

    def mix_condition(condition: Condition) -> Condition:
        if isinstance(condition, Not):
            return Not(mix_condition(condition.part))
        if isinstance(condition, All | AnyOf):
            return type(condition)(tuple(mix_condition(part) for part in mix(condition.parts)))
        if isinstance(condition.operand, Literal) and isinstance(condition.operand.value, tuple):
            return replace(condition, operand=Literal(tuple(mix(condition.operand.value))))
        return condition

    def mix_policy(policy: Policy) -> Policy:
        thresholds = {
            name: replace(one, overrides=tuple(mix(one.overrides))) for name, one in mix(policy.thresholds.items())
        }
        return replace(
            policy,
            required_signals=tuple(mix(policy.required_signals)),
            intents=frozenset(mix(policy.intents)),
            rules=tuple(replace(rule, when=mix_condition(rule.when)) for rule in mix(policy.rules)),
            thresholds=thresholds,
            attributes=dict(mix(policy.attributes.items())),
        )

    policies = {name: mix_policy(policy) for name, policy in mix(world.policies.items())}
    return World(policies, tuple(mix(world.live)), tuple(mix(world.stops)))


@FEW
@given(worlds(), requests(), facts(), st.integers(0, 2**32))
def test_the_order_of_writing_changes_nothing(world: World, request: Request, known: ServerFacts, seed: int) -> None:
    """Moving lines in a file gives the same digest, the same reasons in the same order, the same decision id."""
    mixed = shuffled(world, Random(seed))  # noqa: S311 - for shuffling
    assert decide_in(world, request, known) == decide_in(mixed, request, known)


SOURCES = {"intent_margin": "intent_confidence", "signal_age_s": "signal_time_us"}
DROPPABLE = [name for name, signal in SIGNALS.items() if signal.origin != "server"]


@FEW
@given(worlds(), requests(), st.sampled_from(DROPPABLE), st.booleans())
def test_dropping_a_required_signal_is_never_autonomy(
    world: World, request: Request, signal: str, is_nan: bool
) -> None:
    """A gateway that forgets a field must not gain autonomy by it; not a number is not a signal either."""
    requiring = with_policies(world, lambda policy: replace(policy, required_signals=(signal, "labelled_outcomes")))
    source = SOURCES.get(signal, signal)
    nothing: Any = math.nan if is_nan and SIGNALS[signal].kind == "number" and signal != "signal_age_s" else None
    decision = decide_in(requiring, with_field(request, source, nothing))
    assert (signal,) == decision.missing_signals
    assert Tier.HUMAN_IN_THE_LOOP <= decision.tier


@FEW
@given(worlds(), requests(), st.sampled_from(("intent", "department")), st.sampled_from(UNKNOWN))
def test_an_unknown_intent_or_department_is_never_autonomy(
    world: World, request: Request, field: str, unknown: str
) -> None:
    """What nobody wrote rules for is not left alone."""
    strict = with_policies(
        world, lambda policy: replace(policy, tighten_unknown_intent=True, tighten_unknown_department=True)
    )
    assert Tier.HUMAN_IN_THE_LOOP <= decide_in(strict, with_field(request, field, unknown)).tier


def a_rule(when: Condition) -> Rule:
    """Return a rule that asks for review."""
    return Rule("n_review", when, Tier.HUMAN_IN_THE_LOOP, Escalation.NONE, "REVIEW", "")


@FEW
@given(worlds(), requests(), st.sampled_from(UNKNOWN))
def test_an_unknown_language_is_never_autonomy(world: World, request: Request, unknown: str) -> None:
    """The policy says which languages it is for."""
    rule = a_rule(Check("language", "not_in", SupportedLanguages()))
    limited = with_policies(
        world,
        lambda policy: replace(policy, rules=(*policy.rules, rule), supported_languages=frozenset({"en", "de"})),
    )
    assert Tier.HUMAN_IN_THE_LOOP <= decide_in(limited, request._replace(language=unknown)).tier


@FEW
@given(worlds(), requests(), st.integers(1, 10**12), st.sampled_from((None, *UNKNOWN)))
def test_an_unlisted_currency_is_never_autonomy(
    world: World, request: Request, amount: int, unknown: str | None
) -> None:
    """A million of something unheard of is not compared with a limit in euros."""
    rule = a_rule(Check("amount_minor", "above", ThresholdRef("amount")))

    def limit_amounts(policy: Policy) -> Policy:
        by_currency = tuple(
            one
            for one in policy.thresholds["amount"].overrides
            if one.currency is not None and (one.intent, one.department) == (None, None)
        )
        amounts = replace(policy.thresholds["amount"], default=0.0, overrides=by_currency)
        return replace(policy, rules=(*policy.rules, rule), thresholds={**policy.thresholds, "amount": amounts})

    limited = with_policies(world._replace(live=()), limit_amounts)
    paid = request._replace(amount_minor=amount, currency=unknown)
    assert Tier.HUMAN_IN_THE_LOOP <= decide_in(limited, paid).tier


@settings(max_examples=EXAMPLES)
@given(worlds(), st.lists(odd_requests(), min_size=1, max_size=5), facts())
def test_no_request_raises(world: World, asked: list[Request], known: ServerFacts) -> None:
    """Whatever comes past the edge is decided, and can be decided again from its record."""
    snapshot = snapshot_of(world.policies, world.live, world.stops)
    for request in asked:
        decision = decide(snapshot, request, known, KEYS)
        read = request_from_canonical(json.loads(canonical_request(request)), request.decided_at_us)
        assert decision == decide(snapshot, read, known, KEYS)
