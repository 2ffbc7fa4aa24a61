"""`oversight test`: the cases beside the rules, and what they cover."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.options import AsJson
from oversight.cli.output import console, percent, print_json
from oversight.cli.rule_folder import DefaultPolicy, Folder, find_default_policy, find_folder, place_problems
from oversight.errors import InvalidPolicyError, UsageError
from oversight.rules.cases import CaseReport, run_cases
from oversight.rules.coverage import RuleCoverage
from oversight.rules.junit import write_junit
from oversight.rules.load import load
from oversight.rules.source import CASE_SUFFIX, read_folder

__all__ = ["run"]


def run(
    path: Folder = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Show what each rule's cases have tried.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the results as JUnit XML.")] = None,
    default_policy: DefaultPolicy = None,
    as_json: AsJson = False,
) -> None:
    """
    Run the cases beside the rules (files named *_test.yaml) with the engine that decides in production.

    Needs no server. Exit code 1 where a case fails, where there is none, or where the files are refused.
    """
    folder = find_folder(path)
    report = _run_cases(folder, find_default_policy(default_policy))
    if junit:
        _write(report, junit)
    if as_json:
        print_json(_summary(folder, report))
    else:
        _print_report(folder, report, console())
        if coverage and report.results:
            _print_coverage(report, console())
    raise typer.Exit(1 if report.failed or not report.results else 0)


def _run_cases(folder: Path, default_policy: str) -> CaseReport:
    try:
        files = read_folder(folder)
        return run_cases(files, load(files, default_policy=default_policy), default_policy=default_policy)
    except InvalidPolicyError as error:
        raise InvalidPolicyError(place_problems(error.problems, folder)) from error


def _write(report: CaseReport, junit: Path) -> None:
    try:
        write_junit(report, junit)
    except OSError as error:
        raise UsageError(f"--junit {junit}: {error.strerror}") from error


def _summary(folder: Path, report: CaseReport) -> dict[str, object]:
    return {
        "ok": bool(report.results) and not report.failed,
        "folder": str(folder),
        "cases": len(report.results),
        "failed": [asdict(result) for result in report.failed],
        "coverage": report.coverage,
        "uncovered": list(report.uncovered),
        "rules": [{**asdict(rule), "complete": rule.complete} for rule in report.rules],
    }


def _print_report(folder: Path, report: CaseReport, console: Console) -> None:
    for result in report.failed:
        place = f"{folder / result.file}:{result.line}"
        console.print(Text.assemble(("failed ", "bold red"), f"{place}: {result.name}"), soft_wrap=True)
        for failure in result.failures:
            console.print(Text(f"    {failure}"), soft_wrap=True)
    cases, failed = len(report.results), len(report.failed)
    if not cases:
        console.print(Text(f"{folder}: there are no cases; write some beside the rules, in files named *{CASE_SUFFIX}"))
        return
    verdict = Text(f"{failed} failed", style="bold red") if failed else Text("all passed", style="bold green")
    console.print(Text.assemble(f"{cases} cases, ", verdict, f"; coverage {percent(report.coverage)}"))


def _print_coverage(report: CaseReport, console: Console) -> None:
    table = Table("Policy", "Rule", "Matched", "Not matched", "Comparisons tried both ways")
    for rule in report.rules:
        style = "" if rule.complete else "yellow"
        table.add_row(rule.policy, rule.rule_id, _tick(rule.matched), _tick(rule.not_matched), _ways(rule), style=style)
    console.print(table)
    for line in report.uncovered:
        console.print(Text(line, style="yellow"), soft_wrap=True)


def _ways(rule: RuleCoverage) -> str:
    both = sum(one.hit and one.missed for one in rule.comparisons)
    return f"{both} of {len(rule.comparisons)}"


def _tick(tried: bool) -> str:
    return "yes" if tried else "no"
