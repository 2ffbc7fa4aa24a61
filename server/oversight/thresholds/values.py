"""Threshold values in force, now and whenever one of them ends by itself, in every scope that can differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from oversight.engine.compile import Blueprint
from oversight.engine.control import ControlState, Setting
from oversight.engine.limits import Entry, Limits, LiveValue
from oversight.engine.policy import Policy
from oversight.rules.scopes import Scope, scope_of

__all__ = ["Key", "RulesInForce", "Values", "is_looser", "key_of", "narrower_scopes", "replace_values"]

Key = tuple[str, str, str | None, str | None, str | None]
"""Which live value: policy, name, intent, department, currency."""


class RulesInForce(NamedTuple):
    """The checked policies in force by name, and the same compiled."""

    policies: Mapping[str, Policy]
    blueprint: Blueprint
    default_policy: str

    def family(self, policy: str) -> list[str]:
        """Return *policy* and those that extend it, by name."""
        return sorted(name for name, one in self.policies.items() if policy in one.lineage)

    def parent(self, policy: str) -> str | None:
        """Return the policy that *policy* extends, None where it extends none."""
        lineage = self.policies[policy].lineage
        return lineage[1] if len(lineage) > 1 else None

    def counts(self, policy: str, name: str) -> bool:
        """Return whether threshold *name* is compared with what is counted, in *policy* or one that extends it."""
        slots = (slot for one in self.family(policy) for slot in self.blueprint["policies"][one]["slots"])
        return any(slot is not None and slot[0] == name and slot[4] for slot in slots)


class Values:
    """
    The values that are in force by *rules* and *settings* at any time.

    *settings* are live values by key, as `ControlState.values` has them.
    """

    def __init__(self, rules: RulesInForce, settings: Mapping[Key, Setting]) -> None:
        self.settings = settings
        self._rules = rules
        self._limits: dict[tuple[str, tuple[LiveValue, ...]], Limits] = {}

    def live(self, at_us: int) -> tuple[LiveValue, ...]:
        """Return the live values that have not ended at *at_us*."""
        return ControlState(values=self.settings).live(at_us)

    def ends(self) -> set[int]:
        """Return the times at which live values end, in microseconds since 1970 (UTC)."""
        return {one.expires_at_us for one in self.settings.values() if one.expires_at_us is not None}

    def lookup(self, policy: str, at_us: int) -> Callable[[str, Scope], Entry]:
        """Return what finds the value of a threshold of *policy* in a scope at *at_us*."""
        live = self.live(at_us)
        limits = self._limits.get((policy, live))
        if limits is None:
            plain: Mapping[str, Any] = self._rules.blueprint["policies"]
            limits = self._limits[policy, live] = Limits(plain[policy], plain, live)
        return lambda name, scope: limits.value(name, *scope)

    def scopes(self, policy: str, names: Iterable[str]) -> Iterator[Scope]:
        """Yield the scopes for which files or live values give one of the thresholds *names* of *policy* a value."""
        plain: Mapping[str, Any] = self._rules.blueprint["policies"]
        wanted = set(names)
        for ancestor in plain[policy]["lineage"]:
            for name in wanted:
                for _, intent, department, currency in plain[ancestor]["own_entries"].get(name, ()):
                    yield Scope(intent, department, currency)
            for one in self.settings.values():
                if one.policy == ancestor and one.name in wanted:
                    yield scope_of(one)


def key_of(one: Setting) -> Key:
    """Return which live value *one* is about."""
    return (one.policy, one.name, one.intent, one.department, one.currency)


def replace_values(settings: Mapping[Key, Setting], changes: Iterable[Setting]) -> dict[Key, Setting]:
    """Return *settings* after *changes*."""
    changed = dict(settings)
    for one in changes:
        if one.value is None:
            changed.pop(key_of(one), None)
        else:
            changed[key_of(one)] = one
    return changed


def narrower_scopes(roots: Iterable[Scope], written: Iterable[Scope]) -> list[Scope]:
    """
    Return every scope within *roots* in which values *written* for scopes can differ from a wider one's, widest first.

    What is in force in any scope within a root is in force in the narrowest of these that contains it: that one is met
    by just the same values.
    """
    found = set(roots)
    for scope in set(written):
        found.update([met for one in found if (met := _meet(one, scope)) is not None])
    return sorted(found, key=lambda scope: (sum(part is not None for part in scope), str(scope)))


def is_looser(tightens: str, value: float, than: float) -> bool:
    """Return whether *value* puts less in front of people *than* another, by the threshold's direction."""
    return value < than if tightens == "raise" else value > than


def _meet(one: Scope, other: Scope) -> Scope | None:
    pairs = list(zip(one, other, strict=True))
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return None
    return Scope(*(b if a is None else a for a, b in pairs))
