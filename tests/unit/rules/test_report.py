"""The collection of problems."""

from __future__ import annotations

import pytest

from oversight.errors import InvalidPolicyError
from oversight.rules.report import NOWHERE, Place, Report


def test_every_error_is_raised_together_by_file_and_line():
    """Being told one error a run is what makes people give up."""
    report = Report()
    report.error("b.yaml", Place(1, 1), "third")
    report.error("a.yaml", Place(10, 1), "second")
    report.error("a.yaml", Place(9, 4), "first", "meant")

    with pytest.raises(InvalidPolicyError) as caught:
        report.raise_errors()

    assert "a.yaml:9:4: first (did you mean 'meant'?)\na.yaml:10:1: second\nb.yaml:1:1: third" == str(caught.value)


def test_a_problem_found_twice_is_told_once():
    """The same rule reached by two ways has one mistake."""
    report = Report()
    report.error("a.yaml", NOWHERE, "wrong")
    report.extend(report.errors)
    report.error("a.yaml", NOWHERE, "wrong")

    assert 1 == len(report.errors)


def test_warnings_do_not_refuse_a_set():
    """A warning is for the author's eyes; it must never take a policy out of service."""
    report = Report()
    report.warn("a.yaml", NOWHERE, "unused")
    report.raise_errors()

    assert ["a.yaml: unused"] == [str(problem) for problem in report.warnings]
