"""Exact intervals for error rates."""

from collections.abc import Callable
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from scipy.stats import binom, binomtest

from oversight.feedback.intervals import binomial_tail, exact_interval, upper_bound


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


SMALL_COUNTS = st.integers(1, 100).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = st.integers(1, 99).map(lambda percent: percent / 100)


@settings(deadline=None)  # sums of fractions with hundreds of digits
@given(SMALL_COUNTS, RATES)
def test_a_tail_is_the_sum_of_its_terms(counts: tuple[int, int], rate: float) -> None:
    """Exact arithmetic on fractions agrees: certificates stand or fall with this number."""
    errors, labelled = counts
    chance = Fraction(round(rate * 100), 100)
    terms = (comb(labelled, k) * chance**k * (1 - chance) ** (labelled - k) for k in range(errors + 1))
    assert pytest.approx(float(sum(terms)), rel=1e-10, abs=1e-300) == binomial_tail(errors, labelled, rate)


@pytest.mark.parametrize("max_error", [0.01, 0.02, 0.05, 0.10, 0.25])
def test_tails_are_mapies_from_integer_counts(max_error: float) -> None:
    """A published implementation of Learn-then-Test agrees on every count up to the target."""
    for labelled in (59, 100, 361, 969, 5_000):
        errors = np.arange(0, int(labelled * max_error) + 1)
        # It takes a rate, and multiplies and rounds up again: just below k / n comes back as k, k / n itself may not.
        rates = np.maximum(errors / labelled - 1e-12, 0.0)
        expected = compute_hoeffding_bentkus_p_value(rates, labelled, max_error, binary=True)[:, 0]
        found = [binomial_tail(int(k), labelled, max_error) for k in errors]
        assert pytest.approx(expected.tolist(), rel=1e-9) == found


def test_counts_do_not_go_through_a_quotient() -> None:
    """7 / 100 * 100 is more than 7: a rate rounds up to the next error, an integer does not."""
    assert 8 == np.ceil(7 / 100 * 100)
    through_a_rate = compute_hoeffding_bentkus_p_value(np.array([7 / 100]), 100, 0.1, binary=True)[0, 0]
    assert pytest.approx(binom.cdf(8, 100, 0.1)) == through_a_rate
    assert pytest.approx(binom.cdf(7, 100, 0.1)) == binomial_tail(7, 100, 0.1)


@given(COUNTS, RATES, RATES)
def test_the_bound_is_at_most_the_target_exactly_where_the_test_accepts(
    counts: tuple[int, int], target: float, confidence: float
) -> None:
    """The bound that is shown and the test that decides must never disagree."""
    bound, tail = upper_bound(*counts, confidence=confidence), binomial_tail(*counts, target)
    if abs(bound - target) > 1e-9:
        assert (bound < target) == (tail < 1 - confidence)


@given(COUNTS, RATES)
def test_an_error_more_never_lowers_the_bound_and_a_success_more_never_raises_it(
    counts: tuple[int, int], confidence: float
) -> None:
    """No report of an error may make the AI look better."""
    errors, labelled = counts
    bound = upper_bound(errors, labelled, confidence=confidence)
    assert bound <= upper_bound(errors + 1, labelled + 1, confidence=confidence) + 1e-12
    assert bound >= upper_bound(errors, labelled + 1, confidence=confidence) - 1e-12
    if errors < labelled:
        assert bound < upper_bound(errors + 1, labelled, confidence=confidence) + 1e-12


def test_all_wrong_or_nothing_known_bounds_nothing() -> None:
    """Absent is not zero."""
    assert 1.0 == upper_bound(0, 0) == upper_bound(5, 5) == binomial_tail(5, 5, 0.1) == binomial_tail(0, 0, 0.1)


@pytest.mark.parametrize("function", [lambda k, n, level: upper_bound(k, n, confidence=level), binomial_tail])
@pytest.mark.parametrize(("errors", "labelled", "level"), [(-1, 5, 0.5), (6, 5, 0.5), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_counts_and_levels_have_no_bound_and_no_tail(
    function: Callable[[int, int, float], float], errors: int, labelled: int, level: float
) -> None:
    """A wrong count must not become a proof."""
    with pytest.raises(ValueError, match="expected a number"):
        function(errors, labelled, level)
