"""Intervals for rates: what a number of errors among a number of labels says about the true error rate."""

from __future__ import annotations

__all__ = ["binomial_tail", "exact_interval", "upper_bound"]


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
    _check(errors, labelled, confidence)
    if labelled == 0:
        return 0.0, 1.0
    # SciPy takes longer to load than a short replay takes to run, and only those who want an interval need it.
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(errors, labelled - errors + 1, tail)) if errors else 0.0
    high = float(betaincinv(errors + 1, labelled - errors, 1 - tail)) if errors < labelled else 1.0
    return low, high


def upper_bound(errors: int, labelled: int, *, confidence: float = 0.95) -> float:
    """
    Return the exact one-sided upper bound for the rate behind *errors* among *labelled*, in 0..1.

    B(confidence; k+1, n-k), 1 where k is n: the largest rate p at which k errors or fewer still have a chance above
    1 - confidence. So it is at most a exactly where `binomial_tail(k, n, a)` is at most 1 - confidence. An error more
    never lowers it. Raises ValueError as `exact_interval`.

    Source: Clopper and Pearson 1934, as above, one-sided.
    """
    _check(errors, labelled, confidence)
    if errors == labelled:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(errors + 1, labelled - errors, confidence))


def binomial_tail(errors: int, labelled: int, rate: float) -> float:
    """
    Return P(X <= *errors*) for X binomial with *labelled* trials of chance *rate*: 1 - I(rate; k+1, n-k).

    The p-value of "the true rate is above *rate*" where so few errors were seen. From integer counts: k is never
    n times a quotient, which rounds. Raises ValueError where *errors* is not in 0..*labelled* or *rate* not between
    0 and 1.

    Source: Abramowitz and Stegun 1964, 26.5.24; as a p-value for binary losses, Angelopoulos, Bates, Candes, Jordan and
    Lei 2021, "Learn then Test", arXiv 2110.01052, section 3.2 (Bentkus bound, tight for binary losses).
    """
    _check(errors, labelled, rate, "rate")
    if errors == labelled:
        return 1.0
    from scipy.special import betaincc

    return float(betaincc(errors + 1, labelled - errors, rate))


def _check(errors: int, labelled: int, level: float, name: str = "confidence") -> None:
    if not 0 <= errors <= labelled:
        raise ValueError(f"errors is {errors}; expected a number in 0..{labelled} (the labels)")
    if not 0 < level < 1:
        raise ValueError(f"{name} is {level}; expected a number between 0 and 1")
