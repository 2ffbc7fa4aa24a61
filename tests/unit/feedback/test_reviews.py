"""The fourth sign: reviews skipped, or done without looking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2

from oversight.feedback.reviews import Approvals, join_reviews, rubber_stamps, skipped_reviews, trend_p_value
from oversight.feedback.signs import Finding, Sign, State

LOAD = np.linspace(0, 10, 400)


def done(share_low: float, share_high: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Reviews done with a chance that changes with the load."""
    load = np.linspace(0, 10, count)
    return np.random.default_rng(4).random(count) < share_low + (share_high - share_low) * load / 10, load


@pytest.mark.parametrize(
    ("shares", "state"),
    [
        ((0.99, 0.6), State.WARN),
        ((0.6, 0.6), State.OK),
        ((0.8, 0.8), State.OK),
        ((1.0, 0.96), State.OK),
        ((0.6, 0.99), State.OK),
    ],
)
def test_skips_must_be_many_and_rise_with_load(shares: tuple[float, float], state: State) -> None:
    """Too few done at any load is another matter than reviews given up when it gets busy."""
    finding = skipped_reviews(*done(*shares))
    assert (state, 400, 0.95) == (finding.state, finding.n, finding.baseline)
    assert finding.p_value == max(finding.details["p_share"], finding.details["p_load"])


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_who_skips_nearly_all_does_so_at_any_load(share: float) -> None:
    """Nobody looks any more: that is not OK because it is so on quiet days, too."""
    finding = skipped_reviews(*done(share, share))
    assert (State.WARN, finding.details["p_share"]) == (finding.state, finding.p_value)
    assert finding.details["p_load"] > 0.01


def test_the_trend_is_a_logistic_slope() -> None:
    """The likelihood ratio of a fitted logistic regression says about the same."""
    reviews, load = done(0.97, 0.85)
    skipped = ~reviews

    def deviance(parameters: np.ndarray) -> float:
        linear = parameters[0] + parameters[1] * load
        return float(2 * (np.logaddexp(0, linear) - skipped * linear).sum())

    share = skipped.mean()
    null = -2 * (skipped.sum() * np.log(share) + (~skipped).sum() * np.log1p(-share))
    ratio = null - minimize(deviance, np.zeros(2)).fun
    assert pytest.approx(chi2.sf(ratio, 1) / 2, rel=0.35) == trend_p_value(skipped, load)


def test_perfect_separation_is_no_trouble() -> None:
    """All skipped above some load: a fit would diverge, the score does not."""
    assert trend_p_value(LOAD > 5, LOAD) < 1e-20


@pytest.mark.parametrize(
    ("skipped", "load"), [(np.zeros(9, bool), LOAD[:9]), (np.ones(9, bool), LOAD[:9]), (LOAD[:9] > 0, np.ones(9))]
)
def test_without_variation_there_is_nothing_to_learn(skipped: np.ndarray, load: np.ndarray) -> None:
    """No slope, no proof of one."""
    assert 1.0 == trend_p_value(skipped, load)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), min_size=1, max_size=60), st.data())
def test_the_order_of_reviews_changes_nothing(entries: list[tuple[bool, float]], data: st.DataObject) -> None:
    """To the last bit."""
    shuffled = data.draw(st.permutations(entries))
    first, second = (
        trend_p_value(np.array([s for s, _ in rows]), np.array([load for _, load in rows]))
        for rows in (entries, shuffled)
    )
    assert first == second


@pytest.mark.parametrize("due", [0, 49])
def test_below_fifty_due_nothing_is_known(due: int) -> None:
    """Not even with none done."""
    finding = skipped_reviews(np.zeros(due, bool), LOAD[:due])
    assert (State.INSUFFICIENT_DATA, 0.0 if due else None, None) == (finding.state, finding.value, finding.p_value)


@pytest.mark.parametrize(
    ("approvals", "state", "tested"),
    [
        (Approvals(100, 80, 45.0, planted=40, caught=38), State.OK, True),
        (Approvals(100, 80, 45.0, planted=40, caught=25), State.WARN, True),
        (Approvals(100, 80, 45.0, planted=10, caught=8), State.OK, True),
        (Approvals(200, 199, 9.9, planted=0, caught=0), State.WARN, False),
        (Approvals(200, 199, 10.0, planted=0, caught=0), State.OK, False),
        (Approvals(200, 198, 5.0, planted=0, caught=0), State.OK, False),
        (Approvals(200, 199, None, planted=40, caught=39), State.OK, True),
        (Approvals(200, 199, None, planted=0, caught=0), State.INSUFFICIENT_DATA, False),
        (Approvals(49, 49, 1.0, planted=40, caught=0), State.INSUFFICIENT_DATA, False),
        (Approvals(0, 0, None, planted=0, caught=0), State.INSUFFICIENT_DATA, False),
    ],
)
def test_rubber_stamps_miss_planted_errors_or_take_no_time(approvals: Approvals, state: State, tested: bool) -> None:
    """Either is enough; where nothing was planted and no time reported, nothing is known."""
    finding = rubber_stamps(approvals)
    assert (state, approvals.reviews, tested) == (finding.state, finding.n, finding.p_value is not None)
    assert (approvals.caught / approvals.planted if approvals.planted else None) == finding.value


def finding(state: State, value: float | None = 0.8) -> Finding:
    return Finding(Sign.REVIEWS_SKIPPED, state, 60, value, details={"p_share": 0.5})


@pytest.mark.parametrize(
    ("skipped", "stamps", "joined"),
    [
        (State.WARN, State.WARN, State.CRITICAL),
        (State.WARN, State.OK, State.WARN),
        (State.INSUFFICIENT_DATA, State.WARN, State.WARN),
        (State.OK, State.INSUFFICIENT_DATA, State.INSUFFICIENT_DATA),
        (State.OK, State.OK, State.OK),
    ],
)
def test_either_warns_and_both_are_critical(skipped: State, stamps: State, joined: State) -> None:
    """What is not known does not become OK beside something that is."""
    assert joined == join_reviews(finding(skipped), finding(stamps)).state


def test_the_figures_of_both_stand_side_by_side() -> None:
    """Who reads the sign sees why."""
    both = join_reviews(finding(State.OK), finding(State.OK, 0.9)).details
    assert {"p_share": 0.5, "stamps_p_share": 0.5, "stamps_caught_share": 0.9} == both
    assert "stamps_caught_share" not in join_reviews(finding(State.OK), finding(State.OK, None)).details
