"""Exact intervals for error rates."""

import pytest
from scipy.stats import binom, binomtest

from oversight.feedback.intervals import exact_interval


@pytest.mark.parametrize(("errors", "labelled"), [(0, 1), (1, 1), (0, 59), (3, 40), (20, 40), (40, 40), (301, 8433)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_interval_is_clopper_and_pearsons(errors: int, labelled: int, confidence: float) -> None:
    """An independent implementation agrees: the figure is quoted as exact."""
    expected = binomtest(errors, labelled).proportion_ci(confidence, method="exact")
    assert pytest.approx((expected.low, expected.high), abs=1e-12) == exact_interval(
        errors, labelled, confidence=confidence
    )


def test_each_end_is_where_the_tail_is_half_of_alpha() -> None:
    """This is the definition: at either end the count seen is only just plausible."""
    low, high = exact_interval(7, 100)
    assert pytest.approx(0.025) == binom.sf(6, 100, low)
    assert pytest.approx(0.025) == binom.cdf(7, 100, high)


def test_no_error_among_few_labels_proves_little() -> None:
    """Silence is not success: 0 of 10 still allows three in ten."""
    low, high = exact_interval(0, 10)
    assert low == 0
    assert pytest.approx(1 - 0.025 ** (1 / 10)) == high


def test_without_labels_nothing_is_known() -> None:
    """Absent is not zero."""
    assert (0.0, 1.0) == exact_interval(0, 0)


@pytest.mark.parametrize(("errors", "labelled", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_arguments_are_refused(errors: int, labelled: int, confidence: float) -> None:
    """A wrong count must not become a figure."""
    with pytest.raises(ValueError, match="expected a number"):
        exact_interval(errors, labelled, confidence=confidence)
