"""From what was reported of returning customers to the sign: contacts are compared with contacts of the same window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from contract.evidence_world import START_US, make_decision
from contract.samples import an_id
from evidence_store import EvidenceStore
from oversight.durations import DAY_US, HOUR_US
from oversight.feedback.signs import Finding, Sign, State
from oversight.insight.sign_tests import find_signs
from oversight.storage.outcome import Outcome
from oversight.storage.records import OutcomeRecord
from oversight.storage.sqlite import file_url

DAYS, A_DAY = 60, 40
DAY_M = 24 * 60


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EvidenceStore]:
    made = EvidenceStore(file_url(tmp_path / "records.db"))
    yield made
    made.close()


def the_finding(world: EvidenceStore, rates: list[float], windows_h: list[int | None]) -> Finding:
    """Return the sign when the last day is over; each day's *rates* came back within that day's *windows_h*."""
    random = Random(7)  # noqa: S311 - to be repeatable
    today = START_US // DAY_US + DAYS + 1
    decisions, outcomes = [], []
    for number in range(DAYS * A_DAY):
        day = number // A_DAY
        decision = make_decision(number, minute=day * DAY_M + number % A_DAY, intent="refund")
        decisions.append(decision)
        window_us = (windows_h[day] or 168) * HOUR_US
        came_back = random.random() < rates[day]
        told_us = decision.decided_at_us + (round(random.random() * window_us) if came_back else window_us)
        if told_us < today * DAY_US:
            facts = Outcome(f"{number}", an_id(number), repeat_contact=came_back, repeat_window_h=windows_h[day])
            outcomes.append(OutcomeRecord(facts, told_us, "desk"))
    world.add(decisions, outcomes)
    found = find_signs(world.evidence, today)
    return next(one.finding for one in found if one.finding.sign is Sign.REPEAT_CONTACT_RISES)


@pytest.mark.parametrize(
    ("rates", "windows_h", "state"),
    [
        ([0.12] * DAYS, [720] * DAYS, State.INSUFFICIENT_DATA),
        ([0.12] * 30 + [0.25] * 30, [24] * 30 + [168] * 30, State.OK),
        ([0.12] * 30 + [0.25] * 30, [24] * 30 + [None] * 30, State.OK),
        ([0.12] * DAYS, [168] * 30 + [24] * 30, State.INSUFFICIENT_DATA),
    ],
    ids=["a month", "a switch from a day", "a switch to what is absent", "a switch to a day"],
)
def test_contacts_of_different_windows_are_never_compared(
    world: EvidenceStore, rates: list[float], windows_h: list[int | None], state: State
) -> None:
    """More come back in a week than in a day, and of a month only the bad news has come after a week."""
    assert state == the_finding(world, rates, windows_h).state


@pytest.mark.parametrize(("after", "state"), [(0.12, State.OK), (0.4, State.CRITICAL)])
def test_contacts_of_a_week_are_tested_whether_it_is_said_or_not(
    world: EvidenceStore, after: float, state: State
) -> None:
    """Absent is a week."""
    assert state == the_finding(world, [0.12] * 30 + [after] * 30, [168] * 20 + [None] * 40).state
