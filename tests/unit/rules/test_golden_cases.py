"""The golden cases of tests/cases: features of the language that the default policy does not use."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.rules.case_file import read_cases
from oversight.rules.cases import check_cases
from oversight.rules.load import load
from oversight.rules.source import read_folder

FOLDERS = sorted(path for path in (Path(__file__).parents[2] / "cases").iterdir() if path.is_dir())


def _golden():
    for folder in FOLDERS:
        files = read_folder(folder)
        rule_set = load(files, default_policy="contact_centre")
        for case in read_cases(files, rule_set.policies, default_policy="contact_centre"):
            yield pytest.param(rule_set, case, id=f"{folder.name}: {case.name}")


def test_the_golden_cases_are_found():
    """A wrong path would make the next test pass for nothing."""
    assert len(FOLDERS) >= 9


@pytest.mark.parametrize(("rule_set", "case"), list(_golden()))
def test_the_wanted_decision_is_made(rule_set, case):
    """These files are the language's meaning, written down; whoever changes the one must change the other."""
    report = check_cases([case], rule_set, default_policy="contact_centre", with_coverage=False)

    assert () == report.results[0].failures


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_golden_rule_matches_in_a_case(folder):
    """A rule that no case reaches says nothing about the language."""
    files = read_folder(folder)
    rule_set = load(files, default_policy="contact_centre")
    cases = read_cases(files, rule_set.policies, default_policy="contact_centre")
    report = check_cases(cases, rule_set, default_policy="contact_centre")

    assert [] == [rule.rule_id for rule in report.rules if not (rule.matched and rule.not_matched)]
