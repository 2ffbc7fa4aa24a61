"""Which decisions one value of a threshold alone decides about: those decided again otherwise when it alone changes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from oversight.engine.conditions import checks, normal_form
from oversight.engine.control import Setting
from oversight.engine.decide import decide
from oversight.engine.decision import Decision, Tier
from oversight.engine.identity import Keys
from oversight.engine.policy import Condition, Policy, ThresholdRef
from oversight.engine.request import ServerFacts
from oversight.engine.runtime import observe
from oversight.engine.snapshot import Snapshot, assemble
from oversight.errors import NotRecommendableError, UnknownThresholdError
from oversight.feedback.candidates import ThresholdLimits, stricter
from oversight.insight.limits import constraint_limits
from oversight.rules.scopes import Scope
from oversight.rules.suggest import suggest
from oversight.storage.replayable import ReplayableDecision
from oversight.thresholds.checks import check_policy, check_scope
from oversight.thresholds.values import Key, RulesInForce, Values, is_looser, replace_values

__all__ = ["Governed", "Replayer", "govern"]

_FARTHEST = 1e19
"""Beyond every signal's range and every amount: whatever there is lies between this and its negative."""
_DECIMALS = 12
_INCLUSIVE = ("below", "above")
# The tier depends on no key, and nothing here is put on record.
_KEYS = Keys(id_key=bytes(32), audit_key=bytes(32), audit_key_id="")
_log = logging.getLogger(__name__)


class Governed(NamedTuple):
    """
    A threshold of one policy in one scope: the signal it limits, where it may lie, and its value in force.

    `offsets` is what each rule that reads it adds to it, by policy and rule id: VIPs may need some hundredths more.
    """

    policy: str
    name: str
    scope: Scope
    signal: str
    limits: ThresholdLimits
    value_in_force: float
    offsets: Mapping[tuple[str, str], float]


def govern(
    rules: RulesInForce, settings: Mapping[Key, Setting], policy_name: str, name: str, scope: Scope, now_us: int
) -> Governed:
    """
    Return what is known of threshold *name* of the policy (empty: the default policy) in *scope*, as it is in force.

    Raises `UnknownScopeError`, `UnknownThresholdError`, and `NotRecommendableError` where it is not the one limit of
    one signal, or where bounds and constraints leave it nothing.
    """
    policy = check_policy(rules, policy_name or rules.default_policy, "policy")
    threshold = policy.thresholds.get(name)
    if threshold is None:
        text = f"policy {policy.name!r} has no threshold {name!r}"
        raise UnknownThresholdError("name", text, suggest(name, policy.thresholds))
    check_scope(rules, policy, scope, "scope")
    signal, inclusive, offsets = _limited(rules, policy, name)
    values = Values(rules, settings)
    limits = ThresholdLimits(
        threshold.minimum,
        threshold.maximum,
        threshold.tightens,
        (
            *constraint_limits(values, policy, name, scope, now_us),
            *_parents(rules, values, policy, name, scope, now_us),
        ),
        inclusive,
    )
    try:
        limits.range()
    except ValueError as error:
        raise NotRecommendableError(name, f"no value of {name!r} is allowed here: {error}") from error
    in_force = values.lookup(policy.name, now_us)(name, scope).value
    return Governed(policy.name, name, scope, signal, limits, in_force, offsets)


class Replayer:
    """
    Decides recorded decisions again by the rules in force, without stops and with all sources fresh.

    Once with the value in the scope so lenient that nothing lies beyond, and once so strict: what is on the loop at the
    first and not at the second is what this value decides about, all else being as it is.

    An erased decision has lost its attributes and no signal. It must not be left out: who asks for erasure has often
    had a wrong reply, and errors that go with their customers make an AI look better than it is. Where no rule that
    keeps a reply from the loop reads attributes, it is decided as if it were whole. Where one does, nobody can tell
    any more what the decision would be: its value is then infinite, on the side where every threshold lets it through,
    and a certificate counts it as an error at each of them (`certificate.certify`). `reads_attributes` says whether
    that can happen.
    """

    def __init__(
        self, rules: RulesInForce, settings: Mapping[Key, Setting], governed: Governed, *, now_us: int
    ) -> None:
        self._governed = governed
        tightens = governed.limits.tightens
        self._farthest: Callable[[Iterable[float]], float] = max if tightens == "raise" else min
        strictest = stricter(-_FARTHEST, _FARTHEST, tightens)
        self._strict, self._lenient = (
            _snapshot(rules, settings, governed, value, now_us) for value in (strictest, -strictest)
        )
        self._unknown = math.copysign(math.inf, strictest)
        self._uncertain = {name: _uncertain(rules.policies[name]) for name in rules.family(governed.policy)}
        self.reads_attributes = any(self._uncertain.values())

    def value(self, one: ReplayableDecision) -> float | None:
        """
        Return the strictest value at which an eligible decision is autonomous; None for others.

        It is what the signal says, less what the rules that apply add to the threshold; infinite where nobody can tell.
        """
        try:
            return self._value(one)
        except Exception:  # noqa: BLE001 - one record that fails must not keep the rest from being counted
            _log.exception("decision %s cannot be decided again", one.decision_id)
            return None

    def seen(self, one: ReplayableDecision) -> float | None:
        """Return what the signal says, whether the decision is eligible or not; None where it is absent."""
        return cast("float | None", observe(self._governed.signal, one.request, _facts(one)))

    def _value(self, one: ReplayableDecision) -> float | None:
        request, facts = one.request, _facts(one)
        at_most = decide(self._lenient, request, facts, _KEYS, canonical=b"")
        if one.erased and (uncertain := self._uncertain[at_most.policy]):
            return None if _kept_for_sure(at_most, uncertain) else self._unknown
        if at_most.tier is not Tier.HUMAN_ON_THE_LOOP:
            return None
        decision = decide(self._strict, request, facts, _KEYS, canonical=b"")
        offsets = self._governed.offsets
        keys = [(decision.policy, reason.rule_id) for reason in decision.reasons]
        met = [offsets[key] for key in keys if key in offsets]
        seen = observe(self._governed.signal, request, facts)
        if decision.tier is Tier.HUMAN_ON_THE_LOOP or not met or seen is None:
            return None
        # Twelve decimals, as the engine adds: 0.9 less 0.05 must meet a threshold of exactly 0.85.
        return float(round(seen - self._farthest(met), _DECIMALS))


