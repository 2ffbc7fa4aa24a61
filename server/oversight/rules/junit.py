"""The results of cases as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

from oversight.rules.cases import CaseReport

__all__ = ["write_junit"]

# What XML 1.0 (section 2.2) cannot hold, in text that YAML can.
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(report: CaseReport, path: Path) -> None:
    """Write *report* to *path*, one suite a case file; raises OSError where it cannot be written."""
    root = Element("testsuites", tests=str(len(report.results)), failures=str(len(report.failed)), errors="0")
    for file, group in groupby(report.results, key=lambda result: result.file):
        results = list(group)
        failed = sum(not result.passed for result in results)
        suite = SubElement(
            root, "testsuite", name=_text(file), tests=str(len(results)), failures=str(failed), errors="0"
        )
        for result in results:
            names = {
                "name": _text(result.name),
                "classname": result.policy,
                "file": _text(file),
                "line": str(result.line),
            }
            case = SubElement(suite, "testcase", names)
            if result.failures:
                failure = SubElement(case, "failure", message=_text("; ".join(result.failures)))
                failure.text = _text("\n".join([f"{file}:{result.line}", *result.failures]))
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
