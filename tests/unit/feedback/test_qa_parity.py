"""QA parity."""

import pytest
from scipy.stats import ttest_ind_from_stats

from oversight.feedback.qa_parity import Gap, qa_gap
from oversight.feedback.welch import Scores


def test_the_gap_has_welchs_interval() -> None:
    """The AI's mean less people's."""
    confidence = 1 - float(ttest_ind_from_stats(82, 5, 40, 85, 8, 60, equal_var=False).pvalue)
    found = qa_gap("refund", "v1", Scores(40, 82.0, 25.0), Scores(60, 85.0, 64.0), confidence=confidence)
    assert (-3.0, 40, 60, True) == (found.gap, found.n_ai, found.n_human, found.enough)
    # At a confidence of 1 - p the interval just reaches 0, by the definition of both.
    assert (-6.0, 0.0) == pytest.approx((found.low, found.high), abs=1e-9)


def test_few_scores_are_said_to_be_few() -> None:
    """The interval is there, with a warning about it."""
    assert not qa_gap("refund", "v1", Scores(29, 82.0, 25.0), Scores(60, 85.0, 64.0)).enough


def test_without_scores_on_both_sides_there_is_no_gap() -> None:
    """Absent is not zero."""
    assert Gap("refund", "v1", None, None, None, 1, 60, False) == qa_gap(
        "refund", "v1", Scores(1, 82.0, 0.0), Scores(60, 85.0, 64.0)
    )
