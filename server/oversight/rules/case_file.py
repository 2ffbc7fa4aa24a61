"""Case files: read and checked against the policies they are about, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oversight.engine.policy import Policy
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import LiveValue, Stop
from oversight.rules.case_documents import CaseDocument, CaseFileDocument, ExpectDocument
from oversight.rules.case_request import read_request
from oversight.rules.document import read_document
from oversight.rules.report import Report
from oversight.rules.source import CASE_SUFFIX, RuleFiles
from oversight.rules.suggest import suggest
from oversight.rules.wording import phrase_out_of_bounds
from oversight.rules.yaml_tree import Entries, read_tree

__all__ = ["Case", "read_cases"]

DEFAULT_DECIDED_AT_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, the time of a decision where a case gives none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to run: `policy` is the policy under test, `file` and `line` say where it is written."""

    file: str
    line: int
    name: str
    policy: str
    request: Request
    facts: ServerFacts
    live: tuple[LiveValue, ...]
    stops: tuple[Stop, ...]
    expect: ExpectDocument


def read_cases(files: RuleFiles, policies: Mapping[str, Policy], *, default_policy: str) -> tuple[Case, ...]:
    """
    Return the cases of every case file in *files*, by file and line.

    A request of a case that names no department gets the one that picks the policy under test. Raises
    `InvalidPolicyError` with every problem of every case file.
    """
    report = Report()
    cases: list[Case] = []
    for file in sorted(name for name in files.files if name.endswith(CASE_SUFFIX)):
        tree = read_tree(file, files.files[file], report, empty_in=frozenset({"defaults", "request"}))
        document = read_document(CaseFileDocument, tree, file, report) if tree is not None else None
        if document is not None:
            cases.extend(_CaseReader(file, document, policies, default_policy, report).read())
    report.raise_errors()
    return tuple(cases)


class _CaseReader:
    def __init__(
        self, file: str, document: CaseFileDocument, policies: Mapping[str, Policy], default_policy: str, report: Report
    ) -> None:
        self._file = file
        self._document = document
        self._policies = policies
        self._default_policy = default_policy
        self._report = report

    def read(self) -> list[Case]:
        """Return the cases of the file."""
        document = self._document
        if document.policy not in self._policies:
            message = f"no file declares the policy '{document.policy}' that these cases are about"
            self._report.error(self._file, document.place("policy"), message, suggest(document.policy, self._policies))
            return []
        names: dict[str, int] = {}
        for case in document.cases:
            line = case.place("name").line
            if case.name in names:
                message = f"there is a case of this name in line {names[case.name]} already; say what differs"
                self._report.error(self._file, case.place("name"), message)
            names[case.name] = line
        return [self._case(case) for case in document.cases]

    def _case(self, case: CaseDocument) -> Case:
        decided_at_us = DEFAULT_DECIDED_AT_US if case.decided_at is None else case.decided_at
        parts: tuple[Entries, ...] = (self._document.defaults, case.request)
        request = read_request(parts, decided_at_us, self._file, self._report)
        if self._document.policy != self._default_policy and not any("department" in part for part in parts):
            request = request._replace(department=self._document.policy)
        server = case.server
        return Case(
            file=self._file,
            line=case.place("name").line,
            name=case.name,
            policy=self._document.policy,
            request=request,
            facts=ServerFacts(
                server.labelled_outcomes, server.policy_age_s, server.threshold_age_s, server.record_unavailable
            ),
            live=self._live(case),
            stops=tuple(Stop(stop.department, stop.intent) for stop in case.stops),
            expect=case.expect,
        )

    def _live(self, case: CaseDocument) -> tuple[LiveValue, ...]:
        thresholds = self._policies[self._document.policy].thresholds
        live = []
        for name, value in case.thresholds.items():
            threshold = thresholds.get(name)
            place = case.place("thresholds")
            if threshold is None:
                message = f"'{self._document.policy}' has no threshold '{name}'"
                self._report.error(self._file, place, message, suggest(name, thresholds))
            elif not threshold.minimum <= value <= threshold.maximum:
                message = phrase_out_of_bounds(name, value, threshold.minimum, threshold.maximum)
                self._report.error(self._file, place, message)
            else:
                live.append(LiveValue(self._document.policy, name, value))
        return tuple(live)
