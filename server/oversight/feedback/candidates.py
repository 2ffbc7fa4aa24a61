"""Candidates: the threshold values that a recommendation tries, chosen before any label is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RAISE", "ThresholdLimits", "autonomous", "candidates", "stricter"]

RAISE, LOWER = "raise", "lower"
COUNT = 12
_DECIMALS = 6
_STEP = 10.0**-_DECIMALS
_ABOVE: Mapping[str, Callable[[float], float]] = {">=": float, ">": lambda value: value + _STEP}
_BELOW: Mapping[str, Callable[[float], float]] = {"<=": float, "<": lambda value: value - _STEP}


class ThresholdLimits(NamedTuple):
    """
    Where a threshold may lie, in its own unit.

    `tightens` is `raise` or `lower`, the direction that puts more in front of people. `constraints` are what must hold
    against other thresholds' values in the same scope: an operator (< <= > >=) and the number, the threshold on the
    left. `inclusive`: a value exactly at the threshold is autonomous (the rule says `below` or `above`); not so where
    the rule says `at_most` or `at_least`.
    """

    minimum: float
    maximum: float
    tightens: str = RAISE
    constraints: tuple[tuple[str, float], ...] = ()
    inclusive: bool = True

    def range(self) -> tuple[float, float]:
        """
        Return the lowest and the highest value that bounds and constraints allow; a strict one by 0.000001.

        Raises ValueError where nothing is left, or for an unknown direction or operator.
        """
        low, high = self.minimum, self.maximum
        if self.tightens not in (RAISE, LOWER):
            raise ValueError(f"tightens is {self.tightens!r}; expected 'raise' or 'lower'")
        for operator, value in self.constraints:
            if operator in _ABOVE:
                low = max(low, _ABOVE[operator](value))
            elif operator in _BELOW:
                high = min(high, _BELOW[operator](value))
            else:
                raise ValueError(f"the operator is {operator!r}; expected one of < <= > >=")
        if low > high:
            raise ValueError(f"bounds and constraints leave nothing between {low:g} and {high:g}")
        return round(low, _DECIMALS), round(high, _DECIMALS)

    def clip(self, value: float) -> float:
        """Return the allowed value nearest to *value*; raises ValueError as `range`."""
        low, high = self.range()
        return min(max(value, low), high)


def candidates(values: NDArray[np.float64], limits: ThresholdLimits, *, count: int = COUNT) -> tuple[float, ...]:
    """
    Return at most *count* threshold values, strict to lenient, each once.

    They are the quantiles 1/(count + 1) ... count/(count + 1) of the *values* of **all** eligible decisions (absent
    ones, NaN, left out), labelled or not, rounded to six decimals towards the strict side and clipped to bounds and
    constraints. No label is looked at: that is what makes the order of tests a fixed one. No values, no candidates.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return ()
    levels = np.arange(1, count + 1) / (count + 1)
    # A value that was seen, and no mean of two: half-way between two amounts there is nothing to decide.
    found = np.quantile(known, levels, method="inverted_cdf")
    clipped = {limits.clip(_round(float(value), limits.tightens)) for value in found}
    return tuple(sorted(clipped, reverse=limits.tightens == RAISE))


def _round(value: float, tightens: str) -> float:
    rounded = round(value, _DECIMALS)
    step = _STEP if tightens == RAISE else -_STEP
    return rounded if stricter(rounded, value, tightens) == rounded else round(rounded + step, _DECIMALS)


def autonomous(values: NDArray[np.float64], threshold: float, limits: ThresholdLimits) -> NDArray[np.bool_]:
    """Return which *values* a decision may have to be autonomous at *threshold*; an absent one (NaN) never is."""
    if limits.tightens == RAISE:
        return values >= threshold if limits.inclusive else values > threshold
    return values <= threshold if limits.inclusive else values < threshold


def stricter(one: float, other: float, tightens: str) -> float:
    """Return the value that puts more in front of people."""
    return max(one, other) if tightens == RAISE else min(one, other)
