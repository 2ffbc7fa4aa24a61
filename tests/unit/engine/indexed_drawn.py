"""Random rules that an index has business with: what they require of intent, department and channel, nested anyhow."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from oversight.engine.policy import All, Any, Check, Condition, Literal, Not, Policy, Rule
from oversight.engine.request import Request
from unit.engine.conditions_drawn import TEXTS, conditions
from unit.engine.requests_drawn import requests
from unit.engine.strategies import DEFAULT_POLICY, World, rules, worlds

__all__ = ["indexed_requests", "indexed_worlds"]

VALUES = {
    "intent": (*TEXTS["intent"], "asked_by_nobody"),
    "department": TEXTS["department"],
    "channel": ("chat", "email", "voice"),
}
CHANNELS = (1, 2, 3, 4, 99, 0, -1)


@st.composite
def key_checks(draw: st.DrawFn) -> Check:
    """One comparison of an indexed signal."""
    signal = draw(st.sampled_from(("intent", "intent", "intent", "department", "channel", "channel")))
    operator = draw(
        st.sampled_from(("equals", "equals", "equals", "in", "in", "in", "not_equals", "not_in", "present"))
    )
    if operator == "present":
        return Check(signal, operator, Literal(draw(st.booleans())))
    value = st.sampled_from(VALUES[signal])
    if operator in ("in", "not_in"):
        return Check(signal, operator, Literal(tuple(draw(st.lists(value, min_size=1, max_size=3, unique=True)))))
    return Check(signal, operator, Literal(draw(value)))


def key_conditions() -> st.SearchStrategy[Condition]:
    """Comparisons of indexed signals, combined."""
    return st.recursive(
        key_checks(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
            st.lists(inner, max_size=3).map(lambda parts: Any(tuple(parts))),
        ),
        max_leaves=5,
    )


@st.composite
def indexed_rules(draw: st.DrawFn, rule_id: str, policy: Policy) -> Rule:
    """A rule of which an index may or may not be able to make something."""
    drawn = draw(rules(rule_id, policy.thresholds, policy.name))
    other = conditions(policy.thresholds, depth=1)
    parts = [draw(key_conditions()), *draw(st.lists(other, max_size=2))]
    when: Condition = All(tuple(draw(st.permutations(parts))))
    return replace(drawn, when=Any((when, draw(key_conditions()))) if draw(st.integers(0, 4)) == 0 else when)


@st.composite
def indexed_worlds(draw: st.DrawFn) -> World:
    """A world with more rules, most of them for some intents, departments or channels only."""
    world = draw(worlds())
    root = world.policies[DEFAULT_POLICY]
    letters = draw(st.lists(st.sampled_from("abcdefghijklmnop"), min_size=2, max_size=8, unique=True))
    added = tuple(draw(indexed_rules(f"{letter}_indexed", root)) for letter in letters)
    # One object in every policy, as where one extends the other.
    policies = {name: replace(one, rules=(*added, *one.rules)) for name, one in world.policies.items()}
    return world._replace(policies=policies)


@st.composite
def indexed_requests(draw: st.DrawFn) -> Request:
    """A request whose intent and channel may be any, known, unheard of or absent."""
    drawn = draw(requests())
    intent = draw(st.sampled_from((*VALUES["intent"], drawn.intent, None)))
    return drawn._replace(intent=intent, channel=draw(st.sampled_from((*CHANNELS, 1, 2, 3, None))))
