"""Runs the cases beside the rules with the engine that decides in production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.identity import Keys
from oversight.engine.snapshot import assemble
from oversight.rules.case_documents import ExpectDocument
from oversight.rules.case_file import Case, read_cases
from oversight.rules.coverage import CoverageCounter, RuleCoverage
from oversight.rules.load import RuleSet
from oversight.rules.source import RuleFiles

__all__ = ["CaseReport", "CaseResult", "check_cases", "run_cases"]

# Cases never look at ids or at the audit sample, which are all that keys decide.
_KEYS = Keys(id_key=bytes(32), audit_key=bytes(32), audit_key_id="cases")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case; `failures` says in words what was expected and what came, and is empty where all held."""

    file: str
    line: int
    name: str
    policy: str
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that the case expects held."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class CaseReport:
    """The results of all cases, by file and line, and what they covered, by policy and rule."""

    results: tuple[CaseResult, ...]
    rules: tuple[RuleCoverage, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that did not hold."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def coverage(self) -> float:
        """
        Share, in 0..1, of the ways that rules and comparisons can go which a case has gone.

        A rule can match or not, a comparison be true or false: two ways each. 1 where there are no rules.
        """
        met, all_ways = (sum(numbers) for numbers in zip(*(rule.tried for rule in self.rules), (0, 0), strict=True))
        return met / all_ways if all_ways else 1.0

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Every rule and comparison that no case tried both ways, in words."""
        lines = []
        for rule in self.rules:
            where = f"{rule.place}: rule '{rule.rule_id}'"
            if not rule.matched and not rule.not_matched:
                lines.append(f"{where} is tried by no case")
                continue
            lines += [f"{where} never matches in a case"] if not rule.matched else []
            lines += [f"{where} matches in every case"] if not rule.not_matched else []
            for one in rule.comparisons:
                lines += [f"{where}: '{one.text}' is never true in a case"] if not one.hit else []
                lines += [f"{where}: '{one.text}' is never false in a case"] if not one.missed else []
        return tuple(lines)


def run_cases(files: RuleFiles, rule_set: RuleSet, *, default_policy: str) -> CaseReport:
    """
    Run every case file in *files* against *rule_set*.

    Raises `InvalidPolicyError` with every problem of the case files themselves.
    """
    cases = read_cases(files, rule_set.policies, default_policy=default_policy)
    return check_cases(cases, rule_set, default_policy=default_policy)


def check_cases(
    cases: Sequence[Case], rule_set: RuleSet, *, default_policy: str, with_coverage: bool = True
) -> CaseReport:
    """Decide *cases* against *rule_set* and compare with what they expect."""
    blueprint = compile_policies(rule_set.policies)
    plain = assemble(blueprint, default_policy=default_policy)
    counter = CoverageCounter(rule_set.policies) if with_coverage else None
    results = []
    for case in cases:
        snapshot = plain
        if case.live or case.stops:
            snapshot = assemble(blueprint, default_policy=default_policy, live=case.live, stops=case.stops)
        decision = decide(snapshot, case.request, case.facts, _KEYS)
        if counter is not None:
            counter.count(decision.policy, snapshot, case.request, case.facts)
        failures = tuple(_compare(case.expect, decision))
        results.append(CaseResult(case.file, case.line, case.name, case.policy, failures))
    return CaseReport(tuple(results), counter.rules() if counter is not None else ())


def _compare(expect: ExpectDocument, decision: Decision) -> list[str]:
    got: dict[str, str | list[str]] = {
        "tier": decision.tier.name.lower(),
        "escalation": decision.escalation.name.lower(),
        "reasons": [reason.code for reason in decision.reasons],
        "shadow_reasons": [reason.code for reason in decision.shadow_reasons],
        "missing_signals": list(decision.missing_signals),
        "evaluation": decision.evaluation.name.lower(),
    }
    failures = []
    for name, value in got.items():
        wanted = getattr(expect, name)
        if wanted is not None and wanted != value:
            failures.append(f"{name}: expected {_show(wanted)}, got {_show(value)}")
    return failures


def _show(value: str | list[str]) -> str:
    return value if isinstance(value, str) else f"[{', '.join(value)}]"
