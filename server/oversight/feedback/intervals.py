"""Intervals for rates: what a number of errors among a number of labels says about the true error rate."""

from __future__ import annotations

__all__ = ["exact_interval"]


def exact_interval(errors: int, labelled: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """
    Return the exact two-sided interval for the rate behind *errors* among *labelled*, both ends in 0..1.

    With k errors among n labels and a = 1 - confidence, the ends are quantiles of beta distributions:
    low = B(a/2; k, n-k+1), 0 where k is 0; high = B(1-a/2; k+1, n-k), 1 where k is n. Its coverage is never below
    *confidence*. Without labels nothing is known: (0, 1). Raises ValueError where *errors* is not in 0..*labelled* or
    *confidence* not between 0 and 1.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26(4), 404-413.
    """
    if not 0 <= errors <= labelled:
        raise ValueError(f"errors is {errors}; expected a number in 0..{labelled} (the labels)")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1")
    if labelled == 0:
        return 0.0, 1.0
    # SciPy takes longer to load than a short replay takes to run, and only those who want an interval need it.
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(errors, labelled - errors + 1, tail)) if errors else 0.0
    high = float(betaincinv(errors + 1, labelled - errors, 1 - tail)) if errors < labelled else 1.0
    return low, high
