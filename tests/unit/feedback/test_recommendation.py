"""Recommendations that may be asked for again and again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.feedback.candidates import ThresholdLimits
from oversight.feedback.certificate import certify
from oversight.feedback.ledger import Ledger
from oversight.feedback.recommendation import Question, digest_of, recommend
from oversight.feedback.rows import Population, Rows
from unit.feedback.feedback_rows import some_rows

QUESTION = Question(ThresholdLimits(0.0, 1.0), 0.05)
ROWS = some_rows([0] * 500 + [None] * 5, values=[0.9] * 505)


def test_each_look_at_new_data_spends_less() -> None:
    """It is delta / (1.645 j^2), and the certificate is made with exactly that."""
    ledger = Ledger()
    for call, count in enumerate((300, 400, 500), start=1):
        rows = ROWS.take(np.arange(count))
        found, ledger = recommend(rows, QUESTION, ledger, model_version="a")
        assert call == found.call
        assert pytest.approx(0.05 / (1.645 * call**2)) == found.delta
        expected = certify(rows, QUESTION.limits, max_error=0.05, delta=found.delta)
        assert expected.tested == found.certificate.tested
    assert 3 == ledger.calls


def test_the_same_data_and_question_give_the_stored_answer_and_spend_nothing() -> None:
    """To look at a report twice is no second look at the data."""
    first, ledger = recommend(ROWS, QUESTION, Ledger(), model_version="a")
    again, after = recommend(ROWS.take(np.arange(505)[::-1]), QUESTION, ledger, model_version="a")
    assert again is first
    assert after is ledger


def test_a_decision_nobody_looked_at_is_no_new_data() -> None:
    """Traffic goes on; it is labels that are evidence."""
    assert digest_of(ROWS, QUESTION) == digest_of(ROWS.take(np.arange(502)), QUESTION)


def test_more_traffic_without_labels_gets_the_stored_answer() -> None:
    """The sample of all decisions grows every day, and is no evidence."""
    some, more = (Population(ROWS.value[:n], ROWS.probability[:n], ROWS.decided_at_us[:n]) for n in (100, 200))
    first, ledger = recommend(ROWS, QUESTION, Ledger(), model_version="a", population=some)
    again, _ = recommend(ROWS, QUESTION, ledger, model_version="a", population=more)
    assert again is first
    assert 100 == again.certificate.eligible


@pytest.mark.parametrize(
    "other",
    [
        QUESTION._replace(max_error=0.04),
        QUESTION._replace(confidence=0.9),
        QUESTION._replace(claims=3),
        QUESTION._replace(limits=ThresholdLimits(0.0, 0.9)),
    ],
)
def test_another_question_is_another_look(other: Question) -> None:
    """It tests other hypotheses on the same labels."""
    _, ledger = recommend(ROWS, QUESTION, Ledger(), model_version="a")
    found, ledger = recommend(ROWS, other, ledger, model_version="a")
    assert (2, 2, 2) == (found.call, ledger.calls, len(ledger.answers))


@pytest.mark.parametrize(
    "changed",
    [
        some_rows([0] * 499 + [1], values=0.9),
        some_rows([0] * 500, values=0.8),
        some_rows([0] * 500, values=0.9, probabilities=0.5),
        some_rows([0] * 499, values=0.9),
    ],
)
def test_every_part_of_the_evidence_is_in_the_digest(changed: Rows) -> None:
    """A corrected label is new data."""
    assert digest_of(ROWS, QUESTION) != digest_of(changed, QUESTION)


def test_a_claim_over_many_intents_shares_the_budget() -> None:
    """That all of ten thresholds are right takes ten times the proof."""
    found, _ = recommend(ROWS, QUESTION._replace(claims=10), Ledger(), model_version="a")
    assert pytest.approx(0.05 / 10 / 1.645) == found.delta


def test_another_model_version_starts_over() -> None:
    """Its first look is a first look."""
    _, ledger = recommend(ROWS, QUESTION, Ledger(), model_version="a")
    found, ledger = recommend(ROWS, QUESTION, ledger, model_version="b")
    assert (1, "b", 1) == (found.call, ledger.model_version, len(ledger.answers))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"claims": 0}, "claims is 0"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"max_error": 0.0}, "max_error is 0.0"),
    ],
)
def test_levels_out_of_range_are_refused(wrong: dict[str, float], problem: str) -> None:
    """And nothing is spent on them."""
    with pytest.raises(ValueError, match=problem):
        recommend(ROWS, QUESTION._replace(**wrong), Ledger(), model_version="a")  # type: ignore[arg-type]  # by name


@settings(max_examples=30)
@given(st.permutations(range(40)))
def test_the_order_of_rows_changes_no_digest(order: list[int]) -> None:
    """Two replicas must not spend twice for one question."""
    rows = some_rows([0, 1, None, 0] * 10, values=[0.1, 0.2, 0.3, 0.4] * 10)
    assert digest_of(rows, QUESTION) == digest_of(rows.take(np.array(order)), QUESTION)
