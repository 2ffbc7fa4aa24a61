"""Multiple testing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from oversight.feedback.multiplicity import benjamini_hochberg, e_benjamini_hochberg


@given(st.lists(st.floats(0, 1), min_size=1))
def test_discoveries_are_those_of_an_independent_implementation(p_values: list[float]) -> None:
    """SciPy's adjusted p-values say the same."""
    adjusted = false_discovery_control(p_values)
    clear = np.abs(adjusted - 0.1) > 1e-9
    found = np.array(benjamini_hochberg(p_values))
    assert ((adjusted <= 0.1) == found)[clear].all()


def test_the_step_up_reaches_past_a_gap() -> None:
    """The largest k counts, also where a smaller one misses its own line."""
    assert [True, True, True, False] == benjamini_hochberg([0.049, 0.04, 0.06, 0.9], rate=0.1)


def test_few_e_values_must_be_large_and_many_may_be_smaller() -> None:
    """The k-th largest must reach K / (rate k)."""
    assert [True] == e_benjamini_hochberg([10.0])
    assert [False, False] == e_benjamini_hochberg([19.9, 0.0])
    assert [True, False] == e_benjamini_hochberg([20.0, 9.9])
    assert [True, True] == e_benjamini_hochberg([10.0, 10.0])


@pytest.mark.parametrize("procedure", [benjamini_hochberg, e_benjamini_hochberg])
def test_no_tests_no_discoveries(procedure) -> None:  # type: ignore[no-untyped-def]  # either of the two
    """A quiet department is asked about, too."""
    assert [] == procedure([])


@given(st.lists(st.floats(0, 1e6), min_size=1), st.data())
def test_e_values_of_inverse_p_values_discover_no_more(p_like: list[float], data: st.DataObject) -> None:
    """1 / e is a p-value, a worse one: what e-BH finds, BH finds as well."""
    p_values = [min(1.0, 1 / value) if value else 1.0 for value in p_like]
    found_e, found_p = e_benjamini_hochberg(p_like, rate=0.1), benjamini_hochberg(p_values, rate=0.1 * (1 + 1e-9))
    assert all(by_p or not by_e for by_e, by_p in zip(found_e, found_p, strict=True))
    order = data.draw(st.permutations(range(len(p_like))))
    assert [found_e[place] for place in order] == e_benjamini_hochberg([p_like[place] for place in order])
