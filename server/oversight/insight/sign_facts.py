"""What the tests of the signs look at, gathered from the evidence in one pass."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from oversight.durations import DAY_US, HOUR_US
from oversight.feedback.facts import Verdict
from oversight.insight.places import Place
from oversight.insight.values import add_moments
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, EvidenceRow, FactSums, Moments, Split

__all__ = [
    "RECENT_DAYS",
    "REVIEW_DAYS",
    "WINDOW_DAYS",
    "Counts",
    "PlaceRows",
    "SignFacts",
    "gather",
    "sum_days",
]


WINDOW_DAYS = 91
"""Thirteen weeks: whatever is older is in no test."""

RECENT_DAYS = 14
BEFORE_DAYS = 28
REVIEW_DAYS = 28

_ESCALATION_DAYS = 5
"""
Days after a contact until it is known of nearly every one that did not go to a person, too.

That it went to one is told at once: among younger contacts the bad news comes first, and would look like a rise.
Simulated, constant 2 %, told otherwise 2 to 7 days later, 1,000 a day: false alarms on 100 % of days with none left
out, on 24 % with three, on 2 % with five, on 1 % with seven. A rise from 2 to 6 % among 125 a day is found after a
median of 4, 8, 10 and 12 days.
"""

_BY_INTENT = (Split.TENANT, Split.DEPARTMENT, Split.INTENT)
_BY_DEPARTMENT = (Split.TENANT, Split.DEPARTMENT)
_DONE = frozenset({Verdict.APPROVED, Verdict.EDITED_MINOR, Verdict.EDITED_MAJOR, Verdict.REJECTED, Verdict.TAKEN_OVER})
_APPROVED = frozenset({Verdict.APPROVED, Verdict.EDITED_MINOR})


class Counts(NamedTuple):
    """Events among n."""

    events: int = 0
    n: int = 0


_NONE = Counts()


@dataclass(slots=True)
class PlaceRows:
    """
    What rows say about one place.

    `repeat_times_us` and `repeats` are contacts of which it is known whether the customer came back, in any order. Of
    reviews and audits whose time was over within the window: was it done, and in which hour was it decided. Of reviews
    that were done: how many, how many were approved, how long they took. Seeded errors and how many were not approved.
    `recent` and `before` count unexpected escalations of the 14 days that end five days ago, and of the 28 before.
    """

    repeat_times_us: array[int] = field(default_factory=lambda: array("q"))
    repeats: bytearray = field(default_factory=bytearray)
    done: bytearray = field(default_factory=bytearray)
    due_hours: array[int] = field(default_factory=lambda: array("q"))
    reviews: int = 0
    approved: int = 0
    review_times_s: array[float] = field(default_factory=lambda: array("d"))
    planted: int = 0
    caught: int = 0
    recent: Counts = _NONE
    before: Counts = _NONE

    def add(self, other: PlaceRows) -> None:
        """Add what is known of *other*, but for repeat contacts and escalations, which are not summed up."""
        self.done += other.done
        self.due_hours += other.due_hours
        self.reviews += other.reviews
        self.approved += other.approved
        self.review_times_s += other.review_times_s
        self.planted += other.planted
        self.caught += other.caught


@dataclass(slots=True)
class SignFacts:
    """
    Everything that the tests of one day look at but for error rates.

    `days` has the facts of each intent by day, counted from 1970; `rows` what rows say of each intent, `rules` of each
    rule. `loads` are the decisions of each department by hour.
    """

    day: int
    days: Mapping[Place, Mapping[int, FactSums]]
    rows: Mapping[Place, PlaceRows]
    rules: Mapping[Place, PlaceRows]
    loads: Mapping[Place, Mapping[int, int]]

    def departments(self) -> dict[Place, list[Place]]:
        """Return the intents of each department, in order."""
        found: dict[Place, list[Place]] = {}
        for place in sorted({*self.days, *self.rows}):
            found.setdefault(place.whole, []).append(place)
        return found


def gather(reader: EvidenceReader, day: int) -> SignFacts:
    """
    Return what is known before *day* (counted from 1970, UTC), of the 91 days before it.

    One pass over the rows; what is kept of each are a few numbers. Raises `StoreUnavailableError`.
    """
    wanted = CellFilter(since_us=(day - WINDOW_DAYS) * DAY_US, until_us=day * DAY_US)
    days: defaultdict[Place, dict[int, FactSums]] = defaultdict(dict)
    for sums in reader.fact_sums(wanted, _BY_INTENT, by_day=True):
        if sums.day is not None:
            days[_place(sums.cell)][sums.day] = sums
    rows: defaultdict[Place, PlaceRows] = defaultdict(PlaceRows)
    rules: defaultdict[Place, PlaceRows] = defaultdict(PlaceRows)
    for row in reader.rows(wanted):
        place = _place(row.cell)
        _note(rows[place], row, day)
        if row.rule_id:
            _note_escalation(rules[Place(place.tenant_id, place.department, None, row.rule_id)], row, day)
    loads: defaultdict[Place, dict[int, int]] = defaultdict(dict)
    reviewed = wanted._replace(since_us=(day - REVIEW_DAYS) * DAY_US)
    for one in reader.hours(reviewed, _BY_DEPARTMENT):
        loads[Place(one.cell.tenant_id or "", one.cell.department or "")][one.hour] = one.decisions
    return SignFacts(day, days, rows, rules, loads)


def sum_days(days: Mapping[int, FactSums], since: int, until: int) -> tuple[Moments, Moments]:
    """Return the scores of what the AI handled, and of what people handled, from day *since* to before *until*."""
    chosen = [days[day] for day in range(since, until) if day in days]
    return add_moments(one.csat_ai for one in chosen), add_moments(one.csat_human for one in chosen)


def _place(cell: Cell) -> Place:
    return Place(cell.tenant_id or "", cell.department or "", cell.intent or "")


def _age_days(row: EvidenceRow, day: int) -> int:
    """Return how many days before *day* the decision was made, from 1."""
    return day - row.decided_at_us // DAY_US


def _note(kept: PlaceRows, row: EvidenceRow, day: int) -> None:
    if row.repeat_contact is not None:
        kept.repeat_times_us.append(row.decided_at_us)
        kept.repeats.append(row.repeat_contact)
    _note_escalation(kept, row, day)
    if _age_days(row, day) > REVIEW_DAYS:
        return
    kept.planted += row.planted
    kept.caught += row.caught
    if row.due_at_us is None or row.due_at_us >= day * DAY_US:
        return
    # Who took the conversation over has looked, also where that says nothing of the draft.
    kept.done.append(row.loss is not None or row.verdict in _DONE)
    kept.due_hours.append(row.decided_at_us // HOUR_US)
    if row.verdict in _DONE:
        kept.reviews += 1
        kept.approved += row.verdict in _APPROVED
        if row.review_time_s is not None:
            kept.review_times_s.append(row.review_time_s)


def _note_escalation(kept: PlaceRows, row: EvidenceRow, day: int) -> None:
    if row.unexpected is None:
        return
    age = _age_days(row, day) - _ESCALATION_DAYS
    if age <= 0:
        return
    if age <= RECENT_DAYS:
        kept.recent = Counts(kept.recent.events + row.unexpected, kept.recent.n + 1)
    elif age <= RECENT_DAYS + BEFORE_DAYS:
        kept.before = Counts(kept.before.events + row.unexpected, kept.before.n + 1)
