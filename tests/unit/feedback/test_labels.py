"""Labels: the loss of one AI reply, and whether a look at it was due."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.feedback.facts import DecisionFacts, ErrorCategory, LabelBasis, OutcomeFacts, QaSubject, Verdict
from oversight.feedback.labels import Label, LabelState, drawn_probability, due_at_us, label

HOUR_US = 3_600_000_000
ON = DecisionFacts("d", 0, tier=1, audit_probability=0.05)
AUDITED = ON._replace(audit_selected=True)
IN = DecisionFacts("d", 0, tier=2, review_sla_s=120)
AS = DecisionFacts("d", 0, tier=3)


def judged(
    verdict: Verdict | None, at_us: int = 1, basis: LabelBasis | None = LabelBasis.REVIEW, **facts: Any
) -> OutcomeFacts:
    return OutcomeFacts(at_us, **{"verdict": verdict, "label_basis": basis, **facts})


@pytest.mark.parametrize(
    ("verdict", "category", "loss"),
    [
        (Verdict.APPROVED, None, 0),
        (Verdict.EDITED_MINOR, None, 0),
        (Verdict.EDITED_MAJOR, None, 1),
        (Verdict.REJECTED, None, 1),
        (Verdict.TAKEN_OVER, ErrorCategory.WRONG_FACT, 1),
        (Verdict.TAKEN_OVER, ErrorCategory.NOT_AI, None),
        (Verdict.TAKEN_OVER, None, None),
        (Verdict.NOT_REVIEWED, None, None),
        (Verdict.EXPIRED, None, None),
        (None, None, None),
    ],
)
def test_a_verdict_gives_its_loss(verdict: Verdict | None, category: ErrorCategory | None, loss: int | None) -> None:
    """This is the definition that every rate and certificate rests on."""
    assert loss == label(IN, [judged(verdict, error_category=category)], now_us=1).loss


def test_one_wrong_verdict_outweighs_any_approval_in_any_order() -> None:
    """Who approves twice does not undo who rejected once."""
    outcomes = [judged(Verdict.APPROVED, 3), judged(Verdict.REJECTED, 1), judged(Verdict.EDITED_MINOR, 2)]
    expected = Label(LabelState.LABELLED, 1, 1.0, LabelBasis.REVIEW, 3)
    assert {expected} == {label(IN, order, now_us=9) for order in permutations(outcomes)}


def test_a_verdict_that_says_nothing_does_not_hide_one_that_does() -> None:
    """A review may come after its time: late is not never."""
    assert label(IN, [judged(Verdict.EXPIRED, 1), judged(Verdict.APPROVED, 2)], now_us=HOUR_US).loss == 0


@pytest.mark.parametrize("ignored", [{"planted": True}, {"other_draft": True}, {"label_basis": LabelBasis.VOLUNTEERED}])
def test_planted_other_and_volunteered_drafts_make_no_label(ignored: dict[str, Any]) -> None:
    """Each would count something else than what a customer got, or somebody who chose himself to speak."""
    assert label(AUDITED, [judged(Verdict.REJECTED, **ignored)], now_us=1).loss is None


@pytest.mark.parametrize("basis", [LabelBasis.REVIEW, LabelBasis.AUDIT])
def test_a_look_nobody_asked_for_is_volunteered_whatever_it_calls_itself(basis: LabelBasis) -> None:
    """Why it was made is not known, so neither is its chance: it would bias every rate."""
    assert Label(LabelState.NOT_DUE, None, 0.05) == label(ON, [judged(Verdict.REJECTED, basis=basis)], now_us=9)


@pytest.mark.parametrize(
    ("decision", "basis", "probability"),
    [
        (IN, LabelBasis.REVIEW, 1.0),
        (IN, LabelBasis.AUDIT, 1.0),
        (AUDITED, LabelBasis.AUDIT, 0.05),
        (AUDITED, LabelBasis.REVIEW, 0.05),
        (ON, LabelBasis.CENSUS, 1.0),
        (AUDITED, LabelBasis.CENSUS, 1.0),
    ],
)
def test_a_label_has_the_chance_that_the_design_gave_it(
    decision: DecisionFacts, basis: LabelBasis, probability: float
) -> None:
    """The equal-probability sample is only as true as these."""
    found = label(decision, [judged(Verdict.APPROVED, basis=basis)], now_us=1)
    assert (LabelState.LABELLED, probability, basis) == (found.state, found.probability, found.basis)


def test_with_a_census_everything_was_looked_at() -> None:
    """An audited reply in a census was no sample."""
    outcomes = [judged(Verdict.APPROVED, basis=LabelBasis.CENSUS), judged(Verdict.APPROVED, basis=LabelBasis.AUDIT)]
    assert {(1.0, LabelBasis.CENSUS)} == {label(AUDITED, order, now_us=1)[2:4] for order in permutations(outcomes)}


def test_people_lead_without_a_label_of_the_ai() -> None:
    """What people do well must not loosen the AI."""
    assert Label(LabelState.NOT_DUE, None, 0.0) == label(AS, [judged(Verdict.APPROVED)], now_us=1)


@pytest.mark.parametrize(
    ("decision", "hours"),
    [(IN, 120 / 3600), (IN._replace(review_sla_s=None), 72), (AUDITED, 72)],
)
def test_a_look_is_missed_once_its_time_is_over(decision: DecisionFacts, hours: float) -> None:
    """A label that is still to come is no error yet; one that never came is one in certificates."""
    due_us = round(hours * HOUR_US)
    assert LabelState.PENDING == label(decision, [], now_us=due_us).state
    assert LabelState.MISSED == label(decision, [], now_us=due_us + 1).state


def test_the_time_for_an_audit_is_a_setting() -> None:
    """A centre that audits weekly is not late after three days."""
    assert LabelState.PENDING == label(AUDITED, [], now_us=100 * HOUR_US, audit_due_h=168).state


def test_a_critical_fail_is_an_error_of_the_ai_only() -> None:
    """A person's critical fail says nothing about the draft."""
    failed = judged(Verdict.APPROVED, qa_critical_fail=True)
    assert label(IN, [failed], now_us=1).loss == 1
    assert label(IN, [failed._replace(qa_subject=QaSubject.HUMAN)], now_us=1).loss == 0


