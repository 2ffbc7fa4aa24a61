"""Percentiles of any number of values."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.cli.load_generator.histogram import Histogram, merged
from unit.cli.load_generator.fakes import a_random

PERCENTS = (0, 10, 50, 90, 99, 99.9, 99.99, 100)


def a_histogram(values) -> Histogram:
    """Return a histogram of *values*."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact(values, percent):
    """Return the value of rank ceil(percent / 100 * n)."""
    return sorted(values)[max(1, math.ceil(round(percent / 100 * len(values), 6))) - 1]


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=300))
def test_percentiles_are_never_too_low_and_at_most_a_thousandth_too_high(values):
    """What is promised of a latency must not be better than it was."""
    histogram = a_histogram(values)
    for percent, found in zip(PERCENTS, histogram.percentiles(PERCENTS), strict=True):
        wanted = exact(values, percent)
        assert wanted <= found <= wanted * 1.001


def test_percentiles_of_many_values_are_those_of_the_sorted_list():
    """The shape that latencies have: most small, a few a thousand times as large."""
    random = a_random(3)
    values = [int(random.lognormvariate(13, 1.5)) for _ in range(50_000)]
    histogram = a_histogram(values)
    for percent in PERCENTS:
        assert pytest.approx(exact(values, percent), rel=0.001) == histogram.percentile(percent)
    assert (len(values), max(values)) == (histogram.count, histogram.highest)
    assert pytest.approx(sum(values) / len(values), rel=1e-12) == histogram.mean


def test_small_values_are_exact():
    """Below 2,048 there is a bucket for each value."""
    histogram = a_histogram(range(1, 1001))
    assert [1, 500, 999, 1000] == histogram.percentiles((0, 50, 99.9, 100))


@given(st.lists(st.lists(st.integers(0, 10**12), max_size=50), max_size=5))
def test_merging_loses_nothing(parts):
    """Processes measure apart; their percentiles must be those of one that had seen it all."""
    whole, together = a_histogram(value for part in parts for value in part), merged(map(a_histogram, parts))
    assert whole.percentiles(PERCENTS) == together.percentiles(PERCENTS)
    assert (whole.count, whole.mean, whole.highest) == (together.count, together.mean, together.highest)


def test_of_no_values_nothing_is_known():
    """0 ms would be a fine latency."""
    assert [None, None] == Histogram().percentiles((50, 100))
    assert (None, 0) == (Histogram().mean, Histogram().count)


def test_it_travels_between_processes():
    """What a process measured is sent to the one that sums up."""
    histogram = a_histogram([5, 70_000, 3_000_000])
    again = pickle.loads(pickle.dumps(histogram))  # noqa: S301 - our own bytes
    assert histogram.percentiles(PERCENTS) == again.percentiles(PERCENTS)
    assert 3_070_005 == again.total
