"""Sampling: from rows that were looked at with unequal chances to a sample in which every row had the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oversight.feedback.draws import equalising_draw

__all__ = ["equal_probability", "equalising_draw", "propensity_weights"]


def equal_probability(
    probability: NDArray[np.float64], draw: NDArray[np.float64], *, least: float
) -> NDArray[np.bool_]:
    """
    Return which rows stay in a sample that holds every row with one and the same chance, *least*.

    A row that was looked at with chance p (*probability*, 0..1) stays if its *draw* is below least / p; then its chance
    to be looked at and to stay is p * least / p = least. *least* is the smallest chance among all rows that the answer
    is about, also those nobody looked at. Where it is 0 some rows can never be seen, and nothing stays.

    Assumes that chances are those the rows really had, and draws independent of them and of the labels. Unlike weights,
    this leaves counts, for which exact binomial tests and intervals hold: thinning by acceptance and rejection, von
    Neumann 1951, "Various techniques used in connection with random digits", NBS Applied Mathematics Series 12, 36-38.
    """
    if not 0 <= least <= 1:
        raise ValueError(f"least is {least}; expected a probability in 0..1")
    # The product and not the quotient: a row with no chance at all divides by nothing, and the last row of a sample
    # that needs no thinning must not be lost to rounding.
    return (draw * probability < least) & (probability > 0)


def propensity_weights(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the weight 1 / p of each row that was looked at with chance p (*probability*, in (0, 1]).

    A sum of values times these weights estimates the sum over all rows without bias. For training and for totals; no
    rate or certificate is made of weighted rows. Raises ValueError for a chance outside (0, 1]: such a row cannot have
    been looked at by design.

    Source: Horvitz and Thompson 1952, "A generalization of sampling without replacement from a finite universe",
    Journal of the American Statistical Association 47(260), 663-685.
    """
    if not bool(np.all((probability > 0) & (probability <= 1))):
        raise ValueError("a probability is not in (0, 1]; expected the chance with which the row was looked at")
    return 1.0 / probability
