"""A draft that is decided again under its request: one label, and one review, whatever order things come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from contract.evidence_world import DUE_H, START_US, finish, make_decision
from contract.samples import an_id, an_outcome_record
from oversight.storage.evidence import CellFilter
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.records import DecisionRecord, OutcomeRecord
from oversight.storage.sql import SqlStore
from places import Place

REVIEW, ON, IN, LEAD = 1, 1, 2, 3
APPROVED, REJECTED, EXPIRED = 1, 4, 7
OTHER = "cd" * 32
ORDERS = [(0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 1, 0), (3, 2, 0, 1), (2, 0, 1, 3), (1, 3, 0, 2)]
Row = tuple[int | None, bool]
"""What the evidence says of a decision: its loss, and whether somebody is to look at it."""


@pytest.fixture
def learn(store: SqlStore) -> Callable[..., list[Row]]:
    """Return what puts records into the store one by one, and says what the evidence then holds, by decision."""

    def run(*records: DecisionRecord | OutcomeRecord) -> list[Row]:
        feed = EvidenceFeed(store, audit_due_h=DUE_H)
        for record in records:
            if isinstance(record, DecisionRecord):
                store.add([record], [])
            else:
                store.add([], [record])
            finish(feed)
        rows = sorted(SqlEvidence(store.reading).rows(CellFilter()), key=lambda row: row.decision_id)
        return [(row.loss, row.due_at_us is not None) for row in rows]

    return run


def asked(number: int, **fields: Any) -> DecisionRecord:
    """Return the decision of that number on the one message; in the loop where nothing else is said."""
    return make_decision(number, minute=number, **{"request_id": "message-1", "tier": IN, **fields})


def said(number: int, verdict: int | None, **fields: Any) -> OutcomeRecord:
    """Return the review of that decision."""
    basis = None if verdict is None else REVIEW
    return an_outcome_record(number, verdict=verdict, label_basis=basis, outcome_id=f"of-{number}", **fields)


def test_a_draft_is_reviewed_once_however_often_it_is_asked_about(learn: Callable[..., list[Row]]) -> None:
    """Else the review of the first answer would be missed, and its error rate that of the gateway's patience."""
    assert [(None, False), (None, False), (None, True)] == learn(asked(1), asked(2), asked(3))


@pytest.mark.parametrize("order", ORDERS)
def test_one_draft_is_one_label_in_whatever_order_it_is_told(
    learn: Callable[..., list[Row]], order: tuple[int, ...]
) -> None:
    """Whoever asks twice and reports one review under both would prove twice as much as was looked at."""
    records = [asked(1), asked(2), said(1, APPROVED), said(2, APPROVED)]
    assert [(None, False), (0, True)] == learn(*(records[number] for number in order))


@pytest.mark.parametrize("order", ORDERS)
def test_a_known_error_does_not_go_away_by_asking_again(
    learn: Callable[..., list[Row]], order: tuple[int, ...]
) -> None:
    """What was rejected and then approved is wrong, as it is where both are said of one decision."""
    records = [asked(1), asked(2), said(1, REJECTED), said(2, APPROVED)]
    assert [(1, True), (None, False)] == learn(*(records[number] for number in order))


def test_an_error_that_is_told_late_comes_back(learn: Callable[..., list[Row]]) -> None:
    """The decision that stood back was the one that a customer saw."""
    assert [(None, False), (0, True)] == learn(asked(1), asked(2), said(2, APPROVED))
    assert [(1, True), (None, False)] == learn(said(1, REJECTED))


@pytest.mark.parametrize(
    "again",
    [
        {"tier": ON, "audit_probability": 0.1},
        {"tier": ON, "audit_probability": 0.1, "audit_selected": True},
        {"tier": LEAD},
        {"draft_sha256": OTHER},
        {"draft_sha256": None},
        {"response_confidence": 0.9},
        {"intent": "refund"},
        {"model_version": "m-8"},
        {"request_id": "message-2"},
        {"tenant_id": "bank"},
    ],
    ids=str,
)
def test_nobody_gets_rid_of_a_review_by_asking_until_the_answer_is_another(
    learn: Callable[..., list[Row]], again: dict[str, Any]
) -> None:
    """Nor by a new draft in the place of one that nobody wants to judge, nor by putting it into another cell."""
    assert (None, True) == learn(asked(1), asked(2, **again))[0]


