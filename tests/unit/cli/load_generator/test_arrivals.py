"""When calls are due."""

import itertools
import statistics

import pytest

from oversight.cli.load_generator.arrivals import poisson, uniform
from unit.cli.load_generator.fakes import a_random


def test_uniform_calls_are_evenly_spaced():
    """Four calls a second for two seconds are eight, and the ninth belongs to the third second."""
    assert [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75] == list(uniform(4, 2))


def test_uniform_calls_stay_on_time():
    """Adding 1/3000 a million times would be late by more than a call."""
    (last,) = itertools.islice(uniform(3000, 1e9), 3_000_000, 3_000_001)
    assert 1000.0 == last


def test_uniform_calls_of_several_processes_interleave():
    """Two processes that both sent at 0 would be pairs and no even load."""
    first, second = uniform(50, 1), uniform(50, 1, first_s=1 / 100)
    merged = sorted([*first, *second])
    assert pytest.approx([number / 100 for number in range(100)]) == merged


def test_poisson_calls_have_the_rate_and_exponential_gaps():
    """A mean that is off is another rate; a deviation that is off is not how customers come."""
    due = list(poisson(1000, 60, a_random(1)))
    gaps = [after - before for before, after in itertools.pairwise(due)]
    assert pytest.approx(60_000, rel=0.01) == len(due)
    assert pytest.approx(1 / 1000, rel=0.01) == statistics.mean(gaps)
    assert pytest.approx(1 / 1000, rel=0.02) == statistics.stdev(gaps)
    assert due == sorted(due)
    assert 0 < due[0]
    assert due[-1] < 60


def test_poisson_calls_are_the_same_for_the_same_seed():
    """A run can be done again."""
    assert list(poisson(100, 5, a_random(7))) == list(poisson(100, 5, a_random(7)))
    assert list(poisson(100, 5, a_random(7))) != list(poisson(100, 5, a_random(8)))


def test_the_poisson_calls_of_two_processes_are_one_stream_of_both_rates():
    """--processes must change nothing but who sends."""
    merged = sorted([*poisson(500, 60, a_random(1)), *poisson(500, 60, a_random(2))])
    gaps = [after - before for before, after in itertools.pairwise(merged)]
    assert pytest.approx(1 / 1000, rel=0.01) == statistics.mean(gaps)
    assert pytest.approx(1 / 1000, rel=0.02) == statistics.stdev(gaps)
