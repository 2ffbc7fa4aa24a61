"""Threshold values in force, now and whenever one of them ends by itself, in every scope that can differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from oversight.engine.compile import Blueprint
from oversight.engine.control import ControlState, Setting
from oversight.engine.limits import Entry, LiveValue, entries_of, resolve
from oversight.engine.policy import Policy
from oversight.rules.scopes import EVERYWHERE, Scope, scope_of
from oversight.rules.wording import show_number

__all__ = [
    "Key",
    "RulesInForce",
    "Values",
    "describe_setting",
    "is_looser",
    "key_of",
    "narrower_scopes",
    "replace_values",
]

Key = tuple[str, str, str | None, str | None, str | None]
"""Which live value: policy, name, intent, department, currency."""


class RulesInForce(NamedTuple):
    """The checked policies in force by name, and the same compiled."""

    policies: Mapping[str, Policy]
    blueprint: Blueprint
    default_policy: str

    @property
    def digest(self) -> str:
        """Return the digest of the rules alone, 64 lower-case hex digits: live values and stops are not in it."""
        digest: str = self.blueprint["digest"]
        return digest

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
        self._finders: dict[tuple[str, tuple[LiveValue, ...]], _Finder] = {}

    def live(self, at_us: int) -> tuple[LiveValue, ...]:
        """Return the live values that have not ended at *at_us*."""
        return ControlState(values=self.settings).live(at_us)

    def ends(self) -> set[int]:
        """Return the times at which live values end, in microseconds since 1970 (UTC)."""
        return {one.expires_at_us for one in self.settings.values() if one.expires_at_us is not None}

    def lookup(self, policy: str, at_us: int) -> Callable[[str, Scope], Entry]:
        """Return what finds the value of a threshold of *policy* in a scope at *at_us*."""
        live = self.live(at_us)
        finder = self._finders.get((policy, live))
        if finder is None:
            finder = self._finders[policy, live] = _Finder(self._rules.blueprint["policies"], policy, live)
        return finder.find

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


class _Finder:
    """Finds values of one policy as the engine does, among those entries alone that can cover a scope's intent."""

    def __init__(self, policies: Mapping[str, Any], policy: str, live: tuple[LiveValue, ...]) -> None:
        self._policies = policies
        self._policy: Mapping[str, Any] = policies[policy]
        self._live = live
        self._entries: dict[str, list[dict[str | None, list[Entry]]]] = {}

    def find(self, name: str, scope: Scope) -> Entry:
        """Return the entry of threshold *name* in force in *scope*."""
        lineage = self._entries.get(name)
        if lineage is None:
            lineage = self._entries[name] = [self._by_intent(name, one) for one in self._policy["lineage"]]
        covering = [
            [*entries.get(None, ()), *(entries.get(scope.intent, ()) if scope.intent is not None else ())]
            for entries in lineage
        ]
        return resolve(covering, self._policy["thresholds"][name]["tightens"], *scope)

    def _by_intent(self, name: str, ancestor: str) -> dict[str | None, list[Entry]]:
        found: dict[str | None, list[Entry]] = {}
        for entry in entries_of(self._policies[ancestor], name, self._live):
            found.setdefault(entry.intent, []).append(entry)
        return found


def key_of(one: Setting) -> Key:
    """Return which live value *one* is about."""
    return (one.policy, one.name, one.intent, one.department, one.currency)


def describe_setting(one: Setting) -> str:
    """Return *one* in words: `autonomy 0.9 in centre for intent order_status`; a value that is removed is `file`."""
    scope = scope_of(one)
    value = "file" if one.value is None else show_number(one.value)
    return f"{one.name} {value} in {one.policy}{f' for {scope}' if scope != EVERYWHERE else ''}"


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
    found: dict[str | None, set[Scope]] = {}
    for scope in roots:
        found.setdefault(scope.intent, set()).add(scope)
    for scope in set(written):
        # Only what has the same intent, or none, can be met; a threshold has few scopes but many intents.
        intents = list(found) if scope.intent is None else [None, scope.intent]
        candidates = [one for intent in intents for one in found.get(intent, ())]
        for met in [met for one in candidates if (met := _meet(one, scope)) is not None]:
            found.setdefault(met.intent, set()).add(met)
    return sorted(set().union(*found.values()), key=lambda scope: (sum(part is not None for part in scope), str(scope)))


def is_looser(tightens: str, value: float, than: float) -> bool:
    """Return whether *value* puts less in front of people *than* another, by the threshold's direction."""
    return value < than if tightens == "raise" else value > than


def _meet(one: Scope, other: Scope) -> Scope | None:
    pairs = list(zip(one, other, strict=True))
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return None
    return Scope(*(b if a is None else a for a, b in pairs))
