"""Scenario files: read as strictly as rule files, packaged ones by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from oversight.errors import InvalidPolicyError, UsageError
from oversight.feedback.signs import Sign
from oversight.rules.document import Document, read_document
from oversight.rules.report import NOWHERE, Report
from oversight.rules.suggest import suggest
from oversight.rules.yaml_tree import read_tree
from oversight.simulation.conduct import Change, Conduct

__all__ = ["IntentShare", "Scenario", "find_scenario", "packaged_scenarios", "read_scenario"]

_FOLDER = Path(__file__).parent / "scenarios"
SignName = Literal[
    "csat_falls", "repeat_contact_rises", "unexpected_escalations", "reviews_skipped", "error_rate_unknown"
]


class IntentShare(Document):
    """One intent and its share of the messages."""

    intent: str = Field(min_length=1, max_length=128)
    share: float = Field(gt=0, le=1, description="Of the messages; the shares of all intents make 1.")


class Scenario(Document):
    """A contact centre over some weeks: what is true in it, what changes, and which signs ought to be found."""

    scenario: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The scenario's name.")
    description: str = Field(min_length=1, max_length=2000, description="What happens, in a sentence or two.")
    days: int = Field(ge=1, le=1000, description="Days that are simulated.")
    warm_up_days: int = Field(ge=0, le=1000, description="First days, on which no warning counts: too little is known.")
    messages_per_day: int = Field(ge=1, le=100_000, description="Messages of an average weekday.")
    weekend: float = Field(
        0.7, ge=0, le=10, description="Messages of a Saturday or Sunday, as a multiple of a weekday."
    )
    department: str = Field("", max_length=64, description="Department of all messages; empty: none is named.")
    intents: list[IntentShare] = Field(min_length=1, max_length=100)
    audit_rate: float = Field(0.1, ge=0, le=1, description="The threshold audit_rate that is set before the first day.")
    conduct: Conduct = Field(default=Conduct(), description="What is true until something changes.")
    changes: list[Change] = Field(default=[], max_length=100, description="What changes, in this order.")
    expected: list[SignName] = Field(default=[], max_length=5, description="Signs that ought to be found.")

    @property
    def onset_day(self) -> int | None:
        """The first day on which something changes; None where nothing does."""
        return min((change.from_day for change in self.changes), default=None)

    @property
    def expected_signs(self) -> frozenset[Sign]:
        """The signs that ought to be found."""
        return frozenset(Sign(name.upper()) for name in self.expected)

    def conduct_of(self, intent: str, day: int) -> Conduct:
        """Return what is true of *intent* on *day*."""
        conduct = self.conduct
        for change in self.changes:
            if not change.intents or intent in change.intents:
                conduct = change.apply(conduct, day)
        return conduct


def packaged_scenarios() -> dict[str, Path]:
    """Return the scenarios that come with the package, by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def find_scenario(name: str) -> Path:
    """Return the file that *name* is, or the packaged scenario of that name; raise `UsageError` where there is none."""
    packaged = packaged_scenarios()
    if name in packaged:
        return packaged[name]
    path = Path(name)
    if path.is_file():
        return path
    near = suggest(name, packaged)
    raise UsageError(
        f"{name!r} is neither a file nor a scenario of the package ({', '.join(packaged)})"
        + (f"; did you mean {near}?" if near else "")
    )


def read_scenario(path: Path) -> Scenario:
    """Return the scenario in *path*; raise `InvalidPolicyError` with every problem, by line."""
    report = Report()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        report.error(str(path), NOWHERE, f"the file cannot be read as UTF-8 text: {problem}")
        raise InvalidPolicyError(report.errors) from problem
    tree = read_tree(str(path), text, report)
    scenario = read_document(Scenario, tree, str(path), report) if tree is not None else None
    if scenario is not None:
        _check(scenario, str(path), report)
    report.raise_errors()
    if scenario is None:
        raise InvalidPolicyError(report.errors)
    return scenario


def _check(scenario: Scenario, file: str, report: Report) -> None:
    total = sum(one.share for one in scenario.intents)
    if abs(total - 1) > 1e-6:
        report.error(file, scenario.place("intents"), f"the shares of the intents make {total:g}; they must make 1")
    names = [one.intent for one in scenario.intents]
    for place, one in enumerate(scenario.intents):
        if one.intent in names[:place]:
            report.error(file, one.place("intent"), f"the intent '{one.intent}' stands above already")
    for change in scenario.changes:
        for intent in change.intents:
            if intent not in names:
                message = f"the scenario has no intent '{intent}'"
                report.error(file, change.place("intents"), message, suggest(intent, names))
        if change.from_day >= scenario.days:
            report.error(file, change.place("from_day"), f"the scenario ends before day {change.from_day}")
    if scenario.warm_up_days >= scenario.days:
        report.error(file, scenario.place("warm_up_days"), "the scenario ends before its warm-up does")
