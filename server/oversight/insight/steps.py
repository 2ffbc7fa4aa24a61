"""One step stricter: the values that a breaker would set in one place, found and checked like any change."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from math import ceil, floor

from oversight.engine.control import Setting
from oversight.engine.policy import Policy
from oversight.errors import CallError
from oversight.feedback.breaker import Tightenable, stricter_step, tighten
from oversight.feedback.candidates import RAISE, ThresholdLimits, stricter
from oversight.feedback.signs import Finding
from oversight.insight.limits import constraint_limits
from oversight.rules.scopes import Scope
from oversight.thresholds.checks import check_outcome, check_settings
from oversight.thresholds.effects import EffectKind, find_effects, overall, spans
from oversight.thresholds.outcome import Checked
from oversight.thresholds.values import RulesInForce, Values, narrower_scopes, replace_values

__all__ = ["Steps"]

_log = logging.getLogger(__name__)


class Steps:
    """The steps of one *policy* in one *scope*, by *rules*."""

    def __init__(self, rules: RulesInForce, policy: str, scope: Scope) -> None:
        self.rules = rules
        self.policy = policy
        self.scope = scope

    def find(self, values: Values, findings: Sequence[Finding], now_us: int) -> Checked:
        """
        Return the settings that tighten each threshold of the breaker by one step, checked as a change is.

        Narrower scopes with values of their own are tightened, too: a value for a whole department would not be in
        force there, and one for an intent could be looser than what a currency had. A threshold for which that breaks a
        check, or in whose scope no decision can be, is left out and logged; those that are at their bounds already have
        none. Without *findings* an anomaly calls for the step.
        """
        checked = self._check(values, (), now_us)
        for name in sorted(self._policy.breaker.steps):
            settings = tuple(self._settings(name, values, findings, now_us))
            if not settings:
                continue
            try:
                more = self._check(values, (*checked.settings, *settings), now_us)
            except CallError as error:
                _log.warning("the breaker leaves %s of policy %s as it is: %s", name, self.policy, error)
                continue
            if overall(more.effects) is EffectKind.TIGHTENS:
                checked = more
        return checked

    @property
    def _policy(self) -> Policy:
        return self.rules.policies[self.policy]

    def _check(self, before: Values, settings: tuple[Setting, ...], now_us: int) -> Checked:
        check_settings(self.rules, settings, before.settings)
        after = Values(self.rules, replace_values(before.settings, settings))
        check_outcome(self.rules, before, after, settings, now_us)
        effects = find_effects(self.rules, before, after, settings, now_us)
        return Checked(settings, effects, needs_approval=False, before=before, after=after, rules=self.rules)

    def _settings(self, name: str, values: Values, findings: Sequence[Finding], now_us: int) -> Iterator[Setting]:
        threshold = self._policy.thresholds.get(name)
        if threshold is None:
            return
        now, *later = [values.lookup(self.policy, span.at_us) for span in spans(values, values, now_us)]
        for place in narrower_scopes([self.scope], values.scopes(self.policy, [name])):
            value = now(name, place).value
            limits = ThresholdLimits(
                threshold.minimum,
                threshold.maximum,
                threshold.tightens,
                constraint_limits(values, self._policy, name, place, now_us),
            )
            after = self._after(Tightenable(name, value, limits, self._policy.breaker.steps[name]), findings)
            if after is None or after == value:
                continue
            # What is to become stricter by itself, when a value ends, must not be held back.
            for find in later:
                after = stricter(after, find(name, place).value, threshold.tightens)
            yield Setting(self.policy, name, after, place.intent, place.department, place.currency)

    def _after(self, threshold: Tightenable, findings: Sequence[Finding]) -> float | None:
        try:
            if findings:
                steps = tighten(findings, [threshold])
                after = steps[0].after if steps else threshold.value
            else:
                after = stricter_step(threshold)
        except ValueError as error:
            _log.warning("the breaker leaves %s of policy %s as it is: %s", threshold.name, self.policy, error)
            return None
        if after % 1 and self.rules.counts(self.policy, threshold.name):
            after = float(ceil(after) if threshold.limits.tightens == RAISE else floor(after))
        return after
