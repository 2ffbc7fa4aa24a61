"""Power: how many labels it takes."""

import numpy as np
import pytest
from scipy.stats import binom

from oversight.feedback.power import labels_needed, labels_without_error


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
