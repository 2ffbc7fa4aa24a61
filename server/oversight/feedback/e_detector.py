"""The e-detector: a rise of a mean, found outcome by outcome, with a bound on false alarms at any time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["RUN_LENGTH", "Detector", "advance", "bet_on", "e_value"]

RUN_LENGTH = 5_000
"""The alarm level: no more than one false alarm in so many outcomes, on average."""

_CAP = 10_000.0 * RUN_LENGTH
"""The statistic stops here, so that an alarm can clear once the rate is back; a smaller one is no less valid."""


class Detector(NamedTuple):
    """
    The state of one detector: pass it in with the next outcomes.

    `statistic` is M, from 0; `outcomes` counts those it has seen.
    """

    statistic: float = 0.0
    outcomes: int = 0


def bet_on(limit: float, rise: float = 0.05) -> float:
    """
    Return the bet lambda = rise / (limit (1 - limit)), whose evidence grows fastest at a rate of limit + *rise*.

    It maximises p ln(1 + l (1 - limit)) + (1 - p) ln(1 - l limit) at p = limit + rise (Kelly 1956, Bell System
    Technical Journal 35(4), 917-926). Raises ValueError where *limit* or limit + rise is not between 0 and 1.
    """
    if not 0 < limit < limit + rise < 1:
        raise ValueError(f"limit is {limit}; expected more than 0 and less than {1 - rise:g}")
    return rise / (limit * (1 - limit))


def advance(detector: Detector, values: Iterable[float], *, limit: float, bet: float | None = None) -> Detector:
    """
    Return the detector after more *values*, each in 0..1, in the order they were decided.

    Shiryaev-Roberts: M <- (M + 1) (1 + lambda (x - limit)), lambda the *bet* (by default `bet_on` the limit), capped
    far above the alarm level. H0: the mean of the next value, given all before, is at most *limit*. Then M minus the
    number of values is a supermartingale, and the mean time to M >= c at least c: an alarm at 5,000 is false at most
    once in 5,000 outcomes on average. No distribution is assumed, nor independence.

    Raises ValueError for a value outside 0..1, or a bet outside 0..1/limit, at which the factor could be negative.

    Source: Shin, Ramdas and Rinaldo 2024, "E-detectors: a nonparametric framework for sequential change detection", New
    England Journal of Statistics in Data Science 2(2), 229-260 (arXiv 2203.03532), SR-type e-detector, bounded means.
    """
    bet = bet_on(limit) if bet is None else bet
    if not 0 <= bet * limit <= 1:
        raise ValueError(f"bet is {bet}; expected a number in 0..{1 / limit:g} (1 / limit)")
    statistic, outcomes = detector
    for value in values:
        if not 0 <= value <= 1:
            raise ValueError(f"a value is {value}; expected a number in 0..1")
        statistic = min((statistic + 1) * (1 + bet * (value - limit)), _CAP)
        outcomes += 1
    return Detector(statistic, outcomes)


def e_value(detector: Detector, *, rate: float = 0.1) -> float:
    """
    Return the detector's evidence as an e-value for e-BH at *rate*: M / (rate * 5,000).

    For one detector alone e-BH then alarms exactly at M >= 5,000; for the k-th best of K at M >= 5,000 K / k. Because
    E[M] is at most the number of outcomes, the expected false share at any stopping time is at most rate times the
    expected outcomes until then, in units of rate * 5,000 ("error over patience", arXiv 2501.04130).
    """
    return detector.statistic / (rate * RUN_LENGTH)
