"""Facts of decisions and outcomes."""

from enum import IntEnum
from itertools import permutations
from typing import Any

import pytest

from oversight.feedback.facts import (
    ErrorCategory,
    HandledBy,
    LabelBasis,
    OutcomeFacts,
    QaSubject,
    Verdict,
    latest,
    repeat_contact_of,
    review_of,
)
from oversight.storage.outcome import Outcome
from oversight.v1 import outcome_pb2 as pb


@pytest.mark.parametrize(
    ("own", "prefix", "wire"),
    [
        (Verdict, "VERDICT_", pb.Verdict),
        (LabelBasis, "LABEL_BASIS_", pb.LabelBasis),
        (ErrorCategory, "ERROR_CATEGORY_", pb.ErrorCategory),
        (HandledBy, "HANDLED_BY_", pb.HandledBy),
        (QaSubject, "QA_SUBJECT_", pb.QaSubject),
    ],
)
def test_numbers_are_the_apis(own: type[IntEnum], prefix: str, wire: Any) -> None:
    """A number read as another verdict would turn right into wrong."""
    expected = {name.removeprefix(prefix): number for name, number in wire.items() if number}
    assert expected == {member.name: member.value for member in own}


def test_facts_are_named_as_in_the_store() -> None:
    """Who feeds the statistics copies fields by name."""
    assert set(OutcomeFacts._fields) <= {*Outcome._fields, "other_draft"}


def test_the_fact_observed_last_counts() -> None:
    """Outcomes come out of order and days late."""
    outcomes = [OutcomeFacts(2, escalated=False), OutcomeFacts(1, escalated=True), OutcomeFacts(3, csat=4.0)]
    for order in permutations(outcomes):
        assert latest(order, "escalated") is False
        assert latest(order, "csat") == 4.0


def test_of_two_facts_at_one_time_the_greater_counts_in_any_order() -> None:
    """The order of rows must change nothing."""
    outcomes = [OutcomeFacts(1, repeat_contact=True), OutcomeFacts(1, repeat_contact=False)]
    assert [True, True] == [latest(order, "repeat_contact") for order in permutations(outcomes)]


def test_planted_drafts_and_other_drafts_say_nothing() -> None:
    """A seeded error was never sent; another draft is another decision."""
    outcomes = [OutcomeFacts(1, csat=1.0, planted=True), OutcomeFacts(2, csat=2.0, other_draft=True)]
    assert latest(outcomes, "csat") is None


@pytest.mark.parametrize("basis", [LabelBasis.REVIEW, LabelBasis.AUDIT, LabelBasis.CENSUS])
def test_the_last_verdict_that_was_asked_for_is_the_review_and_its_own_time_counts(basis: LabelBasis) -> None:
    """A volunteered verdict made skipped reviews done; the time of another review hid those that take a second."""
    outcomes = [
        OutcomeFacts(1, verdict=Verdict.REJECTED, label_basis=LabelBasis.REVIEW, review_time_s=60.0),
        OutcomeFacts(2, verdict=Verdict.APPROVED, label_basis=basis, review_time_s=3.0),
        OutcomeFacts(3, verdict=Verdict.EDITED_MAJOR, label_basis=LabelBasis.VOLUNTEERED, review_time_s=90.0),
        OutcomeFacts(4, label_basis=basis, review_time_s=120.0),
        OutcomeFacts(5, verdict=Verdict.APPROVED, label_basis=basis, review_time_s=99.0, planted=True),
    ]
    assert {(Verdict.APPROVED, 3.0)} == {review_of(order) for order in permutations(outcomes)}


def test_a_review_without_a_time_has_none_and_nobodys_review_has_no_verdict() -> None:
    """Absent is not zero, and what somebody happened to say is no review."""
    timeless = OutcomeFacts(2, verdict=Verdict.APPROVED, label_basis=LabelBasis.AUDIT)
    before = OutcomeFacts(1, verdict=Verdict.APPROVED, label_basis=LabelBasis.AUDIT, review_time_s=60.0)
    assert (Verdict.APPROVED, None) == review_of([before, timeless])
    assert (None, None) == review_of([timeless._replace(label_basis=LabelBasis.VOLUNTEERED)])


def test_of_two_reviews_at_one_time_the_greater_verdict_counts_in_any_order() -> None:
    """The order of rows must change nothing."""
    review = OutcomeFacts(1, verdict=Verdict.APPROVED, label_basis=LabelBasis.REVIEW, review_time_s=0.0)
    outcomes = [review, review._replace(review_time_s=None), review._replace(verdict=Verdict.REJECTED)]
    assert {(Verdict.REJECTED, 0.0)} == {review_of(order) for order in permutations(outcomes)}
    assert {(Verdict.APPROVED, 0.0)} == {review_of(order) for order in permutations(outcomes[:2])}


@pytest.mark.parametrize(("window_h", "known"), [(None, True), (168, True), (167, False), (24, False), (720, False)])
def test_a_repeat_contact_is_one_within_a_week(window_h: int | None, *, known: bool) -> None:
    """A switch from a day to a week looked like customers who come back, and one the other way hid them."""
    outcomes = [
        OutcomeFacts(1, repeat_contact=True),
        OutcomeFacts(2, repeat_contact=False, repeat_window_h=window_h),
    ]
    assert {not known} == {repeat_contact_of(order) for order in permutations(outcomes)}
    assert (False if known else None) is repeat_contact_of(outcomes[1:])
