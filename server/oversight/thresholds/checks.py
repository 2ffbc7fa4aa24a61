"""What a change of thresholds has to meet; every refusal says where, what was expected and what came."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterator, Sequence

from oversight.engine.control import Setting
from oversight.engine.policy import Constraint, Policy
from oversight.errors import (
    CallError,
    ConstraintBrokenError,
    InvalidRequestError,
    LooserThanParentError,
    OutOfBoundsError,
    UnknownScopeError,
    UnknownThresholdError,
)
from oversight.rules.scopes import EVERYWHERE, Scope, scope_of
from oversight.rules.suggest import suggest
from oversight.rules.wording import phrase_out_of_bounds, show_number
from oversight.thresholds.effects import Span, spans
from oversight.thresholds.values import Key, RulesInForce, Values, is_looser, key_of, narrower_scopes

__all__ = ["check_outcome", "check_policy", "check_scope", "check_settings", "without_field"]

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_is_currency = re.compile("[A-Z]{3}").fullmatch


def check_settings(rules: RulesInForce, settings: Sequence[Setting], live: Collection[Key]) -> None:
    """
    Check each of *settings* by itself: names, scope and bounds. What is *live* may be removed whatever the rules say.

    Raises `UnknownScopeError`, `UnknownThresholdError`, `OutOfBoundsError` or `InvalidRequestError`, with the number of
    the setting in the field.
    """
    seen: dict[tuple[str | None, ...], int] = {}
    for number, one in enumerate(settings):
        field = f"changes[{number}]"
        if (first := seen.setdefault(key_of(one), number)) != number:
            raise InvalidRequestError(field, f"the same threshold and scope as in changes[{first}]; keep one")
        if one.value is None and key_of(one) in live:
            continue
        policy = check_policy(rules, one.policy, f"{field}.policy")
        threshold = policy.thresholds.get(one.name)
        if threshold is None:
            text = f"policy {policy.name!r} has no threshold {one.name!r}"
            raise UnknownThresholdError(f"{field}.name", text, suggest(one.name, policy.thresholds))
        check_scope(rules, policy, scope_of(one), f"{field}.scope")
        if one.value is None:
            text = f"there is no live value of {one.name!r} in just this scope to remove"
            raise InvalidRequestError(f"{field}.value", text)
        bounds = threshold.minimum, threshold.maximum
        if not threshold.minimum <= one.value <= threshold.maximum:  # false for NaN, too
            raise OutOfBoundsError(f"{field}.value", phrase_out_of_bounds(one.name, one.value, *bounds), *bounds)
        if one.value % 1 and rules.counts(policy.name, one.name):
            text = f"{show_number(one.value)} is not a whole number, and {one.name!r} counts something"
            raise OutOfBoundsError(f"{field}.value", text, *bounds)


def without_field(refused: CallError) -> str:
    """Return the text of *refused* without its field, for a request that has no such field."""
    return str(refused).removeprefix(f"{refused.metadata.get('field', '')}: ")


def check_policy(rules: RulesInForce, name: str, field: str) -> Policy:
    """Return the policy *name*; raise `UnknownScopeError` naming *field*."""
    policy = rules.policies.get(name)
    if policy is None:
        raise UnknownScopeError(field, f"there is no policy {name!r}", suggest(name, rules.policies))
    return policy


def check_scope(rules: RulesInForce, policy: Policy, scope: Scope, field: str) -> None:
    """Raise `UnknownScopeError` where no decision by *policy*, or one that extends it, can be in the *scope*."""
    family = rules.family(policy.name)
    intents = set().union(*(rules.policies[one].intents for one in {*family, *policy.lineage}))
    open_ended = any(not rules.policies[one].tighten_unknown_intent for one in family)
    if scope.intent is not None and scope.intent not in intents and not (open_ended and not intents):
        text = f"policy {policy.name!r} does not know the intent {scope.intent!r}"
        raise UnknownScopeError(f"{field}.intent", text, suggest(scope.intent, intents))
    if scope.department is not None:
        _check_department(rules, policy, family, scope.department, f"{field}.department")
    if scope.currency is not None and not _is_currency(scope.currency):
        near = scope.currency.upper() if _is_currency(scope.currency.upper()) else ""
        text = f"expected three capital letters (ISO 4217), got {scope.currency[:20]!r}"
        raise UnknownScopeError(f"{field}.currency", text, near)


def _check_department(rules: RulesInForce, policy: Policy, family: Sequence[str], department: str, field: str) -> None:
    if department in family:
        return
    if department in rules.policies:
        text = f"policy {department!r} decides for this department, and it does not extend {policy.name!r}"
        raise UnknownScopeError(field, f"{text}; change it there")
    default = rules.policies[rules.default_policy]
    # Overrides in files may name departments that are no policies: then the default policy decides for them.
    named = {
        over.department for one in rules.policies.values() for t in one.thresholds.values() for over in t.overrides
    }
    if default.name in family and (not default.tighten_unknown_department or department in named):
        return
    known = [*family, *(one for one in named if one is not None)]
    text = f"no policy has the name of the department {department!r}"
    raise UnknownScopeError(field, text, suggest(department, known))


def check_outcome(rules: RulesInForce, before: Values, after: Values, changed: Sequence[Setting], now_us: int) -> None:
    """
    Check what is in force *after* the *changed* settings, in every scope, also when values end by themselves later.

    Raises `ConstraintBrokenError` or `LooserThanParentError`. What was so *before* is not this change's fault.
    """
    names = {one.name for one in changed}
    affected = sorted({policy for one in changed for policy in rules.family(one.policy)})
    for span in spans(before, after, now_us):
        for policy in affected:
            lineage = rules.policies[policy].lineage
            roots = {scope_of(one) for one in changed if one.policy in lineage}
            check = _OutcomeCheck(rules, policy, roots, before, after, span)
            for constraint in rules.policies[policy].constraints:
                if names & {constraint.left, constraint.right}:
                    check.constraint(constraint)
            for name in sorted(names & rules.policies[policy].thresholds.keys()):
                check.direction(name)


class _OutcomeCheck:
    """Checks one policy in one span of time."""

    def __init__(
        self, rules: RulesInForce, policy: str, roots: set[Scope], before: Values, after: Values, span: Span
    ) -> None:
        self._rules = rules
        self._policy = policy
        self._roots = roots
        self._before = before
        self._after = after
        self._span = span
        self._was = before.lookup(policy, span.at_us)
        self._is = after.lookup(policy, span.at_us)

    def constraint(self, constraint: Constraint) -> None:
        """Raise `ConstraintBrokenError` where it does not hold any more."""
        sides = (constraint.left, constraint.right)
        names = [side for side in sides if isinstance(side, str)]
        for scope in self._scopes(self._policy, names):
            was = [self._was(side, scope).value if isinstance(side, str) else side for side in sides]
            now = [self._is(side, scope).value if isinstance(side, str) else side for side in sides]
            if now != was and not _OPERATORS[constraint.operator](*now):
                values = " and ".join(map(show_number, now))
                raise ConstraintBrokenError(
                    f"the constraint '{constraint.text}' of policy {self._policy!r} would not hold"
                    f"{_where(scope)}{_when(self._span)}: {values}",
                    constraint=constraint.text,
                    policy=self._policy,
                    scope=str(scope),
                )

    def direction(self, name: str) -> None:
        """Raise `LooserThanParentError` where the policy becomes looser than the one that it extends."""
        parent = self._rules.parent(self._policy)
        if parent is None or name not in self._rules.policies[parent].thresholds:
            return
        tightens = self._rules.policies[self._policy].thresholds[name].tightens
        theirs = self._after.lookup(parent, self._span.at_us)
        for scope in self._scopes(self._policy, [name]):
            was, now, limit = self._was(name, scope).value, self._is(name, scope).value, theirs(name, scope).value
            if is_looser(tightens, now, was) and is_looser(tightens, now, limit):
                raise LooserThanParentError(
                    f"{name!r} would be {show_number(now)} in {self._policy!r}{_where(scope)}{_when(self._span)}, "
                    f"looser than the {show_number(limit)} of {parent!r}, which it extends; a policy can only be "
                    "stricter than that, except in its file and with a reason",
                    policy=self._policy,
                    parent=parent,
                    scope=str(scope),
                )

    def _scopes(self, policy: str, names: Sequence[str]) -> Iterator[Scope]:
        written = (*self._before.scopes(policy, names), *self._after.scopes(policy, names))
        yield from narrower_scopes(self._roots, written)


def _where(scope: Scope) -> str:
    return f" for {scope}" if scope != EVERYWHERE else ""


def _when(span: Span) -> str:
    return "" if span.since_us is None else " when a value set for a time ends"
