"""Live values against rules that came after them: what these do not allow any more is tightened, never loosened."""

from __future__ import annotations

import operator
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from oversight.engine.control import Setting
from oversight.engine.policy import Constraint
from oversight.rules.live_bounds import within_bounds
from oversight.rules.scopes import EVERYWHERE, FileValues, Scope, scope_of
from oversight.rules.wording import show_number
from oversight.thresholds.values import Key, RulesInForce, Values, describe_setting, is_looser, narrower_scopes

__all__ = ["Allowed", "allow"]

_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Allowed(NamedTuple):
    """
    Live values as rules allow them.

    `outlawed` are those that differ from what was set. `broken` says what does not go with the rules all the same, one
    sentence each: constraints that do not hold (nothing stricter is known there, and what is in force is not looser
    than the files), and values of thresholds that the rules do not have, for which nothing can stand in.
    """

    values: Mapping[Key, Setting]
    outlawed: tuple[Setting, ...] = ()
    broken: tuple[str, ...] = ()


class _Broken(NamedTuple):
    """A constraint that does not hold for *policy* in *scope*, and the two values there."""

    policy: str
    constraint: Constraint
    scope: Scope
    left: float
    right: float

    def __str__(self) -> str:
        where = f" for {self.scope}" if self.scope != EVERYWHERE else ""
        values = f"{show_number(self.left)} and {show_number(self.right)}"
        return f"the constraint '{self.constraint.text}' of policy {self.policy!r} does not hold{where}: {values}"


def allow(rules: RulesInForce, settings: Mapping[Key, Setting], now_us: int) -> Allowed:
    """
    Return the live *settings* as *rules* allow them at *now_us* (microseconds since 1970, UTC); none has ended by then.

    One outside its bounds becomes what `rules.live_bounds` says. Where a constraint does not hold, each live value in
    it that is looser than the file's becomes the file's; one that is stricter stays, whatever the constraint says.
    """
    thresholds = {name: policy.thresholds for name, policy in rules.policies.items()}
    allowed = {key: within_bounds(one, thresholds) for key, one in settings.items()}
    while True:
        broken = list(_broken(rules, allowed, now_us))
        stricter = {key: one for found in broken for key, one in _tighten(rules, allowed, found)}
        if not stricter:
            break
        # Each turn makes some live value the file's: there are only so many.
        allowed |= stricter
    outlawed = tuple(allowed[key] for key in sorted(allowed, key=repr) if allowed[key] != settings[key])
    return Allowed(allowed, outlawed, (*_unknown(rules, settings), *map(str, broken)))


def _unknown(rules: RulesInForce, settings: Mapping[Key, Setting]) -> Iterator[str]:
    """Yield, for each of *settings* whose policy or threshold is not in *rules*, that and what to do about it."""
    for _, one in sorted(settings.items(), key=repr):
        policy = rules.policies.get(one.policy)
        if one.value is None or (policy is not None and one.name in policy.thresholds):
            continue
        gone = f"there is no policy {one.policy!r}" if policy is None else f"the policy has no threshold {one.name!r}"
        words = ["oversight", "thresholds", "set", one.name, "file", "--policy", one.policy]
        words += [
            word for key, part in scope_of(one)._asdict().items() if part is not None for word in (f"--{key}", part)
        ]
        yield (
            f"the rules do not know the live value {describe_setting(one)} any more: {gone}; set what took its "
            f"place, and then remove it: {shlex.join(words)} -m ..."
        )


def _broken(rules: RulesInForce, allowed: Mapping[Key, Setting], now_us: int) -> Iterator[_Broken]:
    """Yield each constraint between thresholds with live values that does not hold, in the widest scope of those."""
    values = Values(rules, allowed)
    for policy in sorted({name for one in allowed.values() for name in rules.family(one.policy)}):
        for constraint in rules.policies[policy].constraints:
            found = _broken_in(rules, policy, constraint, values, now_us)
            if found is not None:
                yield found


def _broken_in(rules: RulesInForce, policy: str, constraint: Constraint, values: Values, now_us: int) -> _Broken | None:
    sides = (constraint.left, constraint.right)
    names = {side for side in sides if isinstance(side, str)}
    if not names <= rules.policies[policy].thresholds.keys():
        return None
    roots = {scope_of(one) for one in values.settings.values() if _concerns(rules, one, policy, names)}
    find = values.lookup(policy, now_us)
    for scope in narrower_scopes(roots, values.scopes(policy, names)):
        left, right = (find(side, scope).value if isinstance(side, str) else side for side in sides)
        if not _OPERATORS[constraint.operator](left, right):
            return _Broken(policy, constraint, scope, left, right)
    return None


def _tighten(rules: RulesInForce, allowed: Mapping[Key, Setting], broken: _Broken) -> Iterator[tuple[Key, Setting]]:
    """Yield the live values that are in force where the constraint is *broken* and looser than the files', as these."""
    names = {side for side in (broken.constraint.left, broken.constraint.right) if isinstance(side, str)}
    for key, one in allowed.items():
        if one.value is None or not _concerns(rules, one, broken.policy, names):
            continue
        if any(part not in (None, other) for part, other in zip(scope_of(one), broken.scope, strict=True)):
            continue
        threshold = rules.policies[one.policy].thresholds.get(one.name)
        if threshold is None:
            continue  # only what extends this policy has it by now: a parent's live value can do nothing but tighten
        by_file = FileValues(threshold).at(scope_of(one)).value
        if is_looser(threshold.tightens, one.value, by_file):
            yield key, one._replace(value=by_file)


def _concerns(rules: RulesInForce, one: Setting, policy: str, names: set[str]) -> bool:
    """Tell whether *one* is about a threshold in *names*, of *policy* or of one that it extends."""
    return one.name in names and one.policy in rules.policies[policy].lineage
