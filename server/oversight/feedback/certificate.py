"""Certificates: the most lenient threshold that is proven to keep an error rate, or an honest no."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from oversight.feedback.candidates import ThresholdLimits, autonomous, candidates
from oversight.feedback.intervals import binomial_tail, upper_bound
from oversight.feedback.power import labels_needed, labels_to_prove, labels_without_error
from oversight.feedback.rows import Population, Rows, provable, settled_until_us

__all__ = ["Certificate", "CertificateStatus", "Proof", "certify"]

_START = 3
"""The first test needs so many times the labels that a faultless record would need: with fewer, one error ends it."""


class CertificateStatus(StrEnum):
    """Whether a threshold is proven."""

    CERTIFIED = "CERTIFIED"
    NO_SAFE_THRESHOLD = "NO_SAFE_THRESHOLD"


class Proof(NamedTuple):
    """
    What the labels say about one candidate.

    `errors` among `n` labels of decisions that would be autonomous at `threshold`, those of unknown value included;
    `missed` of these errors being reviews or audits that were due and not done, and the oldest one that is still to
    come (`rows.provable`); the exact one-sided `upper_bound` (0..1) at the confidence that was spent; the `p_value` of
    "the error rate is above the target"; `autonomy`, the share (0..1) of eligible decisions that would be autonomous.
    """

    threshold: float
    n: int
    errors: int
    missed: int
    upper_bound: float
    p_value: float
    autonomy: float


class Certificate(NamedTuple):
    """
    The answer: CERTIFIED with a threshold, or NO_SAFE_THRESHOLD.

    `n`, `errors`, `missed` and `upper_bound` belong to the threshold, or to the first candidate that failed (the one
    with the most labels where none had enough; 0, 0, 0 and 1 without any). `autonomy` is the share (0..1) of eligible
    decisions that would be autonomous, 0 where nothing is safe. `labels_needed` counts labels of that sample that are
    still to come, those `missed` among them: until a system with half the error allowed can expect (80 %) to be
    certified, and until the rate seen so far, without those missed, would be proven (where that is not below the
    target: until half of it in all labels to come would outweigh it). 0 with NO_SAFE_THRESHOLD means that labels are
    not what is missing: the AI errs too often (`certify`). `eligible` is the number of decisions behind it,
    `candidates` are all values that were drawn, `tested` those that were tested, strict to lenient.
    """

    status: CertificateStatus
    threshold: float | None
    n: int
    errors: int
    missed: int
    upper_bound: float
    autonomy: float
    labels_needed: int
    eligible: int
    tested: tuple[Proof, ...] = ()
    candidates: tuple[Proof, ...] = ()


def certify(
    rows: Rows,
    limits: ThresholdLimits,
    *,
    max_error: float,
    delta: float,
    next_delta: float | None = None,
    population: Population | None = None,
) -> Certificate:
    """
    Return the most lenient threshold at which the error rate is proven to be at most *max_error*, all *delta* spent.

    Fixed-sequence Learn-then-Test. Rows are settled (`rows.provable`), candidates are quantiles of all their values
    (`candidates`), the labelled rows are thinned to equal probability (`sampling`). From the first candidate with
    n >= 3 ceil(ln delta / ln(1 - a)) on, strict to lenient, H: "the error rate at t is above a" is rejected while
    P(X <= k; n, a) <= delta; the first that is not ends it, and the last rejected is the answer. Testing in an order
    that no label had a say in, each at the full delta, keeps the chance of any wrong rejection at delta: the first true
    H met is the only one that can go wrong. A review or audit that was due and not done counts as an error, and so does
    the oldest one that is still to come.

    Where *rows* are only those that were looked at or should have been, *population* is a random sample of all eligible
    decisions: candidates and shares are its, and so may be the least chance to be looked at. Without it they are those
    of the rows.

    A row whose value nobody can tell any more (infinite: a customer was erased) counts as an error at every threshold,
    whatever its label says. Whose value is lost may depend on the labels, and still the chance of a wrong answer is
    delta. Compare with the walk that would have known all values, on the same candidates: `Population.spread` sees to
    it that they are the same ones. That row was an error there, a right one, or not there at all; P(X <= k; n, a) is
    smallest for n + 1, larger for n, and largest for k + 1 and n + 1, so each p-value here is at least the one there.
    With such rows in n this walk begins no later, and it may only end where there are enough labels without them, which
    is no earlier than where the other one begins. So what it accepts the other one accepts, too.

    *next_delta* is what another look could spend (else *delta*); `labels_needed` is for that look. "The AI errs too
    often" is said only where that is proven of the strictest candidate, with which the walk begins once there are
    labels enough: where among its labels, without those missed and those of unknown value, P(X >= k; n, a) < delta, so
    that the exact one-sided lower bound at confidence 1 - delta is above *max_error*. *rows* must be of
    one model version, in the window, and such that this value alone decides (with every other rule replayed). Assumes
    that their losses are independent draws, and that tomorrow's decisions are like theirs. Raises ValueError where a
    level is not between 0 and 1 or *limits* leave nothing.

    Source: Angelopoulos, Bates, Candes, Jordan and Lei 2021, "Learn then Test", arXiv 2110.01052 (fixed sequence
    testing); the same idea in SGR, Geifman and El-Yaniv 2017, arXiv 1705.08500, and Jung, Brahman and Choi 2024, "Trust
    or Escalate", arXiv 2407.18370.
    """
    start = _START * labels_without_error(max_error, delta)
    if population is None:
        population = Population(rows.value, rows.probability, rows.decided_at_us)
    eligible = population.until(settled_until_us(rows))
    sample = provable(rows).looked_at(least=eligible.least_probability)
    proofs = tuple(
        _prove(sample, eligible, threshold, limits, max_error=max_error, delta=delta)
        for threshold in candidates(eligible.value if eligible.spread is None else eligible.spread, limits)
    )
    tested = _in_sequence([proof for proof in proofs if proof.n >= start], delta)
    unknown = int(np.count_nonzero(np.isinf(sample.value)))
    proven = [proof for proof in tested if proof.p_value <= delta and proof.n - unknown >= start]
    size = len(eligible.value)
    if proven:
        best = proven[-1]
        certified = CertificateStatus.CERTIFIED
        return Certificate(certified, best.threshold, *best[1:5], best.autonomy, 0, size, tested, proofs)
    # Candidates are nested: the most lenient one has the most labels.
    failed = (tested or proofs or [_NO_PROOF])[-1]
    still = 0
    if not proofs or not _errs_too_often(_seen(sample, proofs[0].threshold, limits), max_error, delta):
        seen = _seen(sample, failed.threshold, limits)
        still = max(failed.missed, _still_needed(seen, max_error, delta if next_delta is None else next_delta))
    return Certificate(CertificateStatus.NO_SAFE_THRESHOLD, None, *failed[1:5], 0.0, still, size, tested, proofs)


_NO_PROOF = Proof(float("nan"), 0, 0, 0, 1.0, 1.0, 0.0)


def _prove(
    sample: Rows, eligible: Population, threshold: float, limits: ThresholdLimits, *, max_error: float, delta: float
) -> Proof:
    within = sample.take(autonomous(sample.value, threshold, limits))
    wrong = (within.loss != 0) | np.isinf(within.value)
    n, errors, missed = len(within), int(np.count_nonzero(wrong)), int(np.count_nonzero(within.loss < 0))
    bound = upper_bound(errors, n, confidence=1 - delta)
    share = float(autonomous(eligible.value, threshold, limits).mean())
    return Proof(threshold, n, errors, missed, bound, binomial_tail(errors, n, max_error), share)


def _seen(sample: Rows, threshold: float, limits: ThresholdLimits) -> tuple[int, int]:
    """Return how many labels somebody gave to what is known to be autonomous, and how many of them are errors."""
    loss = sample.loss[autonomous(sample.value, threshold, limits) & np.isfinite(sample.value) & (sample.loss >= 0)]
    return len(loss), int(np.count_nonzero(loss))


def _errs_too_often(seen: tuple[int, int], max_error: float, delta: float) -> bool:
    n, errors = seen
    return errors > 0 and 1 - binomial_tail(errors - 1, n, max_error) < delta


def _still_needed(seen: tuple[int, int], max_error: float, delta: float) -> int:
    n, errors = seen
    enough = max(labels_needed(max_error, delta), _START * labels_without_error(max_error, delta))
    rate = errors / n if errors < n * max_error else max_error / 2
    # At least one: nothing was proven, and who is told of none would take it that labels do not help.
    return max(1, enough - n, labels_to_prove(errors, n, rate, max_error, delta))


def _in_sequence(proofs: Sequence[Proof], delta: float) -> tuple[Proof, ...]:
    ends = next((place for place, proof in enumerate(proofs) if proof.p_value > delta), len(proofs))
    return tuple(proofs[: ends + 1])
