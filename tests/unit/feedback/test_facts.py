"""Facts of decisions and outcomes."""

from enum import IntEnum
from itertools import permutations
from typing import Any

import pytest

from oversight.feedback.facts import ErrorCategory, HandledBy, LabelBasis, OutcomeFacts, QaSubject, Verdict, latest
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
