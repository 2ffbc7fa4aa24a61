"""The one immutable value that decides: rules, threshold values and stops, under one digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from oversight.engine.compile import ENGINE_VERSION, Blueprint
from oversight.engine.decision import OnExpiry
from oversight.engine.limits import Limits, LiveValue
from oversight.engine.runtime import NAMESPACE

__all__ = ["ENGINE_VERSION", "LiveValue", "Program", "Snapshot", "Stop", "assemble"]


class Stop(NamedTuple):
    """An engaged oversight stop: of a department, of an intent, of the two together, or (both None) of everything."""

    department: str | None = None
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """
    One compiled policy.

    `rules` is the generated function (see `engine.generate`); it finds reasons in the order of replies. `source` is its
    text, for people. `audit_slot` is where the limits hold the audit rate.
    """

    name: str
    version: str
    source: str
    rules: Callable[..., tuple[str, ...]]
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
        policies=MappingProxyType({name: _load(policy, plain, live) for name, policy in plain.items()}),
        stops=stops,
        threshold_revision=threshold_revision,
        max_policy_age_s=max_policy_age_s,
        max_threshold_age_s=max_threshold_age_s,
    )


def _load(policy: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]], live: tuple[LiveValue, ...]) -> Program:
    names: dict[str, Any] = dict(NAMESPACE)
    exec(policy["code"], names)  # noqa: S102 - our own generated code: checked parts only, see engine.generate
    return Program(
        name=policy["name"],
        version=policy["version"],
        source=policy["source"],
        rules=names["rules"],
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
