"""Reading thresholds: what is in force in one scope, where it comes from, and what waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from oversight.engine.control import PendingChange, Setting
from oversight.engine.limits import Entry
from oversight.engine.policy import Threshold
from oversight.rules.scopes import Scope
from oversight.thresholds.checks import check_policy, check_scope
from oversight.thresholds.log import ControlLog
from oversight.thresholds.values import RulesInForce, Values
from oversight.thresholds.waiting import has_lapsed

__all__ = ["InForce", "Table", "Tables"]


class InForce(NamedTuple):
    """One threshold with the entry in force in a scope, and the value that would be if no live one were."""

    threshold: Threshold
    entry: Entry
    file_value: float


@dataclass(frozen=True, slots=True)
class Table:
    """What is in force in one *scope* of *policy*; `live` are its live values and its parents', in any scope."""

    revision: int
    policy: str
    scope: Scope
    values: tuple[InForce, ...]
    live: tuple[Setting, ...]
    pending: tuple[PendingChange, ...]


class Tables:
    """Reads what is in force; safe for any number of threads."""

    def __init__(self, log: ControlLog, *, rules: Callable[[], RulesInForce]) -> None:
        self._log = log
        self._rules = rules

    def read(self, policy_name: str, scope: Scope) -> Table:
        """
        Return what is in force in *scope* of the policy (empty: the default policy).

        Raises `UnknownScopeError`, `StoreUnavailableError`.
        """
        rules, state, now_us = self._rules(), self._log.state(), self._log.now_us()
        policy = check_policy(rules, policy_name or rules.default_policy, "policy")
        check_scope(rules, policy, scope, "scope")
        is_live = Values(rules, state.values).lookup(policy.name, now_us)
        in_files = Values(rules, {}).lookup(policy.name, now_us)
        return Table(
            revision=state.revision,
            policy=policy.name,
            scope=scope,
            values=tuple(
                InForce(one, is_live(name, scope), in_files(name, scope).value)
                for name, one in sorted(policy.thresholds.items())
            ),
            live=tuple(
                one
                for _, one in sorted(state.values.items(), key=repr)
                if one.policy in policy.lineage and (one.expires_at_us is None or now_us < one.expires_at_us)
            ),
            pending=tuple(one for _, one in sorted(state.pending.items()) if not has_lapsed(one, now_us)),
        )
