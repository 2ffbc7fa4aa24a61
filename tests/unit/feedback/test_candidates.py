"""Candidate thresholds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.feedback.candidates import ThresholdLimits, autonomous, candidates, stricter

ANYWHERE = ThresholdLimits(0.0, 1.0)


def test_candidates_are_twelve_quantiles_strict_to_lenient() -> None:
    """The order of tests is fixed before any label is looked at."""
    values = np.arange(1, 1301) / 1300
    expected = [round(np.ceil(1300 * level - 1e-9) / 1300, 6) for level in np.arange(12, 0, -1) / 13]
    assert expected == pytest.approx(candidates(values, ANYWHERE), abs=1.1e-6)


def test_where_lowering_tightens_the_lowest_comes_first() -> None:
    """An amount, or a score of danger: less is more careful."""
    found = candidates(np.arange(1.0, 14.0), ThresholdLimits(0, 100, "lower"))
    assert tuple(range(1, 13)) == found


@pytest.mark.parametrize(("tightens", "expected"), [("raise", 0.123457), ("lower", 0.123456)])
def test_rounding_is_towards_the_strict_side(tightens: str, expected: float) -> None:
    """A rounded threshold must not let more through than the quantile did."""
    assert (expected,) == candidates(np.full(5, 0.1234565), ThresholdLimits(0, 1, tightens))


def test_candidates_stay_within_bounds_and_constraints_each_once() -> None:
    """What could not be set is not proposed."""
    limits = ThresholdLimits(0.2, 0.9, constraints=((">", 0.5), ("<=", 0.8)))
    found = candidates(np.linspace(0, 1, 1001), limits)
    assert (0.8, 0.500001) == (found[0], found[-1])
    assert len(set(found)) == len(found) < 12


def test_absent_values_are_left_out_and_no_values_have_no_candidates() -> None:
    """A missing signal is no quantile."""
    assert (0.5,) == candidates(np.array([0.5, np.nan]), ANYWHERE)
    assert () == candidates(np.array([np.nan]), ANYWHERE)


@pytest.mark.parametrize(
    ("limits", "within"),
    [
        (ThresholdLimits(0, 1), [False, True, True, False]),
        (ThresholdLimits(0, 1, inclusive=False), [False, False, True, False]),
        (ThresholdLimits(0, 1, "lower"), [True, True, False, False]),
        (ThresholdLimits(0, 1, "lower", inclusive=False), [True, False, False, False]),
    ],
)
def test_autonomous_is_what_the_rule_lets_through(limits: ThresholdLimits, within: list[bool]) -> None:
    """A value exactly at the threshold counts as the rule would decide it; an absent one is never autonomous."""
    assert within == autonomous(np.array([0.4, 0.5, 0.6, np.nan]), 0.5, limits).tolist()


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (ThresholdLimits(0, 1, "up"), "tightens is 'up'"),
        (ThresholdLimits(0, 1, constraints=(("!=", 0.5),)), "operator is '!='"),
        (ThresholdLimits(0, 0.4, constraints=((">=", 0.5),)), "leave nothing between 0.5 and 0.4"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: ThresholdLimits, problem: str) -> None:
    """A typing error must not widen what may be proposed."""
    with pytest.raises(ValueError, match=problem):
        limits.clip(0.5)


@pytest.mark.parametrize(("operator", "range_"), [("<", (0, 0.499999)), (">=", (0.5, 1)), (">", (0.500001, 1))])
def test_a_constraint_narrows_the_range(operator: str, range_: tuple[float, float]) -> None:
    """Strict ones by the smallest step that is written down."""
    assert range_ == ThresholdLimits(0, 1, constraints=((operator, 0.5),)).range()


@given(
    st.lists(st.floats(0, 1), min_size=1),
    st.sampled_from(["raise", "lower"]),
    st.floats(0, 0.5),
    st.floats(0.5, 1),
)
def test_candidates_are_ordered_bounded_and_nested(
    values: list[float], tightens: str, minimum: float, maximum: float
) -> None:
    """Each lets through all that the one before did: only so the first failure may end the sequence."""
    limits = ThresholdLimits(minimum, maximum, tightens)
    found = candidates(np.array(values), limits)
    low, high = limits.range()
    assert all(low <= threshold <= high for threshold in found)
    for strict, lenient in pairwise(found):
        assert strict != lenient
        assert strict == stricter(strict, lenient, tightens)
        assert not (autonomous(np.array(values), strict, limits) & ~autonomous(np.array(values), lenient, limits)).any()
    assert candidates(np.array(values[::-1]), limits) == found
