"""Rule files checked as the server does before it publishes them; nothing is published."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.errors import InvalidPolicyError, Problem
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.policy_versions import PolicyName

__all__ = ["CheckedFiles", "check_source"]


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """
    What a check of rule files found.

    Where they compile, `digest` is theirs, without live values and stops, and `problems` are warnings; else `digest` is
    empty and `problems` are the errors, by file and line. There may be more than `problems`: `count` in all.
    """

    digest: str
    policies: tuple[PolicyName, ...]
    problems: tuple[Problem, ...]
    count: int


def check_source(source: SnapshotSource, *, most: int) -> CheckedFiles:
    """Return what is wrong with the files of *source* and with the cases among them: the first *most* problems."""
    # As in `policies`: whoever never checks files need not hold what reading YAML takes.
    from oversight.rules.case_file import read_cases
    from oversight.rules.source import RuleFiles

    try:
        blueprint, rules = compile_source(source)
        read_cases(RuleFiles(source.files), rules.policies, default_policy=source.default_policy)
    except InvalidPolicyError as error:
        return CheckedFiles("", (), error.problems[:most], len(error.problems))
    names = sorted(PolicyName(policy.name, policy.version) for policy in rules.policies.values())
    digest = assemble_source(source, blueprint).digest
    return CheckedFiles(digest, tuple(names), rules.warnings[:most], len(rules.warnings))
