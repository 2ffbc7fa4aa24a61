"""The first sign: satisfaction falls while volume rises."""

import numpy as np
import pytest

from oversight.feedback.csat import IntentCsat, csat_falls, volume_rise_p_value
from oversight.feedback.signs import State
from oversight.feedback.welch import Scores

BEFORE = Scores(400, 4.2, 0.8)
CALM, BUSY = [100] * 28, [130] * 14


def intent(drop: float, n: int = 260) -> IntentCsat:
    return IntentCsat(Scores(n, 4.2 - drop, 0.8), BEFORE, human=Scores(200, 4.3, 0.8))


@pytest.mark.parametrize(
    ("drop", "state"),
    [(0.10, State.OK), (0.16, State.OK), (0.25, State.WARN), (0.35, State.CRITICAL), (-0.3, State.OK)],
)
def test_a_fall_has_to_be_shown_and_to_matter(drop: float, state: State) -> None:
    """A small fall is no warning, an unproven one neither."""
    assert state == csat_falls([intent(drop)], BUSY, CALM).state


def test_a_small_fall_that_is_certain_is_no_warning() -> None:
    """With a hundred thousand scores everything is significant."""
    many = IntentCsat(Scores(90_000, 4.1, 0.8), Scores(138_000, 4.2, 0.8))
    finding = csat_falls([many], [45_000] * 14, [34_000] * 28)
    assert (State.OK, True) == (finding.state, (finding.p_value or 1) < 0.001)


def test_a_fall_without_more_volume_is_not_this_sign() -> None:
    """Both have to be shown; the larger p-value counts."""
    finding = csat_falls([intent(0.35, n=200)], [100] * 14, CALM)
    assert State.OK == finding.state
    assert finding.p_value == finding.details["p_rise"] > finding.details["p_fall"]


def test_the_figures_stand_beside_it() -> None:
    """Who reads the warning sees how people fared, and how many answered."""
    finding = csat_falls([intent(0.35)], BUSY, CALM)
    assert (260, 0.0) == (finding.n, finding.baseline)
    assert pytest.approx(-0.35) == finding.value
    assert (finding.low or 0) < -0.35 < (finding.high or 0)
    assert pytest.approx(-0.45) == finding.details["ai_less_human"]
    assert finding.details["ai_less_human_low"] < -0.45 < finding.details["ai_less_human_high"]
    assert (260 / 1820, 400 / 2800) == (finding.details["response_rate"], finding.details["response_rate_before"])


def test_without_scores_of_people_there_is_no_comparison() -> None:
    """Absent is not zero."""
    assert "ai_less_human" not in csat_falls([intent(0.35)._replace(human=Scores(0, 0, 0))], BUSY, CALM).details


@pytest.mark.parametrize("n", [300, 340])
def test_other_customers_answering_is_biased(n: int) -> None:
    """A fifth more or fewer scores per contact, and it is not the same people who speak."""
    expected = State.BIASED if n / 1820 / (400 / 2800) > 1.2 else State.CRITICAL
    assert expected == csat_falls([intent(0.35, n=n)], BUSY, CALM).state
    assert State.BIASED == csat_falls([intent(0.35, n=200)], BUSY, CALM).state


@pytest.mark.parametrize("intents", [[], [intent(0.35, n=99)], [IntentCsat(BEFORE, Scores(99, 4.2, 0.8))]])
def test_below_a_hundred_scores_a_window_nothing_is_known(intents: list[IntentCsat]) -> None:
    """A state of its own, never OK, and not in the family of tests."""
    finding = csat_falls(intents, BUSY, CALM)
    assert (State.INSUFFICIENT_DATA, None) == (finding.state, finding.p_value)


@pytest.mark.parametrize(("recent", "before"), [(BUSY[1:], CALM), (BUSY, CALM[1:])])
def test_windows_are_whole(recent: list[int], before: list[int]) -> None:
    """A missing day would count as a fall of volume."""
    with pytest.raises(ValueError, match="expected 14 and 28"):
        csat_falls([intent(0.3)], recent, before)


def test_there_are_no_more_scores_than_contacts() -> None:
    """Else the counts are of two different things."""
    with pytest.raises(ValueError, match="260 scores of 140 contacts"):
        csat_falls([intent(0.3)], [10] * 14, CALM)


def test_counts_that_scatter_need_a_larger_rise() -> None:
    """Campaign days are no trend: quasi-Poisson, not Poisson."""
    steady, scattered = [100] * 28, [10, 190] * 14
    assert volume_rise_p_value([115] * 14, steady) < 1e-4
    assert volume_rise_p_value([115] * 14, scattered) > 0.05


def test_the_rise_keeps_its_level() -> None:
    """Simulated: of 2,000 calm, overdispersed weeks about 1 % are below .01."""
    rng = np.random.default_rng(3)
    days = rng.negative_binomial(20, 0.2, size=(2_000, 42))
    share = np.mean([volume_rise_p_value(run[:14], run[14:]) < 0.01 for run in days])
    assert share < 0.01 + 3 * np.sqrt(0.01 * 0.99 / 2_000)


def test_no_volume_now_is_no_rise_and_none_before_is_no_comparison() -> None:
    """Nothing to compare with is not a rise from zero."""
    assert 1.0 == volume_rise_p_value([0] * 14, [5] * 28)
    with pytest.raises(ValueError, match="no contacts before"):
        volume_rise_p_value([5] * 14, [0] * 28)
