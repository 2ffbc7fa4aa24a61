"""A histogram of high dynamic range: every percentile of any number of values, to three digits, in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["Histogram", "merged"]

_BITS = 11
"""Values share a bucket where their first 11 binary digits are the same: less than 0.1 % apart."""


class Histogram:
    """
    Counts of whole numbers from 0, in buckets as HdrHistogram's (https://hdrhistogram.org) with 3 significant digits.

    Nothing is too large, adding one histogram to another loses nothing, and only buckets that something is in take
    memory: a few hundred to a few thousand. Ours and not the package `hdrhistogram`, which drops what is above its
    highest value, takes four times as long (0.6 µs a value) and wants setuptools at run time.
    """

    __slots__ = ("_counts", "highest", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.highest = 0
        self.total = 0

    def record(self, value: int) -> None:
        """Count *value*."""
        shift = value.bit_length() - _BITS
        bucket = value if shift <= 0 else (shift << _BITS) + (value >> shift)
        counts = self._counts
        counts[bucket] = counts.get(bucket, 0) + 1
        self.total += value
        if value > self.highest:
            self.highest = value

    def add(self, other: Histogram) -> None:
        """Count everything that *other* has counted."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.total += other.total
        self.highest = max(self.highest, other.highest)

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self._counts.values())

    @property
    def mean(self) -> float | None:
        """The mean, exact; None of no values."""
        count = self.count
        return self.total / count if count else None

    def percentile(self, percent: float) -> int | None:
        """Return the value that *percent* of the values do not exceed; None of no values."""
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Iterable[float]) -> list[int | None]:
        """
        Return the value of each of *percents*, which ascend from 0 to 100.

        Of n values the one of rank ceil(percent / 100 * n) counts, and of its bucket the highest value, as in
        HdrHistogram: never less than the exact percentile, at most 0.1 % more.
        """
        buckets = sorted(self._counts.items())
        count = self.count
        found: list[int | None] = []
        position, seen = -1, 0
        for percent in percents:
            # Rounded: 99.9 / 100 * 1000 is a little more than 999 in binary.
            rank = max(1, math.ceil(round(percent / 100 * count, 6)))
            while seen < rank and position + 1 < len(buckets):
                position += 1
                seen += buckets[position][1]
            found.append(min(_highest_in(buckets[position][0]), self.highest) if buckets else None)
        return found


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return one histogram of everything that *histograms* have counted."""
    total = Histogram()
    for histogram in histograms:
        total.add(histogram)
    return total


def _highest_in(bucket: int) -> int:
    shift = bucket >> _BITS
    return bucket if not shift else (((bucket & ((1 << _BITS) - 1)) + 1) << shift) - 1
