"""Differences of means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from oversight.feedback.welch import Difference, Scores, difference, scores_of


def test_one_intent_is_welchs_test() -> None:
    """SciPy's agrees: p-value and interval."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(3.9, 1.0, 120), rng.normal(4.1, 0.6, 300)
    expected = ttest_ind(first, second, equal_var=False, alternative="less")
    low, high = ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    found = difference([(scores_of(first.tolist()), scores_of(second.tolist()))], confidence=0.9)
    assert found is not None
    assert (first.mean() - second.mean(), low, high, expected.pvalue) == pytest.approx(found[:4])
    assert (120, 300) == found[4:]


def test_a_change_of_mix_alone_is_no_difference() -> None:
    """More of an intent that was always rated low must not look like a fall (Simpson's paradox)."""
    easy, hard = Scores(900, 4.5, 0.5), Scores(100, 2.5, 0.5)
    found = difference([(easy._replace(n=100), easy), (hard._replace(n=900), hard)])
    assert found is not None
    assert (0.0, 0.5) == pytest.approx((found.value, found.p_fall))


def test_weights_are_the_second_groups_mix() -> None:
    """Direct standardisation: 0.75 of the one fall, 0.25 of the other."""
    pairs = [(Scores(50, 3.0, 1.0), Scores(300, 4.0, 1.0)), (Scores(50, 4.0, 1.0), Scores(100, 4.0, 1.0))]
    found = difference(pairs)
    assert found is not None
    assert pytest.approx(-0.75) == found.value


def test_intents_with_too_few_scores_are_left_out() -> None:
    """One score has no variance; none left, no difference."""
    few = (Scores(1, 1.0, 0.0), Scores(9, 5.0, 1.0))
    pair = (Scores(9, 4.0, 1.0), Scores(9, 4.0, 1.0))
    assert difference([pair]) == difference([pair, few])
    assert difference([few]) is None


@pytest.mark.parametrize(("first", "p_fall"), [(4.0, 0.0), (5.0, 1.0)])
def test_scores_that_never_vary_differ_by_what_they_differ(first: float, p_fall: float) -> None:
    """No variance is no error."""
    expected = Difference(first - 5.0, first - 5.0, first - 5.0, p_fall, 9, 9)
    assert expected == difference([(Scores(9, first, 0.0), Scores(9, 5.0, 0.0))])


def test_a_confidence_is_between_0_and_1() -> None:
    """An interval of certainty has no ends."""
    with pytest.raises(ValueError, match="confidence is 1"):
        difference([], confidence=1.0)


@given(st.lists(st.floats(1, 5), max_size=20), st.data())
def test_sums_do_not_depend_on_the_order(values: list[float], data: st.DataObject) -> None:
    """To the last bit: replicas compare."""
    found = scores_of(values)
    assert found == scores_of(data.draw(st.permutations(values)))
    assert (len(values), float(np.mean(sorted(values))) if values else 0.0) == found[:2]
