"""The breaker: towards more people, and no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.feedback.breaker import Step, Tightenable, tighten
from oversight.feedback.candidates import ThresholdLimits, stricter
from oversight.feedback.signs import Finding, Sign, State

CRITICAL = Finding(Sign.REPEAT_CONTACT_RISES, State.CRITICAL, 300)
AUTONOMY = Tightenable("autonomy_confidence", 0.80, ThresholdLimits(0.6, 0.99), 0.1)
AMOUNT = Tightenable("large_amount_minor", 50_000, ThresholdLimits(0, 100_000, "lower"), 20_000)


def test_a_critical_sign_takes_one_step_on_each_affected_threshold() -> None:
    """Several at once still take one; the evidence stands with it."""
    again = CRITICAL._replace(sign=Sign.CSAT_FALLS)
    expected = (
        Step("autonomy_confidence", 0.80, 0.9, (CRITICAL, again)),
        Step("large_amount_minor", 50_000, 30_000, (CRITICAL, again)),
    )
    assert expected == tighten([CRITICAL, again], [AUTONOMY, AMOUNT])


@pytest.mark.parametrize("state", [State.OK, State.WARN, State.INSUFFICIENT_DATA, State.BIASED])
def test_nothing_less_than_critical_takes_a_step(state: State) -> None:
    """A warning is for people."""
    assert () == tighten([CRITICAL._replace(state=state)], [AUTONOMY])


def test_only_the_signs_it_answers_move_a_threshold() -> None:
    """Skipped reviews are no reason to refuse amounts."""
    assert () == tighten([CRITICAL], [AUTONOMY._replace(signs=frozenset({Sign.CSAT_FALLS}))])


@pytest.mark.parametrize(("value", "after"), [(0.95, 0.99), (0.99, None), (0.995, None)])
def test_a_step_ends_at_the_bound_and_never_goes_back(value: float, after: float | None) -> None:
    """Beyond the bound it stays: to pull it back in would loosen it."""
    steps = tighten([CRITICAL], [AUTONOMY._replace(value=value)])
    assert ([] if after is None else [after]) == [step.after for step in steps]


def test_a_constraint_is_kept() -> None:
    """The handover limit stays below the autonomy limit."""
    limits = ThresholdLimits(0.3, 0.8, constraints=(("<", 0.6),))
    (step,) = tighten([CRITICAL], [Tightenable("handover_confidence", 0.55, limits, 0.1)])
    assert 0.599999 == step.after


@pytest.mark.parametrize("step", [0.0, -0.1, float("nan")])
def test_a_step_goes_somewhere(step: float) -> None:
    """A negative step would loosen."""
    with pytest.raises(ValueError, match="expected a number above 0"):
        tighten([CRITICAL], [AUTONOMY._replace(step=step)])


@given(st.floats(-10, 10), st.floats(-5, 0), st.floats(0, 5), st.floats(0.001, 5), st.sampled_from(["raise", "lower"]))
def test_it_only_ever_tightens(value: float, low: float, high: float, step: float, tightens: str) -> None:
    """Automation may tighten, people loosen."""
    for taken in tighten([CRITICAL], [Tightenable("t", value, ThresholdLimits(low, high, tightens), step)]):
        assert taken.after == stricter(taken.after, value, tightens) != value
        assert low - 1e-6 <= taken.after <= high + 1e-6
