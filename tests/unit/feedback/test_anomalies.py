"""The anomaly layer."""

import numpy as np
import pytest

from oversight.feedback.anomalies import confidence_dropped, volume_surge, watch_confidence
from oversight.feedback.e_detector import Detector


def watched(mean: float, count: int, seed: int = 1) -> Detector:
    values = np.random.default_rng(seed).beta(20 * mean, 20 * (1 - mean), count)
    return watch_confidence(Detector(), values.tolist(), baseline=0.9, spread=0.065)


def test_a_drop_of_confidence_is_found_within_hundreds_of_decisions() -> None:
    """Long before there are labels: from 0.90 to 0.80."""
    assert confidence_dropped(watched(0.80, 300)) is True


def test_a_steady_confidence_raises_nothing() -> None:
    """Nor does one that falls less than the slack: 20 runs of 3,000."""
    assert not any(confidence_dropped(watched(0.88, 3_000, seed)) for seed in range(20))


def test_before_two_hundred_decisions_nothing_is_known() -> None:
    """Absent is not calm."""
    assert confidence_dropped(watched(0.1, 199)) is None


@pytest.mark.parametrize("spread", [0.0, 0.001, 0.5])
def test_a_wrong_spread_only_costs_time(spread: float) -> None:
    """The bet stays where the factor cannot be negative."""
    calm = watch_confidence(Detector(), [0.0, 1.0, 0.9], baseline=0.9, spread=spread)
    assert calm.statistic > 0


@pytest.mark.parametrize(("baseline", "spread"), [(0.03, 0.1), (1.1, 0.1), (0.9, -0.1)])
def test_a_baseline_is_a_mean_and_a_spread_a_deviation(baseline: float, spread: float) -> None:
    """A wrong one would never alarm, in silence."""
    with pytest.raises(ValueError, match="expected a mean"):
        watch_confidence(Detector(), [0.5], baseline=baseline, spread=spread)


@pytest.mark.parametrize(
    ("count", "before", "surged"),
    [
        (60, [20] * 8, True),
        (30, [20] * 8, False),
        (60, [5, 60, 10, 55, 20, 35, 8, 50], False),
        (19, [0] * 8, False),
        (20, [0] * 8, True),
        (0, [20] * 8, False),
        (500, [20] * 7, None),
        (500, [], None),
    ],
)
def test_a_surge_is_beyond_what_its_own_scatter_explains(count: int, before: list[int], surged: bool | None) -> None:
    """Campaigns every other week are no surge; too short a past is no calm."""
    assert surged is volume_surge(count, before).surged


def test_what_was_expected_stands_beside_it() -> None:
    """A person sees what is usual."""
    assert (20.0, 1.0) == volume_surge(0, [20] * 8)[1:]
    assert 20.0 == volume_surge(9, [20] * 2).expected


@pytest.mark.parametrize("weeks", [8, 12])
def test_calm_periods_keep_the_level(weeks: int) -> None:
    """Simulated: of 5,000 overdispersed periods few are below .001, also where few weeks tell how they vary."""
    counts = np.random.default_rng(8).negative_binomial(8, 0.1, size=(5_000, weeks + 1))
    share = np.mean([volume_surge(int(run[0]), run[1:].tolist()).surged for run in counts])
    assert share < 0.004