def test_nobody_gets_rid_of_an_audit_by_asking_until_another_is_drawn(learn: Callable[..., list[Row]]) -> None:
    """The first answer was on the loop: it may have gone out."""
    drawn = {"tier": ON, "audit_probability": 0.1, "audit_selected": True}
    assert [(None, True)] == learn(asked(1, **drawn), asked(2, tier=ON, audit_probability=0.1))
    assert [(None, False), (None, True)] == learn(asked(3, **drawn))


def test_a_draft_that_nobody_names_may_be_another(learn: Callable[..., list[Row]]) -> None:
    """Absent is not the same."""
    assert [(None, True), (None, True)] == learn(asked(1, draft_sha256=None), asked(2, draft_sha256=None))


@pytest.mark.parametrize("report", [{"verdict": EXPIRED}, {"verdict": None, "csat": 2.0}], ids=str)
def test_of_what_somebody_said_something_the_review_stays_due(
    learn: Callable[..., list[Row]], report: dict[str, Any]
) -> None:
    """A customer's word on the first answer says that it was sent."""
    assert [(None, True), (None, True)] == learn(asked(1), said(1, **report), asked(2))


def test_facts_stay_and_the_volume_counts_answers(store: SqlStore, learn: Callable[..., list[Row]]) -> None:
    """Only labels and reviews are those of the draft: how often was asked, and what came of it, is so all the same."""
    learn(asked(1), said(1, APPROVED, csat=2.0), asked(2), said(2, APPROVED, csat=4.0))
    reader = SqlEvidence(store.reading)
    assert (2, 1) == (reader.volume(CellFilter()), sum(one.labels for one in reader.label_counts()))
    assert [2.0, 4.0] == sorted(row.csat or 0.0 for row in reader.rows(CellFilter()))
    assert [an_id(2)] == [row.decision_id for row in reader.rows(CellFilter()) if row.loss is not None]
    assert () == reader.due(CellFilter(), 10, None).audits


def test_a_census_of_a_draft_decided_twice_counts_one_chance_of_one(
    store: SqlStore, learn: Callable[..., list[Row]]
) -> None:
    """The one that stands back is a decision by design again, whose chance thins the others."""
    on = {"tier": ON, "audit_probability": 0.25}
    census = [an_outcome_record(one, verdict=APPROVED, label_basis=3, outcome_id=f"c-{one}") for one in (1, 2)]
    learn(asked(1, **on), asked(2, **on), *census)
    (found,) = SqlEvidence(store.reading).rate_counts(CellFilter(), [()], START_US * 2)[0]
    assert (2, 1) == (found.volume, found.labelled)
    rows = SqlEvidence(store.reading).rows(CellFilter())
    assert {an_id(1): 0.25, an_id(2): 1.0} == {row.decision_id: row.probability for row in rows}


def test_two_replicas_decide_one_draft_and_one_label_counts(place: Place, store: SqlStore) -> None:
    """A retry goes to the other one, whose rules have just changed."""
    other = SqlStore(place.url, writer="replica-2")
    other.add([asked(1)], [said(2, APPROVED)])
    store.add([asked(2)], [said(1, APPROVED)])
    finish(EvidenceFeed(store, audit_due_h=DUE_H))
    other.close()
    rows = SqlEvidence(store.reading).rows(CellFilter())
    assert {an_id(1): None, an_id(2): 0} == {row.decision_id: row.loss for row in rows}


def test_a_caller_whose_messages_all_have_one_id_does_not_stop_the_feed(store: SqlStore) -> None:
    """Each batch would look at all that came before."""
    feed = EvidenceFeed(store, audit_due_h=DUE_H, decisions_a_batch=5)
    looked: list[int] = []
    store.add([asked(number) for number in range(1, 101)], [])

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if "request_key" in statement and "decision_id IN" in statement:
            looked.append(len(parameters))

    event.listen(store._engine, "before_cursor_execute", note)  # noqa: SLF001 - the wire between it and the database
    finish(feed)
    event.remove(store._engine, "before_cursor_execute", note)  # noqa: SLF001 - as above

    assert 0 < max(looked) <= 20
    assert 100 == SqlEvidence(store.reading).volume(CellFilter())
