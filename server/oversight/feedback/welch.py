"""Differences of means between groups whose variances differ, standardised to one mix."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

__all__ = ["Difference", "Scores", "difference", "scores_of"]


class Scores(NamedTuple):
    """How many scores, their mean, and their sample variance (divided by n - 1; 0 for fewer than two)."""

    n: int
    mean: float
    variance: float


class Difference(NamedTuple):
    """
    First minus second mean, in the unit of the scores, with an interval.

    `p_fall` is the p-value of "it is not below 0". `n_first` and `n_second` count the scores it rests on.
    """

    value: float
    low: float
    high: float
    p_fall: float
    n_first: int
    n_second: int


def scores_of(values: Sequence[float]) -> Scores:
    """Return *values* summed up; 0 for the mean of none."""
    array = np.sort(np.asarray(values, dtype=np.float64))  # sorted: rounding must not depend on the order of rows
    return Scores(
        len(array),
        float(array.mean()) if len(array) else 0.0,
        float(array.var(ddof=1)) if len(array) > 1 else 0.0,
    )


def difference(pairs: Sequence[tuple[Scores, Scores]], *, confidence: float = 0.95) -> Difference | None:
    """
    Return the mean difference of the *pairs* (one per intent), standardised to the second group's mix.

    D = sum w_i (m1_i - m2_i), w_i the share of intent i among the second group's scores; Var D = sum w_i^2 (s1_i^2/n1_i
    + s2_i^2/n2_i); Student's t with the degrees of freedom of Welch and Satterthwaite, Var^2 / sum v^2/(n - 1) over the
    parts v of Var. Intents with fewer than two scores on a side are left out; None where none is left. For one intent
    this is Welch's test.

    Assumes independent scores, and enough of them that means are close to normal (scores are bounded, so some dozens).

    Source: Welch 1947, Biometrika 34(1-2), 28-35; Satterthwaite 1946, Biometrics Bulletin 2(6), 110-114; direct
    standardisation: Rothman, Greenland and Lash, Modern Epidemiology, 3rd edition, chapter 3.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1")
    used = [pair for pair in pairs if min(pair[0].n, pair[1].n) > 1]
    if not used:
        return None
    total = sum(second.n for _, second in used)
    value = sum(second.n / total * (first.mean - second.mean) for first, second in used)
    parts = [
        ((second.n / total) ** 2 * side.variance / side.n, side.n) for first, second in used for side in (first, second)
    ]
    variance = sum(part for part, _ in parts)
    squares = sum(part**2 / (n - 1) for part, n in parts)
    freedom = variance**2 / squares if squares else inf
    error = sqrt(variance)
    if error:
        p_fall = float(stdtr(freedom, value / error))
        reach = error * float(stdtrit(freedom, 0.5 + confidence / 2))
    else:  # nothing varies: the difference is what it is
        p_fall, reach = float(value >= 0), 0.0
    n_first = sum(first.n for first, _ in used)
    return Difference(value, value - reach, value + reach, p_fall, n_first, total)
