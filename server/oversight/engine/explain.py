"""The evaluation of every rule, for people: what it saw, what it compared with, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from oversight.engine import policy as documents
from oversight.engine.conditions import checks, normal_form, parts_of
from oversight.engine.decide import program_for
from oversight.engine.decision import Comparison
from oversight.engine.expressions import LANGUAGES_SOURCE, signal_of
from oversight.engine.limits import Slot, shift
from oversight.engine.policy import Check, Condition, Literal, Policy, Rule, ThresholdRef
from oversight.engine.request import Request, ServerFacts
from oversight.engine.runtime import attribute, choice_name, observe, primary
from oversight.engine.snapshot import Snapshot

__all__ = ["RuleEvaluation", "RuleOutcome", "explain"]


class RuleOutcome(IntEnum):
    """What became of one rule; numbered like the API's enum."""

    MATCHED = 1
    NOT_MATCHED = 2
    UNKNOWN = 3
    FAILED = 4
    INACTIVE = 5


class RuleEvaluation(NamedTuple):
    """One rule's evaluation: every comparison in its condition with the value seen, matched or not."""

    rule_id: str
    outcome: RuleOutcome
    comparisons: tuple[Comparison, ...]
    shadow: bool


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "below": lambda seen, limit: seen < limit,
    "at_most": lambda seen, limit: seen <= limit,
    "above": lambda seen, limit: seen > limit,
    "at_least": lambda seen, limit: seen >= limit,
    "equals": lambda seen, limit: seen == limit,
    "not_equals": lambda seen, limit: seen != limit,
    "in": lambda seen, limit: seen in limit,
    "not_in": lambda seen, limit: seen not in limit,
    "starts_with": lambda seen, limit: seen.startswith(limit),
    "not_starts_with": lambda seen, limit: not seen.startswith(limit),
    "contains": lambda seen, limit: limit in seen,
    "not_contains": lambda seen, limit: limit not in seen,
    "contains_any": lambda seen, limit: any(one in seen for one in limit),
    "not_contains_any": lambda seen, limit: not any(one in seen for one in limit),
}


def explain(policy: Policy, snapshot: Snapshot, request: Request, facts: ServerFacts) -> tuple[RuleEvaluation, ...]:
    """
    Return the evaluation of every rule of *policy*, by id.

    *snapshot* is the one that decided, compiled from the same documents. Slow and obvious where `decide` is fast; a
    test holds the two together.
    """
    reader = _Reader(policy, snapshot, request, facts)
    return tuple(reader.rule(rule) for rule in sorted(policy.rules, key=lambda rule: rule.id))


class _Reader:
    """Evaluates rules of one policy for one request."""

    def __init__(self, policy: Policy, snapshot: Snapshot, request: Request, facts: ServerFacts) -> None:
        self._policy, self._request, self._facts = policy, request, facts
        self._limits = program_for(snapshot, request).limits

    def rule(self, rule: Rule) -> RuleEvaluation:
        condition = normal_form(rule.when)
        now = self._request.decided_at_us
        if (rule.since_us is not None and now < rule.since_us) or (rule.until_us is not None and now >= rule.until_us):
            return RuleEvaluation(rule.id, RuleOutcome.INACTIVE, (), rule.shadow)
        comparisons = tuple(self._compare(check) for check in checks(condition))
        try:
            for check in checks(condition):
                self._check_type(check)
            truth = self._truth(condition)
        except TypeError:
            return RuleEvaluation(rule.id, RuleOutcome.FAILED, comparisons, rule.shadow)
        outcome = {True: RuleOutcome.MATCHED, False: RuleOutcome.NOT_MATCHED, None: RuleOutcome.UNKNOWN}[truth]
        return RuleEvaluation(rule.id, outcome, comparisons, rule.shadow)

    def _truth(self, condition: Condition) -> bool | None:
        if isinstance(condition, Check):
            return self._check(condition)
        truths = {self._truth(part) for part in parts_of(condition)}
        decisive = isinstance(condition, documents.Any)
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive

    def _check(self, check: Check) -> bool | None:
        seen = observe(check.signal, self._request, self._facts)
        limit, _ = self._limit(check)
        if check.operator == "present":
            return (seen is not None) is bool(limit)
        if seen is None:
            return None
        if isinstance(check.operand, documents.SupportedLanguages):
            seen = primary(seen)
        return bool(_OPERATORS[check.operator](choice_name(check.signal, seen), limit))

    def _check_type(self, check: Check) -> None:
        name = check.signal.removeprefix("attributes.")
        if name != check.signal:
            attribute(self._request.attributes, name, self._policy.attributes[name])

    def _limit(self, check: Check) -> tuple[Any, str]:
        match check.operand:
            case Literal(value):
                return value, "literal"
            case ThresholdRef(name, offset):
                signal = signal_of(self._policy, check.signal)
                slot = Slot(name, offset, signal.low, signal.high, whole=signal.kind == "count")
                request = self._request
                entry = self._limits.value(name, request.intent, request.department, request.currency)
                return shift(entry.value, slot), entry.describe(slot.label)
            case _:
                return tuple(sorted(self._policy.supported_languages or ())), LANGUAGES_SOURCE

    def _compare(self, check: Check) -> Comparison:
        seen = choice_name(check.signal, observe(check.signal, self._request, self._facts))
        limit, source = self._limit(check)
        return Comparison(check.signal, seen, check.operator, limit, source)
