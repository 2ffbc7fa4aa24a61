"""Error rates: a number with an interval, or how many labels it still takes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from oversight.feedback.intervals import exact_interval
from oversight.feedback.labels import LabelState
from oversight.feedback.power import labels_needed, labels_without_error
from oversight.feedback.rows import Rows, settled, settled_until_us

__all__ = ["Counts", "ErrorRate", "RateState", "counts_of", "error_rate", "rate_of_counts"]


class RateState(StrEnum):
    """Whether a rate says something."""

    MEASURED = "MEASURED"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Counts(NamedTuple):
    """
    What the error rate of one cell is made of.

    `volume` counts its decisions, `labelled` those with a label. In the equal-probability sample of the settled ones
    `n` have a label, of which `errors` say that the AI was wrong, and `missed` were due and not done. `newest_label_us`
    is in microseconds since 1970 (UTC), None without labels. `open_end`: the settled ones end at a decision whose label
    is still to come.
    """

    volume: int
    labelled: int
    n: int
    errors: int
    missed: int
    newest_label_us: int | None
    open_end: bool = False


class ErrorRate(NamedTuple):
    """
    The error rate of one cell (tenant, department, intent, tier and model version).

    `errors` among `n` labels of the equal-probability sample; `rate`, `low` and `high` in 0..1 (`rate` is None without
    labels). `volume` counts the cell's decisions, `volume_share` is their share of all traffic, `labelled_share` the
    share of them with a label, thinned or not. `missed_share` is the share of due reviews and audits that were not
    done, in the same sample; they are not in the rate, and count as errors in certificates. `newest_label_age_s` is in
    seconds, None without labels. `labels_needed` is how many labels of that sample are still to come until the target
    can be proven, 0 where there are enough.
    """

    state: RateState
    n: int
    errors: int
    rate: float | None
    low: float
    high: float
    volume: int
    volume_share: float
    labelled_share: float
    missed_share: float
    newest_label_age_s: float | None
    labels_needed: int


def error_rate(
    rows: Rows, *, now_us: int, total_volume: int, target: float = 0.05, confidence: float = 0.95
) -> ErrorRate:
    """
    Return the error rate of the decisions in *rows*, all of one cell, with its exact interval at *confidence*.

    Both come from one and the same equal-probability sample of the settled rows (`rows.settled`,
    `sampling.equal_probability`): k errors among n labels, k / n and the interval of Clopper and Pearson 1934. It is
    INSUFFICIENT_DATA below ceil(ln(1 - confidence) / ln(1 - target)) labels: 59 at 5 % and 95 %, with fewer even a
    faultless record proves nothing; the number and its interval stand there all the same. Where the settled rows end at
    one whose label is still to come, the upper end is that of k + 1 errors among n + 1: where errors are told late, it
    is at one, behind a run of approvals (`rows.provable`). *total_volume* is the number of decisions of all cells,
    *now_us* in microseconds since 1970 (UTC).

    Assumes independent losses within the cell, and that a missing label does not depend on the loss; where
    `missed_share` is not near 0 that is in doubt. Raises ValueError where *total_volume* is below the cell's.
    """
    return rate_of_counts(
        counts_of(rows), now_us=now_us, total_volume=total_volume, target=target, confidence=confidence
    )


def counts_of(rows: Rows) -> Counts:
    """Return what the error rate of the decisions in *rows*, all of one cell, is made of."""
    sample = settled(rows).looked_at()
    labelled = sample.take(sample.state == LabelState.LABELLED)
    with_label = rows.state == LabelState.LABELLED
    return Counts(
        volume=len(rows),
        labelled=int(np.count_nonzero(with_label)),
        n=len(labelled),
        errors=int(np.count_nonzero(labelled.loss == 1)),
        missed=len(sample) - len(labelled),
        newest_label_us=int(rows.labelled_at_us.max()) if with_label.any() else None,
        open_end=settled_until_us(rows) is not None,
    )


def rate_of_counts(
    counts: Counts, *, now_us: int, total_volume: int, target: float = 0.05, confidence: float = 0.95
) -> ErrorRate:
    """Return the error rate of the cell that was counted, as `error_rate` describes it."""
    volume, n = counts.volume, counts.n
    if total_volume < volume:
        raise ValueError(f"total_volume is {total_volume}; expected at least the cell's own {volume} decisions")
    low, high = exact_interval(counts.errors, n, confidence=confidence)
    if counts.open_end:
        _, high = exact_interval(counts.errors + 1, n + 1, confidence=confidence)
    enough = n >= labels_without_error(target, 1 - confidence)
    newest_us = counts.newest_label_us
    return ErrorRate(
        state=RateState.MEASURED if enough else RateState.INSUFFICIENT_DATA,
        n=n,
        errors=counts.errors,
        rate=counts.errors / n if n else None,
        low=low,
        high=high,
        volume=volume,
        volume_share=volume / total_volume if total_volume else 0.0,
        labelled_share=counts.labelled / volume if volume else 0.0,
        missed_share=counts.missed / (n + counts.missed) if n + counts.missed else 0.0,
        newest_label_age_s=None if newest_us is None else (now_us - newest_us) / 1_000_000,
        labels_needed=max(0, labels_needed(target, 1 - confidence) - n),
    )
