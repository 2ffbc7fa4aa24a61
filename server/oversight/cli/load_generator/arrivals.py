"""When calls are due: at a given rate, whatever became of the calls before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

__all__ = ["ARRIVALS", "poisson", "uniform"]

ARRIVALS = ("poisson", "uniform")


def poisson(rate_per_s: float, duration_s: float, random: Random) -> Iterator[float]:
    """
    Yield the seconds, from 0 and below *duration_s*, at which calls of independent callers come.

    Gaps are exponential with the mean 1 / *rate_per_s*; some calls come together, as customers do. Several such streams
    are one of their rates' sum.
    """
    due_s = random.expovariate(rate_per_s)
    while due_s < duration_s:
        yield due_s
        due_s += random.expovariate(rate_per_s)


def uniform(rate_per_s: float, duration_s: float, *, first_s: float = 0.0) -> Iterator[float]:
    """Yield the seconds from *first_s*, below *duration_s*, that lie 1 / *rate_per_s* apart."""
    for number in itertools.count():
        # Multiplied, not added up: after a million calls the last must still be on time.
        due_s = first_s + number / rate_per_s
        if due_s >= duration_s:
            return
        yield due_s
