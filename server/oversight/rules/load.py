"""Rule files to checked policies: the whole set, or every problem in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oversight.engine.compile import AUDIT_RATE
from oversight.engine.policy import Policy
from oversight.errors import Problem
from oversight.rules.flatten import flatten
from oversight.rules.policy_rules import thresholds_read
from oversight.rules.policy_source import PolicySource, names_declared, order_by_extends, read_sources
from oversight.rules.report import NOWHERE, Report
from oversight.rules.source import RuleFiles
from oversight.rules.suggest import suggest

__all__ = ["RuleSet", "load"]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Checked policies by name, flat, and what their authors should look at."""

    policies: Mapping[str, Policy]
    warnings: tuple[Problem, ...] = ()


def load(files: RuleFiles, *, default_policy: str) -> RuleSet:
    """
    Return the policies in *files*, of which *default_policy* must be one; case files are not looked at.

    Raises `InvalidPolicyError` with every problem of every file, by file and line.
    """
    report = Report()
    report.extend(files.warnings)
    sources = read_sources(files.files, report)
    declared = names_declared(files.files) | sources.keys()
    policies: dict[str, Policy] = {}
    for source in order_by_extends(sources, declared, report):
        parent = source.document.extends
        if parent is None or parent in policies:
            lineage = policies[parent].lineage if parent is not None else ()
            policies[source.name] = flatten(source, tuple(policies[name] for name in lineage), report)
    _check_default(declared, default_policy, report)
    for name, policy in policies.items():
        _warn(sources[name], policy, policies, report)
    report.raise_errors()
    return RuleSet(policies, report.warnings)


def _check_default(declared: frozenset[str], default_policy: str, report: Report) -> None:
    if default_policy not in declared:
        message = f"no file declares the default policy '{default_policy}' (setting default_policy)"
        report.error("rule files", NOWHERE, message, suggest(default_policy, declared))


def _warn(source: PolicySource, policy: Policy, policies: Mapping[str, Policy], report: Report) -> None:
    if not policy.rules:
        report.warn(source.file, source.document.place("policy"), f"the policy '{policy.name}' has no rules")
    inherited = policies[policy.lineage[1]].thresholds if len(policy.lineage) > 1 else {}
    declared = source.document.thresholds.keys() - inherited.keys() - {AUDIT_RATE}
    family = [one for one in policies.values() if declared and policy.name in one.lineage]
    own_rules = (rule for one in family for rule in one.rules if rule.policy == one.name)
    read = {name for rule in own_rules for name in thresholds_read(rule.when)}
    read |= {side for one in family for c in one.constraints for side in (c.left, c.right) if isinstance(side, str)}
    for name in declared - read:
        place = source.place("thresholds", name)
        report.warn(source.file, place, f"no rule or constraint uses the threshold '{name}'")
