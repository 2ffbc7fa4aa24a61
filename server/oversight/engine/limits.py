"""Threshold values in force: which scope wins, and what a live value binds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any, NamedTuple

__all__ = ["Entry", "Limits", "LiveValue", "Slot", "entries_of", "resolve", "shift"]


class LiveValue(NamedTuple):
    """A threshold value set while running; None in a scope field means every one."""

    policy: str
    name: str
    value: float
    intent: str | None = None
    department: str | None = None
    currency: str | None = None


class Slot(NamedTuple):
    """One limit that rules read: a threshold plus an offset, clamped to the signal's range; *whole* for counts."""

    name: str
    offset: float
    low: float | None
    high: float | None
    whole: bool = False

    @property
    def label(self) -> str:
        """Return the threshold's name with the offset, as replies show it."""
        return f"{self.name}{self.offset:+g}" if self.offset else self.name


class Entry(NamedTuple):
    """One value of a threshold in one scope, of one policy."""

    value: float
    intent: str | None
    department: str | None
    currency: str | None
    live: bool

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        """Intent beats department beats currency beats none."""
        return (self.intent is not None, self.department is not None, self.currency is not None)

    def covers(self, intent: str | None, department: str | None, currency: str | None) -> bool:
        """Return whether the entry's scope contains this one."""
        return (
            self.intent in (None, intent)
            and self.department in (None, department)
            and self.currency in (None, currency)
        )

    def describe(self, name: str) -> str:
        """Return the limit's source as replies show it: `name[intent=x] file`."""
        scope = ",".join(f"{key}={value}" for key, value in zip(_SCOPE, self[1:4], strict=True) if value is not None)
        return f"{name}{f'[{scope}]' if scope else ''} {'live' if self.live else 'file'}"


_SCOPE = ("intent", "department", "currency")
Row = tuple[tuple[float, ...], tuple[str, ...]]


def resolve(
    lineage: Sequence[Sequence[Entry]],
    tightens: str,
    intent: str | None,
    department: str | None,
    currency: str | None,
) -> Entry:
    """
    Return the entry in force in one scope; *lineage* has the entries of each policy, nearest first.

    Within a policy the most specific scope wins, and in one scope a live value beats the file's. A child's entry
    replaces its parent's unless the parent's is more specific; but a live value of the parent still binds where it is
    the stricter. The farthest policy must have an entry without scope.
    """
    found: Entry | None = None
    binding: Entry | None = None
    written = (False, False, False)
    for entries in reversed(lineage):
        covering = [entry for entry in entries if entry.covers(intent, department, currency)]
        own = max(covering, key=lambda entry: (entry.specificity, entry.live), default=None)
        if own is not None and own.specificity >= written:
            found = own
        if found is not None and found.live:
            binding = found if binding is None else _stricter(found, binding, tightens)
        if found is not None and binding is not None:
            found = _stricter(found, binding, tightens)
        # Only what files say hides a child's value: a live value in a narrower scope may tighten it, never loosen it.
        written = max([written, *(entry.specificity for entry in covering if not entry.live)])
    if found is None:
        raise LookupError("a threshold has no value without scope")
    return found


def _stricter(one: Entry, other: Entry, tightens: str) -> Entry:
    if tightens == "raise":
        return one if one.value >= other.value else other
    return one if one.value <= other.value else other


class Limits:
    """
    The limits that one policy's rules read, for every scope.

    `row` answers from a table that fills as scopes are met; its size is bounded by the scopes that any entry names.
    """

    def __init__(self, policy: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]], live: Iterable[LiveValue]):
        """Take the plain form of the *policy* and of all *policies* from a blueprint, and the *live* values."""
        self._slots = tuple(None if slot is None else Slot(*slot) for slot in policy["slots"])
        live = tuple(live)
        self._thresholds = {
            name: (
                tuple(entries_of(policies[ancestor], name, live) for ancestor in policy["lineage"]),
                threshold["tightens"],
            )
            for name, threshold in policy["thresholds"].items()
        }
        named = [entry for lineage, _ in self._thresholds.values() for entries in lineage for entry in entries]
        self._intents = frozenset(entry.intent for entry in named if entry.intent is not None)
        self._departments = frozenset(entry.department for entry in named if entry.department is not None)
        self._currencies = frozenset(entry.currency for entry in named if entry.currency is not None)
        self._rows: dict[tuple[str | None, str | None, str | None], Row] = {}

    def row(self, intent: str | None, department: str | None, currency: str | None) -> Row:
        """Return the slots' values and their sources in one scope."""
        key = (
            intent if intent in self._intents else None,
            department if department in self._departments else None,
            currency if currency in self._currencies else None,
        )
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._build(*key)
        return row

    def value(self, name: str, intent: str | None, department: str | None, currency: str | None) -> Entry:
        """Return the entry of threshold *name* in force in one scope; raise KeyError where the policy has none."""
        return resolve(*self._thresholds[name], intent, department, currency)

    def _build(self, intent: str | None, department: str | None, currency: str | None) -> Row:
        values, sources = [], []
        for slot in self._slots:
            if slot is None:  # a threshold of other policies: no rule here reads it
                values.append(nan)
                sources.append("")
                continue
            lineage, tightens = self._thresholds[slot.name]
            entry = resolve(lineage, tightens, intent, department, currency)
            values.append(shift(entry.value, slot))
            sources.append(entry.describe(slot.label))
        return tuple(values), tuple(sources)


def shift(value: float, slot: Slot) -> float:
    """Return a threshold's *value* as the limit of *slot*: with its offset, within the signal's range."""
    if slot.offset:
        # Twelve decimals: 0.85 + 0.05 must meet a confidence of exactly 0.9.
        value = round(value + slot.offset, 12)
        value = value if slot.low is None else max(value, slot.low)
        value = value if slot.high is None else min(value, slot.high)
    # Files hold every number as a float; an amount is shown as it is counted.
    return int(value) if slot.whole and value == int(value) else value


def entries_of(policy: Mapping[str, Any], name: str, live: Sequence[LiveValue]) -> tuple[Entry, ...]:
    """Return the values that the plain *policy* of a blueprint itself and *live* ones of it give threshold *name*."""
    entries = [
        Entry(change.value, change.intent, change.department, change.currency, live=True)
        for change in live
        if change.policy == policy["name"] and change.name == name
    ]
    entries += [
        Entry(value, intent, department, currency, live=False)
        for value, intent, department, currency in policy["own_entries"].get(name, ())
    ]
    return tuple(entries)
