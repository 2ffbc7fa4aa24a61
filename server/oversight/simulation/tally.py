"""What a simulation knows at its end: the truth beside what the service says, and when each sign was found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from oversight.feedback.signs import Sign
from oversight.simulation.scenario import Scenario
from oversight_client.enums import Tier
from oversight_client.fields import OutcomeFields

__all__ = ["FoundSign", "RateBesideTruth", "SaidRate", "Tally", "Told"]

WINDOW_DAYS = 90
"""Days that the service's error rate is about."""

_PER = 3_000
_FACTS: Mapping[Sign, str] = {
    Sign.CSAT_FALLS: "csat",
    Sign.REPEAT_CONTACT_RISES: "repeat_contact",
    Sign.UNEXPECTED_ESCALATIONS: "escalated",
    Sign.REVIEWS_SKIPPED: "verdict",
    Sign.ERROR_RATE_UNKNOWN: "verdict",
}
"""The fact that each sign is about: only outcomes with it count towards finding it."""


class Told(NamedTuple):
    """A warning that the service has found in a day's test; `intent` and `rule_id` are None where it is about none."""

    sign: Sign
    intent: str | None
    rule_id: str | None
    state: str
    message: str


class SaidRate(NamedTuple):
    """What the service says about the error rate of one tier; `rate` is None without labels."""

    rate: float | None
    low: float
    high: float
    n: int
    state: str


@dataclass(frozen=True, slots=True)
class RateBesideTruth:
    """The true error rate of a tier (0..1), and what the service says about it; `covered`: the truth is between."""

    tier: str
    decisions: int
    true_rate: float | None
    said: SaidRate

    @property
    def covered(self) -> bool | None:
        """Whether the interval has the truth in it; None where there were no decisions."""
        return None if self.true_rate is None else self.said.low <= self.true_rate <= self.said.high


@dataclass(frozen=True, slots=True)
class FoundSign:
    """
    The first time that a sign was found in one place after the warm-up.

    `day` counts from 0 and is the last day that was looked at. `expected`: the scenario says so. `outcomes` with its
    fact had been reported by then of what was decided since the first change, None where nothing has changed.
    """

    sign: Sign
    intent: str | None
    rule_id: str | None
    state: str
    message: str
    day: int
    expected: bool
    outcomes: int | None


class Tally:
    """Counts while a simulation runs; one thread adds."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._intents = {one.intent for one in scenario.intents}
        self._drafts: Counter[tuple[int, Tier]] = Counter()
        self._wrong: Counter[tuple[int, Tier]] = Counter()
        self._facts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._found: dict[tuple[Sign, str | None, str | None], FoundSign] = {}
        self.messages = 0
        self.outcomes = 0
        self.outcomes_after_warm_up = 0

    def add_decision(self, day: int, tier: Tier, *, wrong: bool) -> None:
        """Count one decision, and whether its draft was wrong."""
        self.messages += 1
        self._drafts[day, tier] += 1
        self._wrong[day, tier] += wrong

    def add_outcome(self, day: int, decided_day: int, intent: str, outcome: OutcomeFields) -> None:
        """Count one outcome that is reported on *day*."""
        self.outcomes += 1
        self.outcomes_after_warm_up += day >= self._scenario.warm_up_days
        onset = self._scenario.onset_day
        if onset is not None and decided_day >= onset:
            for fact in outcome:
                self._facts[intent, fact] += 1

    def add_warnings(self, day: int, told: Iterable[Told]) -> None:
        """Note what was found after *day*, the last day that was looked at."""
        if day < self._scenario.warm_up_days:
            return
        for one in told:
            key = (one.sign, one.intent, one.rule_id)
            if key not in self._found:
                expected = self._is_expected(day, one)
                self._found[key] = FoundSign(*one, day, expected, self._outcomes_of(one))

    @property
    def found(self) -> tuple[FoundSign, ...]:
        """What was found, in the order of days."""
        return tuple(sorted(self._found.values(), key=lambda one: (one.day, one.sign, one.intent or "")))

    @property
    def missed(self) -> tuple[Sign, ...]:
        """Signs that ought to have been found and were not."""
        found = {one.sign for one in self._found.values() if one.expected}
        return tuple(sorted(self._scenario.expected_signs - found))

    @property
    def false_alarms(self) -> int:
        """How often something was found that the scenario does not have."""
        return sum(not one.expected for one in self._found.values())

    @property
    def false_alarms_per_3000(self) -> float | None:
        """False alarms per 3,000 outcomes after the warm-up; None where there were none."""
        return self.false_alarms * _PER / self.outcomes_after_warm_up if self.outcomes_after_warm_up else None

    def beside_truth(self, tier: Tier, said: SaidRate) -> RateBesideTruth:
        """Return the true error rate of what was decided at *tier* in the last 90 days, with what was *said* of it."""
        days = range(max(0, self._scenario.days - WINDOW_DAYS), self._scenario.days)
        drafts = sum(self._drafts[day, tier] for day in days)
        wrong = sum(self._wrong[day, tier] for day in days)
        return RateBesideTruth(str(tier), drafts, wrong / drafts if drafts else None, said)

    def _is_expected(self, day: int, told: Told) -> bool:
        onset = self._scenario.onset_day
        if onset is None or day < onset or told.sign not in self._scenario.expected_signs:
            return False
        changed = {intent for change in self._scenario.changes for intent in (change.intents or self._intents)}
        return told.intent is None or told.intent in changed

    def _outcomes_of(self, told: Told) -> int | None:
        if self._scenario.onset_day is None:
            return None
        fact = _FACTS[told.sign]
        intents = self._intents if told.intent is None else {told.intent}
        return sum(self._facts[intent, fact] for intent in intents)
