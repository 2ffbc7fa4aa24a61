"""Sampling: every row with the same chance."""

import numpy as np
import pytest

from oversight.feedback.sampling import equal_probability, equalising_draw, propensity_weights


def test_an_id_always_draws_the_same() -> None:
    """Asking twice must give the same answer, on any machine and in any version."""
    assert 0.44116657432760686 == equalising_draw("0" * 32)


def test_draws_are_uniform() -> None:
    """The sample is equal only if the draws are: Kolmogorov's distance of 20,000 ids that look alike."""
    draws = np.sort([equalising_draw(f"{number:032x}") for number in range(20_000)])
    assert 0 <= draws[0] < draws[-1] < 1
    assert np.abs(draws - np.arange(20_000) / 20_000).max() < 1.63 / np.sqrt(20_000)


def test_rows_are_kept_with_the_least_chance_over_their_own() -> None:
    """A review (1) stays one in twenty times beside audits of 5 %, which all stay."""
    draw = np.linspace(0, 1, 1000, endpoint=False)
    assert equal_probability(np.full(1000, 1.0), draw, least=0.05).sum() == 50
    assert equal_probability(np.full(1000, 0.05), draw, least=0.05).all()
    assert equal_probability(np.full(1000, 0.1), draw, least=0.05).sum() == 500


def test_where_some_can_never_be_seen_nothing_stays() -> None:
    """A population with a blind spot has no equal-probability sample."""
    assert not equal_probability(np.array([0.0, 1.0]), np.array([0.0, 0.0]), least=0.0).any()


def test_the_least_chance_is_a_probability() -> None:
    """A wrong one would keep everything in silence."""
    with pytest.raises(ValueError, match=r"least is 1.5; expected a probability in 0..1"):
        equal_probability(np.ones(1), np.zeros(1), least=1.5)


def test_weights_are_the_inverse_of_chances() -> None:
    """Horvitz and Thompson's weights."""
    assert [1.0, 20.0] == pytest.approx(propensity_weights(np.array([1.0, 0.05])))


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.1, float("nan")])
def test_a_row_that_could_not_be_looked_at_has_no_weight(wrong: float) -> None:
    """An infinite weight, or a made-up one, would drown all others in training."""
    with pytest.raises(ValueError, match=r"not in \(0, 1\]"):
        propensity_weights(np.array([0.5, wrong]))
