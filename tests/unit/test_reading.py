"""Reading back: store and journals together, whichever of them can be read."""

from __future__ import annotations

from typing import Any

import pytest

from contract.samples import (
    DRAFT,
    NOW_US,
    a_decision,
    a_record,
    a_request,
    an_id,
    an_outcome,
    an_outcome_record,
)
from oversight.errors import DecisionNotFoundError, RecordPendingError, StoreUnavailableError
from oversight.journal.search import Waiting
from oversight.reading import Reading
from oversight.storage.outcome import OutcomeStatus
from oversight.storage.records import StoredOutcome
from oversight.storage.waiting import decision_from_record, with_outcomes
from serving import MemoryJournals, MemoryReader


class World:
    """A reading with a store and journals in memory."""

    def __init__(self) -> None:
        self.reader = MemoryReader()
        self.journals = MemoryJournals()
        self.drained_through_us = 0
        self.reading = Reading(
            reader=self.reader,
            journals=self.journals,
            drained_through_us=lambda: self.drained_through_us,
            clock_us=lambda: NOW_US,
        )

    def store(self, number: int, *outcomes: StoredOutcome) -> None:
        found = decision_from_record(a_record(number), erased=False)
        self.reader.decisions[an_id(number)] = with_outcomes(found, outcomes)

    def statuses(self, number: int = 1) -> list[tuple[str, OutcomeStatus]]:
        found = self.reading.find(an_id(number)).stored.outcomes
        return [(one.outcome.outcome_id, one.status) for one in found]


@pytest.fixture
def world() -> World:
    return World()


def accepted(number: int, **changes: Any) -> StoredOutcome:
    return StoredOutcome(an_outcome(number)._replace(**changes), OutcomeStatus.ACCEPTED, NOW_US, "desk")


def test_what_is_in_a_journal_alone_is_found_as_the_store_will_have_it(world: World) -> None:
    """A just-made decision is on record; whoever asks at once must get it."""
    world.journals.records = [a_record(1)]

    found = world.reading.find(an_id(1)).stored

    assert (a_request(1), a_decision(1), False, ()) == (found.request, found.decision, found.erased, found.outcomes)


def test_a_journal_is_read_while_the_store_is_down(world: World) -> None:
    """An outage of the database must not hide what has just been decided."""
    world.reader.down = True
    world.journals.records = [a_record(1), an_outcome_record(1)]

    assert [("outcome-1", OutcomeStatus.ACCEPTED)] == world.statuses()
    with pytest.raises(StoreUnavailableError):
        world.reading.find(an_id(2))


def test_outcomes_in_journals_stand_beside_those_in_the_store(world: World) -> None:
    """An acknowledged outcome is on record, wherever it is by now; the same one twice is one."""
    world.store(1, accepted(1))
    world.journals.records = [an_outcome_record(1), an_outcome_record(2, decision_id=an_id(1))]

    assert [("outcome-1", OutcomeStatus.ACCEPTED), ("outcome-2", OutcomeStatus.ACCEPTED)] == world.statuses()


def test_outcomes_in_journals_are_judged_as_they_will_be(world: World) -> None:
    """Conflict and another draft are told at once, and not only when the drain has come by."""
    world.store(1, accepted(1))
    world.journals.records = [
        an_outcome_record(1, verdict=4, received_at_us=NOW_US + 1),
        an_outcome_record(2, decision_id=an_id(1), draft_sha256="cd" * 32, received_at_us=NOW_US + 2),
        an_outcome_record(
            3, decision_id=an_id(1), draft_sha256="cd" * 32, redecided_as=an_id(9), received_at_us=NOW_US + 3
        ),
        an_outcome_record(4, decision_id=an_id(1), draft_sha256=DRAFT, received_at_us=NOW_US + 4),
    ]

    assert [
        ("outcome-1", OutcomeStatus.ACCEPTED),
        ("outcome-1", OutcomeStatus.CONFLICT),
        ("outcome-2", OutcomeStatus.OTHER_DRAFT),
        ("outcome-3", OutcomeStatus.ACCEPTED),
        ("outcome-4", OutcomeStatus.ACCEPTED),
    ] == world.statuses()


def test_outcomes_that_came_before_their_decision_are_beside_it(world: World) -> None:
    """They reached the store first, the decision is still in a journal."""
    world.reader.outcomes[an_id(1)] = [accepted(1, draft_sha256="cd" * 32)]
    world.journals.records = [a_record(1), an_outcome_record(2, decision_id=an_id(1), received_at_us=NOW_US + 1)]

    assert [("outcome-1", OutcomeStatus.OTHER_DRAFT), ("outcome-2", OutcomeStatus.ACCEPTED)] == world.statuses()


def test_of_a_decision_twice_in_journals_the_first_counts(world: World) -> None:
    """A request sent again to another worker is decided alike and recorded twice; the store keeps the first."""
    again = a_record(1, a_request(1, decided_at_us=NOW_US + 500))
    world.journals.records = [again, a_record(1)]

    assert NOW_US + 1 == world.reading.find(an_id(1)).stored.request.decided_at_us


def test_who_was_erased_is_not_read_from_a_journal(world: World) -> None:
    """The record was on its way when its subject was erased."""
    world.journals.records = [a_record(1)]
    world.reader.erased = {an_id(1)}

    found = world.reading.find(an_id(1)).stored

    assert (True, "", None, None) == (
        *(found.erased, found.request.request_id),
        *(found.request.subject_ref, found.request.attributes),
    )


@pytest.mark.parametrize(("stored", "waiting", "pending"), [(0, 0, "0"), (1, 0, "1"), (0, 1, "1"), (1, 2, "3")])
def test_outcomes_of_an_unknown_decision_are_told_with_its_absence(
    world: World, stored: int, waiting: int, pending: str
) -> None:
    """Whoever reported them must learn that they wait, not that they are lost."""
    world.reader.outcomes[an_id(1)] = [accepted(number) for number in range(stored)]
    world.journals.records = [an_outcome_record(9 + number, decision_id=an_id(1)) for number in range(waiting)]

    with pytest.raises(DecisionNotFoundError) as caught:
        world.reading.find(an_id(1))

    assert {"decision_id": an_id(1), "pending_outcomes": pending} == caught.value.metadata


def test_an_incomplete_search_is_not_absence_until_all_is_drained(world: World) -> None:
    """NOT_FOUND of a decision that was promised would be a lie."""
    world.journals.complete = False
    with pytest.raises(RecordPendingError):
        world.reading.find(an_id(1))

    world.drained_through_us = NOW_US
    with pytest.raises(DecisionNotFoundError):
        world.reading.find(an_id(1))


def test_what_is_in_the_store_is_answered_without_a_long_search(world: World) -> None:
    """A backlog after an outage must not make every look-up take a second."""
    world.store(1)
    searched: list[float] = []

    class Backlog(MemoryJournals):
        def find(self, decision_id: str, within_s: float) -> Waiting:
            searched.append(within_s)
            return super().find(decision_id, within_s)._replace(complete=False)

    reading = Reading(reader=world.reader, journals=Backlog(), drained_through_us=lambda: 0, clock_us=lambda: NOW_US)

    assert an_id(1) == reading.find(an_id(1)).stored.decision.decision_id
    with pytest.raises(RecordPendingError):
        reading.find(an_id(2))
    assert [0.1, 0.1, 0.9] == searched
