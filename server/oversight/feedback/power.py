"""Power: how many labels it takes to prove a target."""

from __future__ import annotations

from math import ceil, log

from oversight.feedback.intervals import binomial_tail

__all__ = ["labels_needed", "labels_to_prove", "labels_without_error"]


def labels_without_error(max_error: float, delta: float) -> int:
    """
    Return how many labels, all right, just prove an error rate of at most *max_error* at confidence 1 - *delta*.

    ceil(ln delta / ln(1 - a)), the smallest n with (1 - a)^n <= delta: 59 at 5 % and 95 % ("rule of three", Hanley and
    Lippman-Hand 1983, JAMA 249(13), 1743-1745). With fewer nothing can be proven. Raises ValueError where either is not
    between 0 and 1.
    """
    for name, level in (("max_error", max_error), ("delta", delta)):
        if not 0 < level < 1:
            raise ValueError(f"{name} is {level}; expected a number between 0 and 1")
    return ceil(log(delta) / log(1 - max_error))


def labels_needed(max_error: float, delta: float = 0.05, *, power: float = 0.8) -> int:
    """
    Return the smallest number of labels that proves *max_error* with chance *power* if the true error is half of it.

    The test allows the largest c with P(X <= c; n, a) <= delta; its power is P(X <= c; n, a / 2). For one c the power
    falls with n, so the smallest n is the first that allows some c: 361 at 5 %, 645 at 3 %, 969 at 2 %, 1,941 at 1 %.
    (A few labels more can have less power, until the next error is allowed: the binomial saw-tooth, Chernick and Liu
    2002, The American Statistician 56(2), 149-155.) Raises ValueError where an argument is not between 0 and 1.
    """
    if not 0 < power < 1:
        raise ValueError(f"power is {power}; expected a number between 0 and 1")
    allowed, labels = 0, labels_without_error(max_error, delta)
    while binomial_tail(allowed, labels, max_error / 2) < power:
        allowed += 1
        labels = _fewest(allowed, max_error, delta, more_than=labels)
    return labels


def labels_to_prove(errors: int, labelled: int, rate: float, max_error: float, delta: float) -> int:
    """
    Return how many labels more prove *max_error*, if they are wrong at *rate* and so far *errors* of *labelled* were.

    The smallest m with P(X <= k + rate m; n + m, a) <= delta, errors taken as the real number that they are on average:
    so there is no saw-tooth, and an m larger than the answer proves it, too. 0 where it is proven already. *rate* must
    be below *max_error*: else nothing ever proves it. Raises ValueError where it is not.
    """
    from scipy.special import betaincc

    if not 0 <= rate < max_error:
        raise ValueError(f"rate is {rate}; expected a number from 0, below {max_error}")

    def is_proven(more: int) -> bool:
        wrong, right = errors + rate * more, labelled - errors + (1 - rate) * more
        return right > 0 and float(betaincc(wrong + 1, right, max_error)) <= delta

    low, high = -1, 0
    while not is_proven(high):
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_proven(middle) else (middle, high)
    return high


def _fewest(allowed: int, max_error: float, delta: float, *, more_than: int) -> int:
    low, high = more_than, 2 * more_than + 1
    while binomial_tail(allowed, high, max_error) > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_tail(allowed, middle, max_error) > delta:
            low = middle
        else:
            high = middle
    return high
