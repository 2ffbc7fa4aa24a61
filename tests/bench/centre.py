"""A simulated contact centre for the certificates: confidences, errors, reviews, audits, complaints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit

from oversight.feedback.labels import LabelState
from oversight.feedback.rows import Rows

__all__ = ["SETTINGS", "Centre", "Traffic"]

_GRID = 100_000
_THRESHOLD = 0.85
"""What is in force while the labels are gathered: below it every reply is reviewed, above it some are audited."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What happened: rows as the service would have them, whether each reply was wrong, and who complained."""

    rows: Rows
    wrong: NDArray[np.bool_]
    complained: NDArray[np.bool_]

    def by_value(self) -> Traffic:
        """Return the same in ascending order of confidence."""
        order = np.argsort(self.rows.value)
        return Traffic(self.rows.take(order), self.wrong[order], self.complained[order])


@dataclass(frozen=True, slots=True)
class Centre:
    """
    One setting: how confident the AI is (a beta distribution), how often it errs at each confidence, what is checked.

    `skipped_right` and `skipped_wrong` are the chances that a due review or audit is not done, by whether the reply was
    right: reviewers that shun the difficult ones.
    """

    name: str
    risk: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    decisions: int = 20_000
    audit: float = 0.05
    max_error: float = 0.05
    beta: tuple[float, float] = (5.0, 1.1)
    complains: float = 0.3
    skipped_right: float = 0.0
    skipped_wrong: float = 0.0

    def traffic(self, rng: np.random.Generator) -> Traffic:
        """Return a new draw of the centre's decisions."""
        count = self.decisions
        value = rng.beta(*self.beta, count)
        wrong = rng.random(count) < self.risk(value)
        reviewed = value < _THRESHOLD
        due = reviewed | (rng.random(count) < self.audit)
        skipped = rng.random(count) < np.where(wrong, self.skipped_wrong, self.skipped_right)
        state = np.where(due, np.where(skipped, LabelState.MISSED, LabelState.LABELLED), LabelState.NOT_DUE)
        labelled = state == LabelState.LABELLED
        rows = Rows(
            decision_ids=_ids(count),
            draw=rng.random(count),
            decided_at_us=np.arange(count),
            value=value,
            probability=np.where(reviewed, 1.0, self.audit),
            state=state.astype(np.int8),
            loss=np.where(labelled, wrong, -1).astype(np.int8),
            labelled_at_us=np.where(labelled, np.arange(count), 0),
        )
        return Traffic(rows, wrong, wrong & (rng.random(count) < self.complains))

    def truth(self) -> tuple[Callable[[float], float], Callable[[float], float]]:
        """Return the true error rate and the true autonomy at a threshold, as functions of it."""
        grid = betaincinv(*self.beta, (np.arange(_GRID) + 0.5) / _GRID)
        risk = self.risk(grid)
        above = np.cumsum(risk[::-1])[::-1] / np.arange(_GRID, 0, -1)

        def error(threshold: float) -> float:
            return float(above[min(int(np.searchsorted(grid, threshold)), _GRID - 1)])

        def autonomy(threshold: float) -> float:
            return 1 - int(np.searchsorted(grid, threshold)) / _GRID

        return error, autonomy

    def best(self) -> float:
        """Return the largest autonomy that meets the target in truth, 0 where none does."""
        error, autonomy = self.truth()
        cuts = np.linspace(0, 1, 2001)[:-1]
        return max((autonomy(cut) for cut in cuts if error(cut) <= self.max_error), default=0.0)


@cache
def _ids(count: int) -> NDArray[np.bytes_]:
    return np.arange(count).astype("S32")


def _logistic(middle: float, slope: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda value: expit((middle - value) * slope)


def _flat(rate: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda value: np.full_like(value, rate)


SETTINGS = (
    Centre("informative confidence, 5 % audited", _logistic(0.52, 9.0)),
    Centre("informative confidence, 10 % audited", _logistic(0.52, 9.0), audit=0.10),
    Centre("weakly informative", _logistic(0.10, 4.0)),
    Centre("overconfident", lambda value: 0.02 + 0.9 * (1 - value) ** 1.5),
    Centre("flat risk just above target", _flat(0.051), audit=0.10),
    Centre("few decisions, 20 % audited", _logistic(0.52, 9.0), decisions=5_000, audit=0.20),
    Centre("target 2 %", _logistic(0.45, 9.0), max_error=0.02, audit=0.10),
    Centre("wrong replies are skipped", _logistic(0.52, 9.0), audit=0.10, skipped_right=0.02, skipped_wrong=0.2),
)
