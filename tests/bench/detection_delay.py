"""How fast the e-detector finds a rise, and how often it is wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oversight.feedback.e_detector import RUN_LENGTH, bet_on

__all__ = ["Delays", "delays"]


class Delays(NamedTuple):
    """Outcomes until the alarm after a change at the start: quartiles; and the share of calm runs with an alarm."""

    quartiles: tuple[float, float, float]
    false_alarms: float


def delays(*, before: float, after: float, outcomes: int, runs: int, seed: int, bet: float | None = None) -> Delays:
    """Run the e-detector's recursion on many streams at once, against a baseline of *before*."""
    rng = np.random.default_rng(seed)
    limit = before + 0.03
    alarms = [_first_alarms(rng, rate, limit, bet or bet_on(limit), outcomes, runs) for rate in (after, before)]
    low, middle, high = np.percentile(alarms[0], [25, 50, 75])
    return Delays((float(low), float(middle), float(high)), float(np.mean(alarms[1] <= outcomes)))


def _first_alarms(
    rng: np.random.Generator, rate: float, limit: float, bet: float, outcomes: int, runs: int
) -> NDArray[np.int64]:
    statistic, first = np.zeros(runs), np.full(runs, outcomes + 1)
    for number in range(1, outcomes + 1):
        statistic = (statistic + 1) * (1 + bet * ((rng.random(runs) < rate) - limit))
        first = np.where((first > outcomes) & (statistic >= RUN_LENGTH), number, first)
    return first