def _facts(one: ReplayableDecision) -> ServerFacts:
    return ServerFacts(labelled_outcomes=one.labelled_outcomes)


def _uncertain(policy: Policy) -> frozenset[str]:
    """Return the rules that keep a reply from the loop, or do not, by what attributes say; empty where none does."""
    reading = {
        rule.id
        for rule in policy.rules
        if not rule.shadow and rule.tier is not Tier.HUMAN_ON_THE_LOOP and any(map(_is_erasable, _signals(rule.when)))
    }
    if not reading and not any(map(_is_erasable, policy.required_signals)):
        return frozenset()
    # These two say of all rules and all required signals what those that read attributes may be the cause of.
    return frozenset({*reading, "signal_missing", "policy_error"})


def _kept_for_sure(decision: Decision, uncertain: frozenset[str]) -> bool:
    """Tell whether a person would be asked whatever the attributes were: a rule that reads none says so."""
    return any(
        reason.tier > Tier.HUMAN_ON_THE_LOOP and reason.rule_id not in uncertain for reason in decision.reasons
    ) or not all(map(_is_erasable, decision.missing_signals))


def _signals(condition: Condition) -> Iterator[str]:
    return (check.signal for check in checks(condition))


def _is_erasable(signal: str) -> bool:
    return signal.startswith("attributes.")


def _snapshot(
    rules: RulesInForce, settings: Mapping[Key, Setting], governed: Governed, value: float, now_us: int
) -> Snapshot:
    changed = replace_values(settings, [Setting(governed.policy, governed.name, value, *governed.scope)])
    live = Values(rules, changed).live(now_us)
    return assemble(rules.blueprint, default_policy=rules.default_policy, live=live)


def _limited(rules: RulesInForce, policy: Policy, name: str) -> tuple[str, bool, Mapping[tuple[str, str], float]]:
    """
    Return the one signal that the threshold limits, whether a value just at it is autonomous, and the offsets.

    Loading has seen to it that rules compare in the direction in which the threshold tightens.
    """
    found: dict[tuple[str, str], set[float]] = {}
    ways: set[tuple[str, str]] = set()
    for key, signal, operator, offset in _comparisons(rules, policy, name):
        found.setdefault(key, set()).add(offset)
        ways.add((signal, operator))
    if not found:
        text = f"no rule of policy {policy.name!r} that keeps a reply from the loop reads {name!r}"
        raise NotRecommendableError(name, text)
    told = " and ".join(f"{signal} {operator} {name}" for signal, operator in sorted(ways))
    if len(ways) > 1 or any(len(offsets) > 1 for offsets in found.values()):
        text = f"{name!r} is compared in more than one way ({told}): labels cannot tell which of them erred"
        raise NotRecommendableError(name, text)
    [(signal, operator)] = ways
    return signal, operator in _INCLUSIVE, {key: offset for key, (offset,) in found.items()}


def _comparisons(rules: RulesInForce, policy: Policy, name: str) -> Iterator[tuple[tuple[str, str], str, str, float]]:
    for one in rules.family(policy.name):
        for rule in rules.policies[one].rules:
            if rule.shadow or rule.tier is Tier.HUMAN_ON_THE_LOOP:
                continue
            for check in checks(normal_form(rule.when)):
                if isinstance(check.operand, ThresholdRef) and check.operand.name == name:
                    yield (one, rule.id), check.signal, check.operator, check.operand.offset


def _parents(
    rules: RulesInForce, values: Values, policy: Policy, name: str, scope: Scope, now_us: int
) -> Iterator[tuple[str, float]]:
    """Yield that a policy must not become looser than the one that it extends, unless it is already."""
    parent = rules.parent(policy.name)
    if parent is None or name not in rules.policies[parent].thresholds:
        return
    tightens = policy.thresholds[name].tightens
    theirs = values.lookup(parent, now_us)(name, scope).value
    own = values.lookup(policy.name, now_us)(name, scope).value
    yield (">=" if tightens == "raise" else "<="), (own if is_looser(tightens, own, theirs) else theirs)