def test_a_critical_fail_without_a_basis_makes_a_label_worse_and_none_alone() -> None:
    """Why it was looked at is not known; that the reply was wrong is."""
    failed = judged(None, 5, None, qa_critical_fail=True)
    assert label(IN, [failed], now_us=1).loss is None
    assert (1, 5) == label(IN, [failed, judged(Verdict.APPROVED)], now_us=1)[1::3]


OUTCOMES = st.lists(
    st.builds(
        OutcomeFacts,
        st.integers(0, 3),
        verdict=st.none() | st.sampled_from(Verdict),
        label_basis=st.none() | st.sampled_from(LabelBasis),
        error_category=st.none() | st.sampled_from(ErrorCategory),
        qa_critical_fail=st.none() | st.booleans(),
        planted=st.none() | st.booleans(),
    ),
    max_size=5,
)


@given(decision=st.sampled_from([ON, AUDITED, IN, AS]), outcomes=OUTCOMES, data=st.data())
def test_order_changes_nothing_and_an_error_more_never_helps(
    decision: DecisionFacts, outcomes: list[OutcomeFacts], data: st.DataObject
) -> None:
    """Outcomes arrive in any order; no report of an error may make the AI look better."""
    found = label(decision, outcomes, now_us=9)
    assert found == label(decision, data.draw(st.permutations(outcomes)), now_us=9)
    rejected = judged(Verdict.REJECTED, basis=data.draw(st.sampled_from(LabelBasis)))
    worse = label(decision, [*outcomes, rejected], now_us=9)
    assert (found.loss or 0) <= (worse.loss or 0)


@pytest.mark.parametrize(
    ("decision", "due_us", "probability"),
    [
        (DecisionFacts("a", 5, 1, audit_selected=True, audit_probability=0.1), 5 + 2 * 3_600_000_000, 0.1),
        (DecisionFacts("a", 5, 1, audit_probability=0.1), None, 0.1),
        (DecisionFacts("a", 5, 2, review_sla_s=60), 5 + 60_000_000, 1.0),
        (DecisionFacts("a", 5, 2), 5 + 2 * 3_600_000_000, 1.0),
        (DecisionFacts("a", 5, 3, audit_selected=True, audit_probability=0.1), None, 0.0),
    ],
)
def test_what_is_due_and_how_likely_it_was_drawn_is_known_without_outcomes(
    decision: DecisionFacts, due_us: int | None, probability: float
) -> None:
    """A store keeps both for decisions of which nobody has said anything yet."""
    assert due_us == due_at_us(decision, audit_due_h=2)
    assert probability == drawn_probability(decision)
