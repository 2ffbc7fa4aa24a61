"""The e-detector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.feedback.e_detector import RUN_LENGTH, Detector, advance, bet_on, e_value
from oversight.feedback.multiplicity import e_benjamini_hochberg


def test_it_is_the_sum_of_bets_begun_at_every_outcome() -> None:
    """The recursion equals its definition: sum over starts s of the product from s to t."""
    values, limit, bet = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 0.15, 0.4
    factors = 1 + bet * (np.array(values) - limit)
    expected = sum(float(np.prod(factors[start:])) for start in range(len(values)))
    assert pytest.approx(expected) == advance(Detector(), values, limit=limit, bet=bet).statistic


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 30))
def test_it_may_be_fed_in_parts(values: list[float], cut: int) -> None:
    """State in, state out: a day's outcomes at a time."""
    whole = advance(Detector(), values, limit=0.15)
    assert whole == advance(advance(Detector(), values[:cut], limit=0.15), values[cut:], limit=0.15)
    assert len(values) == whole.outcomes


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_a_bad_outcome_more_never_calms_it(values: list[bool], data: st.DataObject) -> None:
    """Evidence grows with every repeat contact."""
    place = data.draw(st.integers(0, len(values) - 1))
    worse = [*values[:place], True, *values[place + 1 :]]
    calm, alarmed = (advance(Detector(), [float(v) for v in run], limit=0.15).statistic for run in (values, worse))
    assert calm <= alarmed


def test_at_the_limit_it_grows_by_one_an_outcome_on_average() -> None:
    """This is the guarantee: E[M] is the number of outcomes, so 5,000 is reached once in 5,000 at most."""
    rng = np.random.default_rng(2)
    runs = [
        advance(Detector(), (rng.random(50) < 0.15).astype(float).tolist(), limit=0.15).statistic for _ in range(4_000)
    ]
    assert abs(np.mean(runs) - 50) < 3 * np.std(runs) / np.sqrt(4_000)


def test_the_bet_is_the_fastest_for_the_rise_it_is_made_for() -> None:
    """Kelly: no other bet's evidence grows faster at limit + rise."""
    limit, rate = 0.15, 0.20
    bets = np.linspace(0.01, 2, 400)
    growth = rate * np.log(1 + bets * (1 - limit)) + (1 - rate) * np.log(1 - bets * limit)
    assert pytest.approx(bets[growth.argmax()], abs=0.005) == bet_on(limit)


def test_it_stops_far_above_the_alarm_so_that_it_can_clear() -> None:
    """A year of alarms must not take a year to forget."""
    loud = advance(Detector(), [1.0] * 10_000, limit=0.15)
    assert loud.statistic == 10_000 * RUN_LENGTH
    assert advance(loud, [0.0] * 400, limit=0.15).statistic < RUN_LENGTH


@pytest.mark.parametrize("count", [1, 7])
def test_alone_it_alarms_at_its_run_length_and_among_many_at_as_many_times_that(count: int) -> None:
    """Its e-value form for several intents."""
    calm = [e_value(Detector(0.0, 9))] * (count - 1)
    assert e_benjamini_hochberg([e_value(Detector(RUN_LENGTH * count, 9)), *calm])[0]
    assert not e_benjamini_hochberg([e_value(Detector(RUN_LENGTH * count * 0.999, 9)), *calm])[0]


@pytest.mark.parametrize("limit", [0.0, 0.95, 1.2])
def test_a_limit_leaves_room_for_a_rise(limit: float) -> None:
    """Above it there is nothing left to detect."""
    with pytest.raises(ValueError, match="limit is"):
        bet_on(limit)


@pytest.mark.parametrize(("values", "bet"), [([1.5], None), ([float("nan")], None), ([0.5], -0.1), ([0.5], 7.0)])
def test_values_and_bets_out_of_range_are_refused(values: list[float], bet: float | None) -> None:
    """A negative factor would make the guarantee void, and nobody would see it."""
    with pytest.raises(ValueError, match="expected a number in 0"):
        advance(Detector(), values, limit=0.15, bet=bet)
