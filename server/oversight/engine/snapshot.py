"""The one immutable value that decides: rules, threshold values and stops, under one digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import FunctionType, MappingProxyType
from typing import Any

from oversight.engine.compile import ENGINE_VERSION, Blueprint
from oversight.engine.decision import OnExpiry
from oversight.engine.groups import Groups, GroupTable, bind_index
from oversight.engine.limits import Limits, LiveValue
from oversight.engine.request import Stop
from oversight.engine.runtime import NAMESPACE

__all__ = ["ENGINE_VERSION", "LiveValue", "Program", "Snapshot", "Stop", "assemble", "release"]

_RELEASED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Program:
    """
    One compiled policy.

    `rules` is the generated function (see `engine.generate`); it finds reasons in the order of replies. `source` is its
    text and `group_sources` are those of the groups that it calls, for people; a snapshot that was handed over to
    decide has only the first. `tables` find the groups. `audit_slot` is where the limits hold the audit rate.
    """

    name: str
    version: str
    source: str
    group_sources: tuple[str, ...]
    rules: Callable[..., tuple[str, ...]]
    tables: tuple[GroupTable, ...]
    limits: Limits
    audit_slot: int | None
    intents: frozenset[str]
    max_signal_age_s: float | None
    tighten_unknown_intent: bool
    tighten_unknown_department: bool
    tiers: Mapping[int, tuple[int | None, OnExpiry | None]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    What decides.

    `digest` is the SHA-256 (64 hex digits) over rules, engine version, live values, stops and the settings that a
    decision depends on: two snapshots with one digest decide alike. `commit` and `threshold_revision` say where the
    rules and values came from and are not part of it. Ages are in seconds; 0 means that nothing grows too old.
    """

    digest: str
    commit: str
    default_policy: str
    policies: Mapping[str, Program]
    groups: Groups
    stops: tuple[Stop, ...]
    threshold_revision: int
    max_policy_age_s: int
    max_threshold_age_s: int


def assemble(
    blueprint: Blueprint,
    *,
    default_policy: str,
    commit: str = "",
    max_policy_age_s: int = 86_400,
    max_threshold_age_s: int = 300,
    live: tuple[LiveValue, ...] = (),
    threshold_revision: int = 0,
    stops: tuple[Stop, ...] = (),
) -> Snapshot:
    """
    Return the snapshot of a *blueprint* with the *live* threshold values and *stops*.

    Raise ValueError where the blueprint is of another engine version or lacks the default policy.
    """
    if blueprint["engine_version"] != ENGINE_VERSION:
        raise ValueError(
            f"a blueprint of engine version {blueprint['engine_version']}, this engine is {ENGINE_VERSION}"
        )
    plain: Mapping[str, Mapping[str, Any]] = blueprint["policies"]
    if default_policy not in plain:
        raise ValueError(f"no policy is named {default_policy!r}, which is the default policy")
    groups = Groups(**blueprint["groups"])
    ages = [max_policy_age_s, max_threshold_age_s]
    parts = [
        ENGINE_VERSION,
        blueprint["digest"],
        default_policy,
        ages,
        sorted(map(repr, live)),
        sorted(map(repr, stops)),
    ]
    return Snapshot(
        digest=sha256(json.dumps(parts).encode()).hexdigest(),
        commit=commit,
        default_policy=default_policy,
        policies=MappingProxyType({name: _load(policy, plain, groups, live) for name, policy in plain.items()}),
        groups=groups,
        stops=stops,
        threshold_revision=threshold_revision,
        max_policy_age_s=max_policy_age_s,
        max_threshold_age_s=max_threshold_age_s,
    )


def _load(
    policy: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]], groups: Groups, live: tuple[LiveValue, ...]
) -> Program:
    index: Mapping[str, Any] = policy["index"]
    tables = tuple(GroupTable(numbers, groups) for numbers in index["tables"])
    names = {**NAMESPACE, **bind_index(tables, index["attributes"], index["may_fail"], groups)}
    return Program(
        name=policy["name"],
        version=policy["version"],
        source=policy["source"],
        group_sources=groups.sources(index["groups"]),
        # Names that do not include the function itself: a circle would outlive the snapshot until the next collection.
        rules=FunctionType(policy["code"], names),
        tables=tables,
        limits=Limits(policy, policies, live),
        audit_slot=policy["audit_slot"],
        intents=policy["intents"],
        max_signal_age_s=policy["max_signal_age_s"],
        tighten_unknown_intent=policy["tighten_unknown_intent"],
        tighten_unknown_department=policy["tighten_unknown_department"],
        tiers={
            tier: (review_sla_s, None if on_expiry is None else OnExpiry(on_expiry))
            for tier, (review_sla_s, on_expiry) in policy["tiers"].items()
        },
    )


def release(snapshot: Snapshot) -> Iterator[None]:
    """
    Let go of the functions of a *snapshot* that is no longer in force, a few at each step.

    To free those of thousands of rules at once is a pause for every caller. A call that still decides by it is served:
    what it needs is made again.
    """
    for program in snapshot.policies.values():
        for table in program.tables:
            yield from _empty(table)
    yield from _empty(snapshot.groups.made)


def _empty(filled: dict[Any, Any]) -> Iterator[None]:
    # Only as many as there are now: calls under way may put some back.
    for _ in range(0, len(filled), _RELEASED_AT_ONCE):
        for _ in range(min(_RELEASED_AT_ONCE, len(filled))):
            filled.popitem()
        yield
