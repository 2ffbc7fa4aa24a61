"""What a change does: which values it puts in force where, from when on, and whether that loosens anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from oversight.engine.control import Setting
from oversight.rules.scopes import Scope, scope_of
from oversight.thresholds.values import RulesInForce, Values, is_looser, narrower_scopes

__all__ = ["Effect", "EffectKind", "Span", "effects_from_evidence", "find_effects", "overall", "spans", "to_evidence"]


class EffectKind(IntEnum):
    """What a change does to oversight; numbered like the enum of the API."""

    TIGHTENS = 1
    LOOSENS = 2
    NONE = 3


class Effect(NamedTuple):
    """
    What becomes of one threshold in one scope of one policy; it stands for narrower scopes that are not listed.

    `since_us` is when a value ends by itself and this begins (microseconds since 1970, UTC); None is at once.
    """

    policy: str
    name: str
    scope: Scope
    before: float
    after: float
    kind: EffectKind
    since_us: int | None = None


class Span(NamedTuple):
    """A time from `at_us` on in which no value ends, before or after a change; `since_us` is None for the first."""

    at_us: int
    since_us: int | None


def spans(before: Values, after: Values, now_us: int) -> list[Span]:
    """Return the spans of time from *now_us* on, in order."""
    later = sorted(end for end in before.ends() | after.ends() if end > now_us)
    return [Span(now_us, None), *(Span(end, end) for end in later)]


def find_effects(
    rules: RulesInForce, before: Values, after: Values, changed: Sequence[Setting], now_us: int
) -> tuple[Effect, ...]:
    """Return the effects of the *changed* settings, by policy, threshold, time and scope."""
    affected = sorted({(policy, one.name) for one in changed for policy in rules.family(one.policy)})
    affected = [(policy, name) for policy, name in affected if name in rules.policies[policy].thresholds]
    found: list[Effect] = []
    for policy, name in affected:
        lineage = rules.policies[policy].lineage
        roots = {scope_of(one) for one in changed if one.name == name and one.policy in lineage}
        written = (*before.scopes(policy, [name]), *after.scopes(policy, [name]))
        scopes = narrower_scopes(roots, written)
        finder = _Finder(policy, name, rules.policies[policy].thresholds[name].tightens)
        for steps in finder.steps(before, after, scopes, spans(before, after, now_us)):
            found += _widest(steps)
    return tuple(found)


class _Finder:
    """Finds the effects on one threshold of one policy."""

    def __init__(self, policy: str, name: str, tightens: str) -> None:
        self._policy = policy
        self._name = name
        self._tightens = tightens

    def steps(
        self, before: Values, after: Values, scopes: Sequence[Scope], times: Sequence[Span]
    ) -> Iterator[list[Effect]]:
        """Yield, for each span of time in which there are any, the effects in all *scopes*."""
        last: dict[Scope, tuple[float, float]] = {}
        for span in times:
            without = before.lookup(self._policy, span.at_us)
            given = after.lookup(self._policy, span.at_us)
            pairs = {scope: (without(self._name, scope).value, given(self._name, scope).value) for scope in scopes}
            step = [self._step(scope, last.get(scope), pair, span) for scope, pair in pairs.items()]
            last = pairs
            if any(effect.kind is not EffectKind.NONE for effect in step):
                yield step

    def _step(self, scope: Scope, last: tuple[float, float] | None, pair: tuple[float, float], span: Span) -> Effect:
        """Return the effect in one *scope* at the beginning of a *span*; *pair* is without and with the change."""
        choices = [pair] if last is None or pair != last else []
        if last is not None and pair[0] == last[0] and pair[1] != last[1]:
            choices.append((last[1], pair[1]))  # what the change set ends by itself
        found = [self._effect(scope, *choice, span.since_us) for choice in choices if choice[0] != choice[1]]
        found.sort(key=lambda effect: effect.kind is not EffectKind.LOOSENS)
        return found[0] if found else Effect(self._policy, self._name, scope, *pair, EffectKind.NONE, span.since_us)

    def _effect(self, scope: Scope, before: float, after: float, since_us: int | None) -> Effect:
        looser = is_looser(self._tightens, after, before)
        kind = EffectKind.LOOSENS if looser else EffectKind.TIGHTENS
        return Effect(self._policy, self._name, scope, before, after, kind, since_us)


def _widest(step: Iterable[Effect]) -> list[Effect]:
    """Leave out what a wider scope in the list says already; *step* is widest first."""
    kept: list[Effect] = []
    by_intent: dict[str | None, list[Effect]] = {}
    for effect in step:
        candidates = [one for intent in {None, effect.scope.intent} for one in by_intent.get(intent, ())]
        wider = [one for one in candidates if _contains(one.scope, effect.scope)]
        if effect.kind is EffectKind.NONE:
            told = all(one.kind is EffectKind.NONE for one in wider)
        else:
            told = bool(wider) and all(one[3:] == effect[3:] for one in wider)
        if not told:
            kept.append(effect)
            by_intent.setdefault(effect.scope.intent, []).append(effect)
    return kept


def _contains(wider: Scope, scope: Scope) -> bool:
    return all(part in (None, other) for part, other in zip(wider, scope, strict=True))


def overall(effects: Iterable[Effect]) -> EffectKind:
    """Return what they come to: a change loosens where anything in it does, also later."""
    kinds = {effect.kind for effect in effects}
    for kind in (EffectKind.LOOSENS, EffectKind.TIGHTENS):
        if kind in kinds:
            return kind
    return EffectKind.NONE


def to_evidence(effects: Iterable[Effect]) -> str:
    """Return the effects as the JSON text that an event keeps."""
    return json.dumps(
        {
            "effects": [
                {
                    "policy": one.policy,
                    "name": one.name,
                    **{key: part for key, part in one.scope._asdict().items() if part is not None},
                    "before": one.before,
                    "after": one.after,
                    "effect": one.kind.name,
                    **({} if one.since_us is None else {"since_us": one.since_us}),
                }
                for one in effects
            ]
        }
    )


def effects_from_evidence(evidence: str) -> tuple[Effect, ...]:
    """Return what `to_evidence` wrote; nothing where an event has no or other evidence."""
    try:
        listed = json.loads(evidence)["effects"] if evidence else []
        return tuple(
            Effect(
                one["policy"],
                one["name"],
                Scope(one.get("intent"), one.get("department"), one.get("currency")),
                float(one["before"]),
                float(one["after"]),
                EffectKind[one["effect"]],
                one.get("since_us"),
            )
            for one in listed
        )
    except (ValueError, KeyError, TypeError):
        return ()
