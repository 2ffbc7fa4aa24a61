"""
Which rules can match at all for one intent, department and channel: the rest need not be evaluated.

A rule that is true only where `intent` is `refund` has no business with any other intent. Rules are put into groups by
the values that their conditions require of these three signals, and a call evaluates the groups of its own values, with
the rules that require none. Groups of the same signals are found by one look-up, whatever their number (tuple space
search: Srinivasan, Suri and Varghese, "Packet classification using tuple space search", SIGCOMM 1999).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import product
from math import prod
from typing import NamedTuple

from oversight.engine.conditions import checks
from oversight.engine.decision import Scalar
from oversight.engine.policy import All, Any, Check, Condition, Literal, Rule
from oversight.engine.signals import SIGNALS

__all__ = [
    "INDEXED",
    "LEAST_INDEXED",
    "Group",
    "Key",
    "Requirement",
    "partition",
    "read_requirement",
    "required_values",
]

INDEXED = ("intent", "department", "channel")
"""The signals that rules are indexed by, in the order of a key."""

LEAST_INDEXED = 48
"""With fewer rules that an index could pass over, evaluating them all is faster than looking them up."""

Key = Scalar | tuple[Scalar, ...]
"""The values of a group's signals: the bare value of one signal, else a tuple."""

_MOST_KEYS = 64
_LARGEST_GROUP = 256
_MOST_COPIES = 4

Required = Mapping[str, frozenset[Scalar]]


class Requirement(NamedTuple):
    """
    What must hold of the indexed signals for a rule to matter: they have the values of one of *keys*.

    Without *signals* a rule matters everywhere. `may_fail` says that it reads free attributes, whose values may be of
    the wrong type: then it fails, and that it must for every request, whatever the intent.
    """

    signals: tuple[str, ...]
    keys: tuple[Key, ...]
    may_fail: bool


class Group(NamedTuple):
    """Rules of one requirement, in the order of replies. A rule may be in several groups, which then share no key."""

    requirement: Requirement
    rules: tuple[Rule, ...]


def read_requirement(condition: Condition) -> Requirement:
    """Return the requirement of a rule with this *condition*, in normal form; few keys, however long its lists are."""
    required = required_values(condition)
    chosen: list[str] = []
    for signal in sorted(required, key=lambda one: (len(required[one]), INDEXED.index(one))):
        if not chosen or prod(len(required[one]) for one in (*chosen, signal)) <= _MOST_KEYS:
            chosen.append(signal)
    signals = tuple(signal for signal in INDEXED if signal in chosen)
    values = [sorted(required[signal], key=repr) for signal in signals]
    keys: tuple[Key, ...] = tuple(values[0]) if len(signals) == 1 else tuple(product(*values))
    return Requirement(signals, keys, any(check.signal.startswith("attributes.") for check in checks(condition)))


def required_values(condition: Condition) -> Required:
    """
    Return the indexed signals that a *condition* in normal form requires, and the values that it can be true with.

    Enum values are the API's numbers. No values at all: the condition is never true.
    """
    if isinstance(condition, Check):
        return _required_by_check(condition)
    parts = [required_values(part) for part in condition.parts] if isinstance(condition, All | Any) else []
    if not parts:
        return {}
    if isinstance(condition, All):
        signals = {signal for part in parts for signal in part}
        return {one: reduce(frozenset.__and__, (part[one] for part in parts if one in part)) for one in signals}
    signals = {signal for signal in parts[0] if all(signal in part for part in parts)}
    return {one: reduce(frozenset.__or__, (part[one] for part in parts)) for one in signals}


def _required_by_check(check: Check) -> Required:
    if check.signal not in INDEXED or check.operator not in ("equals", "in") or not isinstance(check.operand, Literal):
        return {}
    value = check.operand.value
    values = value if isinstance(value, tuple) else (value,)
    choices = SIGNALS[check.signal].choices
    return {check.signal: frozenset(choices[str(one)] if choices else one for one in values)}


def partition(
    rules: Sequence[Rule], requirement_of: Callable[[Rule], Requirement], *, least_indexed: int = LEAST_INDEXED
) -> tuple[tuple[Rule, ...], list[Group]]:
    """
    Return the *rules* that every call evaluates in one function, and the groups of the others.

    *rules* are in the order of replies, and stay so in each part. A group has the rules of one policy only, so that it
    is the same in all policies that extend that one. With fewer than *least_indexed* rules to index there are no
    groups, unless the function would grow too large.
    """
    everywhere: list[Rule] = []
    grouped: dict[tuple[Requirement, str], list[Rule]] = {}
    for rule in rules:
        requirement = requirement_of(rule)
        if not requirement.signals:
            everywhere.append(rule)
            continue
        for part in _parts(requirement):
            grouped.setdefault((part, rule.policy), []).append(rule)
    if len(rules) - len(everywhere) < least_indexed:
        everywhere, grouped = list(rules), {}
    groups = [part for (requirement, _), members in grouped.items() for part in _split(requirement, members)]
    rest = _split(Requirement((), ((),), may_fail=False), everywhere[_LARGEST_GROUP:])
    return tuple(everywhere[:_LARGEST_GROUP]), [*groups, *rest]


def _parts(requirement: Requirement) -> list[Requirement]:
    """
    Return the requirements of the groups that a rule is in: few keys are one each, which makes fewer groups to call.

    A rule that may fail is in one group only: where it does, all such groups are evaluated, and it must fail once.
    """
    signals, keys, may_fail = requirement
    if may_fail or len(keys) > _MOST_COPIES:
        return [requirement]
    return [Requirement(signals, (key,), may_fail) for key in keys]


def _split(requirement: Requirement, rules: Sequence[Rule]) -> list[Group]:
    """Return *rules* in groups that are compiled and loaded without a long pause."""
    starts = range(0, len(rules), _LARGEST_GROUP)
    return [Group(requirement, tuple(rules[start : start + _LARGEST_GROUP])) for start in starts]
