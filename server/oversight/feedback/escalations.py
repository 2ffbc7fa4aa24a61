"""The third sign: conversations go to people although nothing asked for it."""

from __future__ import annotations

from typing import NamedTuple

from scipy.stats import binom, hypergeom

from oversight.feedback.facts import escalation_of
from oversight.feedback.intervals import exact_interval
from oversight.feedback.signs import Finding, Sign, State

__all__ = ["Baseline", "counted_baseline", "escalation_of", "rise_p_value", "unexpected_escalations"]

_LEAST, _LEAST_EVENTS = 100, 5
_LEVEL = 0.01
_CRITICAL_FACTOR = 2.0


class Baseline(NamedTuple):
    """
    What a rate is compared with: a fixed *rate* (0..1) that people set, or one that was `counted`.

    A counted one has *events* among *n* decisions; a fixed one has no *n*.
    """

    rate: float
    events: int = 0
    n: int = 0


def counted_baseline(events: int, n: int) -> Baseline:
    """Return the baseline of *events* among *n* earlier decisions; raise ValueError where there were none."""
    if not n:
        raise ValueError("n is 0; expected some earlier decisions to compare with")
    return Baseline(events / n, events, n)


def unexpected_escalations(events: int, n: int, baseline: Baseline) -> Finding:
    """
    Return whether unexpected escalations rise: *events* among *n* decisions of one intent, or of one rule.

    WARN where `rise_p_value` is below .01, CRITICAL where the rate is twice the baseline's or more, too.
    INSUFFICIENT_DATA below 100 decisions, and where nothing was found against a counted baseline of fewer than 100;
    fewer than 5 events are never a warning. `value` is the rate.
    """
    low, high = exact_interval(events, n)
    if n < _LEAST:
        rate = events / n if n else None
        state = State.INSUFFICIENT_DATA
        return Finding(Sign.UNEXPECTED_ESCALATIONS, state, n, rate, low, high, baseline.rate)
    p_value = rise_p_value(events, n, baseline)
    # Beside so little hardly any rise could be seen: that none was is no OK.
    state = State.INSUFFICIENT_DATA if 0 < baseline.n < _LEAST else State.OK
    if events >= _LEAST_EVENTS and p_value < _LEVEL:
        state = State.CRITICAL if events / n >= _CRITICAL_FACTOR * baseline.rate else State.WARN
    tested = None if state is State.INSUFFICIENT_DATA else p_value
    return Finding(Sign.UNEXPECTED_ESCALATIONS, state, n, events / n, low, high, baseline.rate, p_value=tested)


def rise_p_value(events: int, n: int, baseline: Baseline) -> float:
    """
    Return the exact one-sided p-value of "the rate behind *events* among *n* is not above the baseline".

    Against a fixed rate the binomial test, P(X >= k; n, rate). Against a counted baseline the exact conditional test:
    given k + k0 events in all, k is hypergeometric; a baseline that was counted, too, is no certain number, and taking
    it for one gives false alarms. With a long baseline both agree.

    Source: Clopper and Pearson 1934; Fisher 1935, "The logic of inductive inference", JRSS 98(1), 39-82. Raises
    ValueError where events are not in 0..n, or the rate not in 0..1.
    """
    for k, total in ((events, n), (baseline.events, baseline.n)):
        if not 0 <= k <= total:
            raise ValueError(f"there are {k} events; expected a number in 0..{total}")
    if not 0 <= baseline.rate <= 1:
        raise ValueError(f"the baseline is {baseline.rate}; expected a rate in 0..1")
    if baseline.n:
        return float(hypergeom.sf(events - 1, n + baseline.n, events + baseline.events, n))
    return float(binom.sf(events - 1, n, baseline.rate))
