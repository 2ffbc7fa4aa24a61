"""Random small policies that the loader would accept, with live values and stops."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hypothesis import strategies as st

from oversight.engine.decision import Escalation, Tier
from oversight.engine.policy import Check, Override, Policy, Rule, Threshold, ThresholdRef
from oversight.engine.signals import SIGNALS
from oversight.engine.snapshot import LiveValue, Stop
from unit.engine.conditions_drawn import ATTRIBUTES, TEXTS, conditions
from unit.engine.requests_drawn import NOW_US

__all__ = [
    "DEFAULT_POLICY",
    "EXAMPLES",
    "NOW_US",
    "World",
    "live_values",
    "rules",
    "threshold_worlds",
    "worlds",
]

EXAMPLES = int(os.environ.get("OVERSIGHT_EXAMPLES", "100"))
"""Examples of each property."""

DEFAULT_POLICY = "contact_centre"
CHILD, GRANDCHILD = "retail_banking", "private_banking"
LIMITS = (0.0, 0.25, 0.5, 0.75, 0.85, 1.0, 2.0, 3.0)
THRESHOLDS = (("confidence", "raise"), ("sentiment", "raise"), ("amount", "lower"), ("repeats", "lower"))
MINIMUM, MAXIMUM = -1.0, 60.0
SCOPE = ("intent", "department", "currency")


class World(NamedTuple):
    """Everything a decision depends on but the request and the facts."""

    policies: dict[str, Policy]
    live: tuple[LiveValue, ...]
    stops: tuple[Stop, ...]


def scopes() -> st.SearchStrategy[dict[str, str | None]]:
    """A scope: each field named or not."""
    return st.fixed_dictionaries({field: st.sampled_from((None, None, *TEXTS[field][:2])) for field in SCOPE})


@st.composite
def thresholds(draw: st.DrawFn, author: str) -> dict[str, Threshold]:
    """Some of the thresholds with overrides."""
    made = {}
    for name, tightens in THRESHOLDS:
        overrides = tuple(
            Override(draw(st.sampled_from(LIMITS)), **scope, policy=author)
            for scope in draw(
                st.lists(scopes(), max_size=2, unique_by=lambda scope: tuple(scope[field] for field in SCOPE))
            )
            if any(scope.values())
        )
        default = draw(st.sampled_from(LIMITS))
        made[name] = Threshold(name, "", default, MINIMUM, MAXIMUM, tightens, overrides, author)
    return made


@st.composite
def rules(
    draw: st.DrawFn, rule_id: str, known: Mapping[str, Threshold], author: str, *, has_languages: bool = False
) -> Rule:
    """One rule of *author*."""
    since = st.sampled_from((*(None,) * 9, NOW_US - 1, NOW_US, NOW_US + 1))
    until = st.sampled_from((*(None,) * 9, NOW_US + 1, NOW_US, NOW_US - 1))
    return Rule(
        id=rule_id,
        when=draw(conditions(known, has_languages=has_languages)),
        tier=draw(st.sampled_from(Tier)),
        escalation=draw(st.sampled_from(Escalation)),
        reason=draw(st.sampled_from(("LOW_CONFIDENCE", "SENSITIVE", rule_id.upper()))),
        message=f"Because of {rule_id}.",
        shadow=draw(st.sampled_from((False, False, False, True))),
        since_us=draw(since),
        until_us=draw(until),
        policy=author,
        place=f"{author}.yaml:1",
    )


@st.composite
def rule_lists(
    draw: st.DrawFn, known: Mapping[str, Threshold], author: str, *, has_languages: bool
) -> tuple[Rule, ...]:
    """Rules whose ids are not in file order."""
    letters = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5, unique=True))
    return tuple(draw(rules(f"{letter}_{author}", known, author, has_languages=has_languages)) for letter in letters)


REQUIRED = st.one_of(st.just(()), st.lists(st.sampled_from(sorted(SIGNALS)), max_size=2, unique=True).map(tuple))
INTENTS = st.sampled_from((frozenset(TEXTS["intent"]), frozenset(TEXTS["intent"][:2]), frozenset()))
LANGUAGES = st.sampled_from((None, frozenset({"en"}), frozenset({"en", "de"})))
AGES = st.sampled_from((None, None, None, None, 30, 0.5))
MOSTLY = st.sampled_from((True, True, True, False))


@st.composite
def roots(draw: st.DrawFn) -> Policy:
    """The policy that extends nothing."""
    known = draw(thresholds(DEFAULT_POLICY))
    languages = draw(LANGUAGES)
    return Policy(
        name=DEFAULT_POLICY,
        version="1",
        description="",
        lineage=(DEFAULT_POLICY,),
        required_signals=draw(REQUIRED),
        intents=draw(INTENTS),
        rules=draw(rule_lists(known, DEFAULT_POLICY, has_languages=languages is not None)),
        thresholds=known,
        attributes=ATTRIBUTES,
        supported_languages=languages,
        max_signal_age_s=draw(AGES),
        tighten_unknown_intent=draw(MOSTLY),
        tighten_unknown_department=draw(MOSTLY),
    )


@st.composite
def children(draw: st.DrawFn, name: str, parent: Policy) -> Policy:
    """A policy that extends *parent*, flattened as the loader does: the parent's rules and values, then its own."""
    own = draw(thresholds(name))
    merged = {}
    for threshold in parent.thresholds.values():
        mine = own[threshold.name]
        overrides = {(o.intent, o.department, o.currency): o for o in (*threshold.overrides, *mine.overrides)}
        base = mine if draw(st.booleans()) else threshold
        kept = tuple(overrides.values()) if draw(st.booleans()) else threshold.overrides
        merged[threshold.name] = replace(base, overrides=kept)
    has_languages = parent.supported_languages is not None
    return replace(
        parent,
        name=name,
        lineage=(name, *parent.lineage),
        required_signals=tuple({*parent.required_signals, *draw(REQUIRED)}),
        intents=draw(INTENTS),
        rules=(*parent.rules, *draw(rule_lists(merged, name, has_languages=has_languages))),
        thresholds=merged,
        max_signal_age_s=parent.max_signal_age_s or draw(AGES),
        tighten_unknown_intent=draw(MOSTLY),
    )


