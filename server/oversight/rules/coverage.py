"""Which rules and comparisons a set of cases has tried, and both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from oversight.engine.conditions import checks, normal_form
from oversight.engine.explain import RuleOutcome, explain
from oversight.engine.policy import Check, Literal, Policy, Rule, ThresholdRef
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Snapshot

__all__ = ["ComparisonCoverage", "CoverageCounter", "RuleCoverage"]

_MAX_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ComparisonCoverage:
    """One comparison of a rule: whether a case made it true, and one made it false (absent is neither)."""

    text: str
    hit: bool
    missed: bool


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """One rule: whether a case matched it, and one did not; `place` is its `file:line`."""

    policy: str
    rule_id: str
    place: str
    matched: bool
    not_matched: bool
    comparisons: tuple[ComparisonCoverage, ...]

    @property
    def complete(self) -> bool:
        """Whether the rule and each of its comparisons went both ways."""
        return self.matched and self.not_matched and all(one.hit and one.missed for one in self.comparisons)

    @property
    def tried(self) -> tuple[int, int]:
        """How many of the ways that the rule and its comparisons can go were met, and how many there are."""
        ways = [self.matched, self.not_matched]
        ways += [way for one in self.comparisons for way in (one.hit, one.missed)]
        return sum(ways), len(ways)


class CoverageCounter:
    """
    Counts what cases try.

    Each comparison is evaluated as a rule of its own, by the engine's own `explain`: so that there is no second
    opinion on what a comparison means.
    """

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        self._leaves = {
            (rule.policy, rule.id): tuple(dict.fromkeys(checks(normal_form(rule.when))))
            for policy in policies.values()
            for rule in policy.rules
        }
        self._rules = {(rule.policy, rule.id): rule for policy in policies.values() for rule in policy.rules}
        self._probes = {name: self._probe(policy) for name, policy in policies.items()}
        self._seen: set[tuple[tuple[str, str], int, RuleOutcome]] = set()

    def _probe(self, policy: Policy) -> tuple[Policy, dict[str, tuple[tuple[str, str], int]]]:
        """Return *policy* with every rule and comparison as a rule of its own, and what each of those stands for."""
        rules: list[Rule] = []
        meaning: dict[str, tuple[tuple[str, str], int]] = {}
        for rule in policy.rules:
            key = (rule.policy, rule.id)
            for number, condition in enumerate((rule.when, *self._leaves[key])):
                probe = f"{rule.id}.{number}"
                rules.append(replace(rule, id=probe, when=condition))
                meaning[probe] = (key, number)
        return replace(policy, rules=tuple(rules)), meaning

    def count(self, policy: str, snapshot: Snapshot, request: Request, facts: ServerFacts) -> None:
        """Count one request that *policy* decides."""
        probe, meaning = self._probes[policy]
        for evaluation in explain(probe, snapshot, request, facts):
            key, number = meaning[evaluation.rule_id]
            self._seen.add((key, number, evaluation.outcome))

    def rules(self) -> tuple[RuleCoverage, ...]:
        """Return the coverage of every rule, by policy and rule id."""
        found = []
        for key in sorted(self._rules):
            comparisons = tuple(
                ComparisonCoverage(
                    describe_check(check),
                    hit=(key, number, RuleOutcome.MATCHED) in self._seen,
                    missed=(key, number, RuleOutcome.NOT_MATCHED) in self._seen,
                )
                for number, check in enumerate(self._leaves[key], start=1)
            )
            others = set(RuleOutcome) - {RuleOutcome.MATCHED}
            found.append(
                RuleCoverage(
                    *key,
                    self._rules[key].place,
                    matched=(key, 0, RuleOutcome.MATCHED) in self._seen,
                    not_matched=any((key, 0, outcome) in self._seen for outcome in others),
                    comparisons=comparisons,
                )
            )
        return tuple(found)


def describe_check(check: Check) -> str:
    """Return a comparison in words: `response_confidence below $autonomy_confidence+0.05`."""
    match check.operand:
        case Literal(value) if isinstance(value, tuple):
            shown = [str(one) for one in value[:_MAX_SHOWN]]
            more = len(value) - len(shown)
            limit = f"[{', '.join([*shown, f'{more} more'] if more else shown)}]"
        case Literal(value):
            limit = str(value).lower() if isinstance(value, bool) else str(value)
        case ThresholdRef(name, offset):
            limit = f"${name}{f'{offset:+g}' if offset else ''}"
        case _:
            limit = "$supported_languages"
    return f"{check.signal} {check.operator} {limit}"
