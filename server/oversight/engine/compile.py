"""Checked policies to a blueprint: plain values and code objects that `marshal` can hand to another process."""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from types import CodeType
from typing import Any

from oversight.engine.conditions import checks, describe, normal_form
from oversight.engine.generate import Generator
from oversight.engine.index import LEAST_INDEXED, Group, Key, Requirement, partition, read_requirement
from oversight.engine.limits import Slot
from oversight.engine.policy import Condition, Policy, Rule, Threshold

__all__ = ["AUDIT_RATE", "ENGINE_VERSION", "Blueprint", "compile_policies"]

AUDIT_RATE = "audit_rate"
"""The threshold that the engine itself reads: the share of on-the-loop decisions that people check afterwards."""

ENGINE_VERSION = 1
"""Raised whenever the same rules and request could be decided otherwise than before."""

Blueprint = dict[str, Any]
"""
`engine_version`, `digest` (of the rules), `policies` by name, each a plain dict read by `engine.snapshot`, and
`groups`, the code of their indexed rules.
"""


def compile_policies(policies: Mapping[str, Policy], *, least_indexed: int = LEAST_INDEXED) -> Blueprint:
    """
    Return the blueprint of checked *policies*.

    The same rules give the same digest, in whatever order files, keys, rules and lists were written. With fewer than
    *least_indexed* rules that an index could pass over, a policy has none; either way it decides the same.
    """
    compiler = _Compiler(policies, least_indexed)
    digest = _digest(compiler.describe(policies[name]) for name in sorted(policies))
    compiled = {name: compiler.compile(policy) for name, policy in sorted(policies.items())}
    slots = compiler.slots()
    for name, policy in policies.items():
        compiled[name]["slots"] = [tuple(slot) if slot.name in policy.thresholds else None for slot in slots]
        compiled[name]["audit_slot"] = len(slots) - 1 if AUDIT_RATE in policy.thresholds else None
    return {"engine_version": ENGINE_VERSION, "digest": digest, "policies": compiled, "groups": compiler.groups()}