@st.composite
def live_values(
    draw: st.DrawFn, policies: Mapping[str, Policy], least: int = 0, most: int = 6
) -> tuple[LiveValue, ...]:
    """A few live values, one for each policy, name and scope at most."""
    drawn = st.builds(
        lambda policy, name, value, scope: LiveValue(policy, name, value, **scope),
        st.sampled_from(sorted(policies)),
        st.sampled_from([name for name, _ in THRESHOLDS]),
        st.sampled_from(LIMITS),
        scopes(),
    )
    keys = ("policy", "name", *SCOPE)
    few = st.lists(
        drawn, min_size=least, max_size=most, unique_by=lambda live: tuple(getattr(live, key) for key in keys)
    )
    return tuple(draw(few))


def stops() -> st.SearchStrategy[tuple[Stop, ...]]:
    """Usually none."""
    named = st.builds(
        Stop,
        department=st.sampled_from((None, *TEXTS["department"])),
        intent=st.sampled_from((None, *TEXTS["intent"])),
    )
    return st.one_of(st.just(()), st.just(()), st.lists(named, max_size=2).map(tuple))


@st.composite
def threshold_worlds(draw: st.DrawFn) -> World:
    """Three policies, one above the other, whose only rules read each threshold and always match; many live values."""
    written = tuple(
        Rule(
            id=f"reads_{name}",
            when=Check(
                "sentiment_score" if tightens == "raise" else "labelled_outcomes",
                "below" if tightens == "raise" else "above",
                ThresholdRef(name),
            ),
            tier=Tier.HUMAN_ON_THE_LOOP,
            escalation=Escalation.NONE,
            reason="READ",
            message="",
        )
        for name, tightens in THRESHOLDS
    )
    chain = [replace(draw(roots()), rules=written)]
    for name in (CHILD, GRANDCHILD):
        chain.append(replace(draw(children(name, chain[-1])), rules=written))
    policies = {policy.name: policy for policy in chain}
    return World(policies, draw(live_values(policies, least=4, most=12)), ())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A default policy, often one that extends it, and sometimes one that extends that."""
    chain = [draw(roots())]
    for name in draw(st.sampled_from(((), (CHILD,), (CHILD,), (CHILD, GRANDCHILD)))):
        chain.append(draw(children(name, chain[-1])))
    policies = {policy.name: policy for policy in chain}
    return World(policies, draw(live_values(policies)), draw(stops()))
