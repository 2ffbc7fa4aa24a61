"""The fourth sign: reviews are skipped to keep the time, or done without looking."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oversight.feedback.intervals import binomial_tail, exact_interval
from oversight.feedback.signs import Finding, Sign, State

__all__ = ["Approvals", "join_reviews", "rubber_stamps", "skipped_reviews", "trend_p_value"]

_LEAST = 50
_DONE, _CAUGHT = 0.95, 0.90
_HALF = 0.5
_LEVEL = 0.01
_APPROVED, _FAST_S = 0.99, 10.0


class Approvals(NamedTuple):
    """
    How reviews went: `reviews` done, of which `approved` unchanged or with minor edits, with their median time.

    `planted` seeded errors came before a reviewer, and `caught` of them were not approved. `median_review_s` is in
    seconds, None where no time was reported.
    """

    reviews: int
    approved: int
    median_review_s: float | None
    planted: int
    caught: int


def skipped_reviews(done: NDArray[np.bool_], load: NDArray[np.float64]) -> Finding:
    """
    Return whether due reviews and audits are skipped, and the more so the more there is to do.

    One entry per review or audit that was due: was it *done*, and what was the *load* then (any measure that grows with
    work, as decisions in that hour). Both have to be shown at .01: fewer than 95 % done, P(X <= k; n, .95), and skips
    that rise with load (`trend_p_value`); the larger p-value counts. Where fewer than half are done for certain (the
    upper end of the exact 95 % interval) the first alone decides: who skips nearly all does so at any load. `value` is
    the share done. INSUFFICIENT_DATA below 50 due. Assumes that one skip does not cause the next.
    """
    due, completed = len(done), int(np.count_nonzero(done))
    low, high = exact_interval(completed, due)
    if due < _LEAST:
        return Finding(
            Sign.REVIEWS_SKIPPED, State.INSUFFICIENT_DATA, due, completed / due if due else None, low, high, _DONE
        )
    p_share, p_load = binomial_tail(completed, due, _DONE), trend_p_value(~done, load)
    p_value = p_share if high < _HALF else max(p_share, p_load)
    state = State.WARN if p_value < _LEVEL else State.OK
    details = {"p_share": p_share, "p_load": p_load}
    return Finding(
        Sign.REVIEWS_SKIPPED, state, due, completed / due, low, high, _DONE, p_value=p_value, details=details
    )


def trend_p_value(skipped: NDArray[np.bool_], load: NDArray[np.float64]) -> float:
    """
    Return the one-sided p-value of "skips do not rise with load": the score test of a logistic slope.

    With x the load and y the skip, U = sum (x - mean x) y and Var U = mean y (1 - mean y) sum (x - mean x)^2 under no
    slope; U / sqrt(Var U) is standard normal. No fit is needed, so perfect separation is no trouble. 1 where load or
    skips do not vary: there is nothing to learn from.

    Source: Rao 1948, Proceedings of the Cambridge Philosophical Society 44(1), 50-57; for the logistic slope this is
    the trend test of Armitage 1955, Biometrics 11(3), 375-386. Assumes some dozens of entries.
    """
    order = np.lexsort((skipped, load))  # rounding must not depend on the order of rows
    y, centred = skipped[order], load[order] - load[order].mean()
    share = float(y.mean())
    variance = share * (1 - share) * float((centred**2).sum())
    if not variance:
        return 1.0
    return float(ndtr(-float(centred[y].sum()) / sqrt(variance)))


def rubber_stamps(approvals: Approvals) -> Finding:
    """
    Return whether reviewers approve without looking.

    WARN where fewer than 90 % of planted errors are caught for certain (the upper end of the exact 95 % interval is
    below), or more than 99 % are approved with a median below 10 s. `value` is the caught share, None without planted
    errors. INSUFFICIENT_DATA below 50 reviews, or where there are neither planted errors nor times. The p-value,
    P(X <= caught; planted, .90), is there where that test alone decides; the other is a rule and no test.
    """
    planted, caught = approvals.planted, approvals.caught
    low, high = exact_interval(caught, planted)
    value = caught / planted if planted else None
    details = {"approved_share": approvals.approved / approvals.reviews if approvals.reviews else 0.0}
    if approvals.median_review_s is not None:
        details["median_review_s"] = approvals.median_review_s
    finding = Finding(Sign.REVIEWS_SKIPPED, State.OK, approvals.reviews, value, low, high, _CAUGHT, details=details)
    if approvals.reviews < _LEAST or (not planted and approvals.median_review_s is None):
        return finding._replace(state=State.INSUFFICIENT_DATA)
    if details["approved_share"] > _APPROVED and details.get("median_review_s", _FAST_S) < _FAST_S:
        return finding._replace(state=State.WARN)
    state = State.WARN if high < _CAUGHT else State.OK
    return finding._replace(state=state, p_value=binomial_tail(caught, planted, _CAUGHT) if planted else None)


def join_reviews(skipped: Finding, stamps: Finding) -> Finding:
    """
    Return the sign from both its findings, each judged among all intents before (`signs.judge`).

    CRITICAL where both warn, WARN where one does; else not known where either is not known. Figures are those of the
    skipped reviews, with those of the stamps among the details.
    """
    warnings: Sequence[Finding] = [finding for finding in (skipped, stamps) if finding.state.raised]
    known = all(finding.state is not State.INSUFFICIENT_DATA for finding in (skipped, stamps))
    state = (State.OK if known else State.INSUFFICIENT_DATA, State.WARN, State.CRITICAL)[len(warnings)]
    details = {**skipped.details, **{f"stamps_{name}": value for name, value in stamps.details.items()}}
    if stamps.value is not None:
        details["stamps_caught_share"] = stamps.value
    return skipped._replace(state=state, details=details)