class _Compiler:
    """Compiles the policies of one blueprint; what they have in common, once."""

    def __init__(self, policies: Mapping[str, Policy], least_indexed: int) -> None:
        self._policies = policies
        self._least_indexed = least_indexed
        self._generator = Generator(self._normal)
        # By identity: a rule is one object in every policy that has it, and the policies outlive the compiler.
        self._normals: dict[int, Condition] = {}
        self._requirements: dict[int, Requirement] = {}
        self._described: dict[int, list[Any]] = {}
        self._seen: dict[tuple[object, ...], int] = {}
        self._numbers: dict[str, int] = {}
        self._content = bytearray()
        self._ends: list[int] = []

    def slots(self) -> tuple[Slot, ...]:
        """Return the limits that the policies compiled so far read, and last the audit rate."""
        return (*self._generator.slots, Slot(AUDIT_RATE, 0.0, 0.0, 1.0))

    def groups(self) -> dict[str, Any]:
        """Return the marshalled code of the indexed rules, where the part of each group ends, and their source."""
        return {"content": bytes(self._content), "ends": tuple(self._ends), "sources": tuple(self._numbers)}

    def compile(self, policy: Policy) -> dict[str, Any]:
        """Return the plain form of *policy*, but for what is known only when all are compiled."""
        # Emitted in the order of replies, so that matches need no sorting.
        rules = sorted(policy.rules, key=lambda rule: (-rule.tier, -rule.escalation, rule.id))
        everywhere, groups = partition(rules, self._requirement, least_indexed=self._least_indexed)
        index = self._index(policy, groups)
        source = self._generator.entry(policy, everywhere, tuple(index["tables"]), typed=bool(index["may_fail"]))
        return {
            "name": policy.name,
            "version": policy.version,
            "lineage": tuple(name for name in policy.lineage if name in self._policies),
            "code": _compile(source, f"<policy {policy.name}>"),
            "source": source,
            "index": {**index, "tables": tuple(index["tables"].values())},
            "thresholds": {name: {"tightens": one.tightens} for name, one in policy.thresholds.items()},
            "own_entries": {name: _own_entries(policy.name, one) for name, one in policy.thresholds.items()},
            "intents": policy.intents,
            "max_signal_age_s": policy.max_signal_age_s,
            "tighten_unknown_intent": policy.tighten_unknown_intent,
            "tighten_unknown_department": policy.tighten_unknown_department,
            "tiers": {
                int(tier): (terms.review_sla_s, None if terms.on_expiry is None else int(terms.on_expiry))
                for tier, terms in policy.tiers.items()
            },
        }

    def _index(self, policy: Policy, groups: Iterable[Group]) -> dict[str, Any]:
        """Return the numbers of the groups by signals and key, and what makes rules fail that no key calls for."""
        tables: dict[tuple[str, ...], dict[Key, list[int]]] = {}
        kinds: dict[str, str] = {}
        may_fail: list[int] = []
        numbers: list[int] = []
        for requirement, rules in groups:
            number = self._number(policy, rules)
            numbers.append(number)
            table = tables.setdefault(requirement.signals, {})
            for key in requirement.keys:
                table.setdefault(key, []).append(number)
            if requirement.may_fail:
                may_fail.append(number)
                kinds |= {name: policy.attributes[name] for name in self._attributes(rules)}
        return {
            "tables": {signals: _share_lists(table) for signals, table in tables.items()},
            "groups": tuple(numbers),
            "may_fail": tuple(may_fail),
            "attributes": kinds,
        }

    def _number(self, policy: Policy, rules: tuple[Rule, ...]) -> int:
        """Return the number of the group of these *rules*, compiled if it is new."""
        # Whatever else the text depends on: a policy that extends another has most of the other's groups.
        seen = (*map(id, rules), policy.supported_languages, tuple(sorted(policy.attributes.items())))
        number = self._seen.get(seen)
        if number is None:
            source = self._generator.function(policy, rules)
            number = self._seen[seen] = self._numbers.setdefault(source, len(self._numbers))
            if number == len(self._ends):
                self._content += _marshalled(source)
                self._ends.append(len(self._content))
        return number

    def _attributes(self, rules: Iterable[Rule]) -> Iterator[str]:
        read = (check.signal for rule in rules for check in checks(self._normal(rule)))
        return (signal.removeprefix("attributes.") for signal in read if signal.startswith("attributes."))

    def _normal(self, rule: Rule) -> Condition:
        found = self._normals.get(id(rule))
        if found is None:
            found = self._normals[id(rule)] = normal_form(rule.when)
        return found

    def _requirement(self, rule: Rule) -> Requirement:
        found = self._requirements.get(id(rule))
        if found is None:
            found = self._requirements[id(rule)] = read_requirement(self._normal(rule))
        return found

    def describe(self, policy: Policy) -> dict[str, Any]:
        """Return everything of a policy that a decision or a reply can depend on, as JSON has it."""
        return {
            "name": policy.name,
            "version": policy.version,
            "lineage": list(policy.lineage),
            "required_signals": sorted(policy.required_signals),
            "intents": sorted(policy.intents),
            "rules": [self._describe_rule(rule) for rule in sorted(policy.rules, key=lambda rule: rule.id)],
            "thresholds": _by_name(policy.thresholds.values()),
            "attributes": dict(policy.attributes),
            "tiers": {int(tier): [terms.review_sla_s, terms.on_expiry] for tier, terms in policy.tiers.items()},
            "supported_languages": None if policy.supported_languages is None else sorted(policy.supported_languages),
            "max_signal_age_s": policy.max_signal_age_s,
            "unknown": [policy.tighten_unknown_intent, policy.tighten_unknown_department],
        }

    def _describe_rule(self, rule: Rule) -> list[Any]:
        found = self._described.get(id(rule))
        if found is None:
            found = self._described[id(rule)] = [
                rule.id,
                describe(self._normal(rule)),
                rule.tier,
                rule.escalation,
                rule.reason,
                rule.message,
                rule.shadow,
                rule.since_us,
                rule.until_us,
            ]
        return found


def _share_lists(table: Mapping[Key, list[int]]) -> dict[Key, tuple[int, ...]]:
    """Return *table* with tuples, of which equal ones are one object."""
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}
    return {key: shared.setdefault(numbers, numbers) for key, one in table.items() for numbers in [tuple(one)]}


def _digest(described: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of the descriptions as one JSON list, of which only one is in memory at a time."""
    digest = sha256(b"[")
    for number, one in enumerate(described):
        digest.update((b", " if number else b"") + json.dumps(one, sort_keys=True).encode())
    digest.update(b"]")
    return digest.hexdigest()


# An edit changes a few groups; compiling all anew would take a third of the time until it is in force.
@lru_cache(maxsize=4_096)
def _marshalled(source: str) -> bytes:
    """Return the marshalled code of the one function in *source*."""
    return marshal.dumps(_compile(source, "<rules>"))


def _compile(source: str, name: str) -> CodeType:
    """Return the code of the one function in *source*."""
    module = compile(source, name, "exec", dont_inherit=True, optimize=0)
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _own_entries(policy: str, threshold: Threshold) -> list[tuple[float, str | None, str | None, str | None]]:
    """Return the values that *policy* itself sets; those of its parents stand in theirs."""
    own: list[tuple[float, str | None, str | None, str | None]] = []
    if threshold.policy in ("", policy):
        own.append((threshold.default, None, None, None))
    overrides = (one for one in threshold.overrides if one.policy in ("", policy))
    return own + [(one.value, one.intent, one.department, one.currency) for one in overrides]


def _by_name(thresholds: Iterable[Threshold]) -> dict[str, Any]:
    return {
        one.name: [
            one.default,
            one.minimum,
            one.maximum,
            one.tightens,
            one.policy,
            sorted([repr((o.intent, o.department, o.currency)), o.value, o.policy] for o in one.overrides),
        ]
        for one in thresholds
    }
