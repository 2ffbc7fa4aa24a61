"""Power: how many labels it takes."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from oversight.feedback.power import labels_needed, labels_to_prove, labels_without_error


@pytest.mark.parametrize(("max_error", "labels"), [(0.05, 361), (0.03, 645), (0.02, 969), (0.01, 1_941)])
def test_labels_needed_are_those_the_documents_name(max_error: float, labels: int) -> None:
    """People plan their audits with these."""
    assert labels == labels_needed(max_error)


@pytest.mark.parametrize("max_error", [0.02, 0.05, 0.10, 0.30])
@pytest.mark.parametrize(("delta", "power"), [(0.01, 0.8), (0.05, 0.8), (0.2, 0.8), (0.05, 0.95), (0.99, 0.999)])
def test_no_smaller_number_has_the_power(max_error: float, delta: float, power: float) -> None:
    """By trying every one, with another implementation."""
    numbers = np.arange(1, labels_needed(max_error, delta, power=power) + 1)
    most = np.array([np.searchsorted(binom.cdf(np.arange(n + 1), n, max_error), delta, "right") - 1 for n in numbers])
    reached = np.where(most >= 0, binom.cdf(most, numbers, max_error / 2), 0.0) >= power
    assert [False] * (len(numbers) - 1) + [True] == reached.tolist()


def test_a_faultless_record_needs_the_rule_of_three() -> None:
    """59 right answers prove 5 % at 95 %."""
    assert [59, 149, 299] == [labels_without_error(rate, 0.05) for rate in (0.05, 0.02, 0.01)]
    assert 0.95**59 <= 0.05 < 0.95**58


@pytest.mark.parametrize(("max_error", "delta", "power"), [(0.0, 0.05, 0.8), (0.05, 1.0, 0.8), (0.05, 0.05, 1.0)])
def test_levels_are_between_0_and_1(max_error: float, delta: float, power: float) -> None:
    """Certainty takes no number of labels."""
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        labels_needed(max_error, delta, power=power)


@pytest.mark.parametrize(("errors", "labelled"), [(0, 0), (0, 700), (1, 40), (28, 700), (4, 100), (45, 1_000)])
@pytest.mark.parametrize(("max_error", "delta"), [(0.05, 0.05), (0.05, 0.0076), (0.06, 0.03)])
def test_no_fewer_labels_prove_the_rate_that_was_seen(
    errors: int, labelled: int, max_error: float, delta: float
) -> None:
    """By trying every number, with another implementation; and with so many whole errors it is proven indeed."""
    rate = errors / labelled if labelled else 0.0
    more = np.arange(40_000)
    wrong = errors + rate * more
    with np.errstate(all="ignore"):
        proven = np.asarray(beta.sf(max_error, wrong + 1, labelled + more - wrong)) <= delta
    found = labels_to_prove(errors, labelled, rate, max_error, delta)
    assert np.flatnonzero(proven)[0] == found
    assert proven[found:].all()
    assert binom.cdf(np.floor(wrong[found] + 1e-9), labelled + found, max_error) <= delta


def test_a_rate_that_is_not_below_the_target_proves_nothing() -> None:
    """No number of labels does."""
    with pytest.raises(ValueError, match="expected a number from 0, below"):
        labels_to_prove(5, 100, 0.05, 0.05, 0.05)
