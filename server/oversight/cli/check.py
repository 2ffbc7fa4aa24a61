"""`oversight check`: whether rule files compile, and everything that is wrong with them and with their cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from oversight.cli.options import AsJson
from oversight.cli.output import console, print_json
from oversight.cli.rule_folder import DefaultPolicy, Folder, find_default_policy, find_folder, place_problems
from oversight.errors import InvalidPolicyError, Problem
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.rules.case_file import read_cases
from oversight.rules.load import RuleSet
from oversight.rules.source import CASE_SUFFIX, read_folder

__all__ = ["run"]


def run(path: Folder = None, default_policy: DefaultPolicy = None, as_json: AsJson = False) -> None:
    """
    Check rule files as the server does: every problem with file, line and column, and what may have been meant.

    Needs no server. Exit code 1 where the server would refuse the rules, or a case beside them cannot be run.
    """
    folder = find_folder(path)
    try:
        digest, rules = _compile(folder, find_default_policy(default_policy))
    except InvalidPolicyError as error:
        problems = place_problems(error.problems, folder)
        if as_json:
            print_json({"ok": False, "folder": str(folder), "problems": [asdict(problem) for problem in problems]})
        else:
            _print_problems(problems, console())
        raise typer.Exit(1) from error
    warnings = place_problems(rules.warnings, folder)
    if as_json:
        print_json(_summary(folder, digest, rules, warnings))
    else:
        _print_ok(folder, digest, rules, warnings, console())


def _compile(folder: Path, default_policy: str) -> tuple[str, RuleSet]:
    """Return digest and rules; the digest is what `serve` would have with these files and the default settings."""
    files = read_folder(folder)
    source = SnapshotSource(files=files.files, default_policy=default_policy, commit=files.commit)
    blueprint, rules = compile_source(source)
    read_cases(files, rules.policies, default_policy=default_policy)  # the server never does: nobody else would say
    return assemble_source(source, blueprint).digest, rules


def _summary(folder: Path, digest: str, rules: RuleSet, warnings: Sequence[Problem]) -> dict[str, object]:
    policies = {
        name: {"version": policy.version, "rules": len(policy.rules), "thresholds": len(policy.thresholds)}
        for name, policy in sorted(rules.policies.items())
    }
    return {
        "ok": True,
        "folder": str(folder),
        "policies": policies,
        "rules": _count_rules(rules),
        "digest": digest,
        "warnings": [asdict(warning) for warning in warnings],
        "problems": [],
    }


def _print_problems(problems: Sequence[Problem], console: Console) -> None:
    for problem in problems:
        console.print(Text(str(problem)), soft_wrap=True)
    count = len(problems)
    only_cases = all(problem.file.endswith(CASE_SUFFIX) for problem in problems)
    verdict = "the rules would be taken, these cases cannot be run" if only_cases else "these files would be refused"
    console.print(Text(f"{count} problem{'' if count == 1 else 's'}: {verdict}", style="red"))


def _print_ok(folder: Path, digest: str, rules: RuleSet, warnings: Sequence[Problem], console: Console) -> None:
    for warning in warnings:
        console.print(Text.assemble(("warning: ", "yellow"), str(warning)), soft_wrap=True)
    names = ", ".join(sorted(rules.policies))
    console.print(Text.assemble(("ok", "bold green"), f"  {folder}: {names}"), soft_wrap=True)
    console.print(Text(f"    {_count_rules(rules)} rules, digest {digest}", style="dim"), soft_wrap=True)


def _count_rules(rules: RuleSet) -> int:
    """Return how many rules are written; an inherited one is counted where it stands."""
    return len({(rule.policy, rule.id) for policy in rules.policies.values() for rule in policy.rules})
