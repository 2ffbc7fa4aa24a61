"""Results as JUnit XML."""

from __future__ import annotations

from xml.etree.ElementTree import parse

from oversight.rules.cases import CaseReport, CaseResult
from oversight.rules.junit import write_junit


def test_each_file_is_a_suite_and_each_case_a_test(tmp_path):
    """CI systems show what failed, where, and why, without anyone reading a log."""
    results = (
        CaseResult("a_test.yaml", 4, "first", "a", ()),
        CaseResult("a_test.yaml", 9, "second", "a", ("tier: expected x, got y", "reasons: expected [], got [A]")),
        CaseResult("b_test.yaml", 3, "third", "b", ()),
    )
    write_junit(CaseReport(results, ()), tmp_path / "report.xml")
    root = parse(tmp_path / "report.xml").getroot()  # noqa: S314 - written two lines above

    assert ("testsuites", {"tests": "3", "failures": "1", "errors": "0"}) == (root.tag, root.attrib)
    assert [("a_test.yaml", "2", "1"), ("b_test.yaml", "1", "0")] == [
        (suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root
    ]
    case = root[0][1]
    assert {"name": "second", "classname": "a", "file": "a_test.yaml", "line": "9"} == case.attrib
    assert "tier: expected x, got y; reasons: expected [], got [A]" == case[0].get("message")
    assert "a_test.yaml:9\ntier: expected x, got y\nreasons: expected [], got [A]" == case[0].text
    assert 0 == len(root[0][0])


def test_what_xml_cannot_hold_is_replaced(tmp_path):
    """One odd character in a name must not make the whole report unreadable."""
    write_junit(CaseReport((CaseResult("a", 1, "bell \x07 & <tag>", "a", ()),), ()), tmp_path / "report.xml")
    root = parse(tmp_path / "report.xml").getroot()  # noqa: S314 - written one line above

    assert "bell \N{REPLACEMENT CHARACTER} & <tag>" == root[0][0].get("name")
