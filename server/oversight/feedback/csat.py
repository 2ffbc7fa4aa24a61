"""The first sign: satisfaction with what the AI handles falls while its volume rises."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from oversight.feedback.signs import Finding, Sign, State
from oversight.feedback.welch import Scores, difference

__all__ = ["BEFORE_DAYS", "RECENT_DAYS", "IntentCsat", "csat_falls", "volume_rise_p_value"]

RECENT_DAYS, BEFORE_DAYS = 14, 28
_LEAST = 100
_LEVEL = 0.01
_WARN_DROP, _CRITICAL_DROP = 0.15, 0.3
_RESPONSE_SHIFT = 0.2


class IntentCsat(NamedTuple):
    """
    The satisfaction scores (1..5) of one intent.

    Of contacts that the AI handled in the last 14 days and in the 28 before, and of those that people handled in the
    last 14.
    """

    recent: Scores
    before: Scores
    human: Scores = Scores(0, 0.0, 0.0)


def csat_falls(
    intents: Sequence[IntentCsat], recent_contacts: Sequence[int], before_contacts: Sequence[int]
) -> Finding:
    """
    Return whether satisfaction falls while volume rises, for one intent or for several standardised to one mix.

    *recent_contacts* and *before_contacts* are contacts handled by the AI on each of the last 14 days and of the 28
    before. Both have to be shown: the fall by a one-sided Welch test of the standardised means (`welch.difference`),
    the rise by `volume_rise_p_value`; the larger p-value counts (intersection-union test, Berger 1982, Technometrics
    24(4), 295-300), below .01. WARN from a drop of 0.15, CRITICAL from 0.3. INSUFFICIENT_DATA below 100 scores in
    either window; BIASED where scores per contact changed by more than a fifth: then other customers answered.

    `value` is the standardised change in points, with its 95 % interval; details hold the AI's mean less the people's
    and its interval, both response rates, and both p-values. Scores are self-selected: this warns, and never labels.
    """
    if len(recent_contacts) != RECENT_DAYS or len(before_contacts) != BEFORE_DAYS:
        found = f"{len(recent_contacts)} and {len(before_contacts)}"
        raise ValueError(f"there are {found} days of contacts; expected {RECENT_DAYS} and {BEFORE_DAYS}")
    change = difference([(intent.recent, intent.before) for intent in intents])
    if change is None or min(change.n_first, change.n_second) < _LEAST:
        return Finding(Sign.CSAT_FALLS, State.INSUFFICIENT_DATA, 0 if change is None else change.n_first)
    details = {
        "response_rate": _response(sum(intent.recent.n for intent in intents), sum(recent_contacts)),
        "response_rate_before": _response(sum(intent.before.n for intent in intents), sum(before_contacts)),
        "p_fall": change.p_fall,
        "p_rise": volume_rise_p_value(recent_contacts, before_contacts),
    }
    against = difference([(intent.recent, intent.human) for intent in intents])
    if against is not None:
        details |= {
            "ai_less_human": against.value,
            "ai_less_human_low": against.low,
            "ai_less_human_high": against.high,
        }
    finding = Finding(
        Sign.CSAT_FALLS, State.OK, change.n_first, change.value, change.low, change.high, baseline=0.0, details=details
    )
    if abs(details["response_rate"] / details["response_rate_before"] - 1) > _RESPONSE_SHIFT:
        return finding._replace(state=State.BIASED)
    p_value = max(details["p_fall"], details["p_rise"])
    return finding._replace(state=_severity(-change.value, p_value), p_value=p_value)


def volume_rise_p_value(recent: Sequence[int], before: Sequence[int]) -> float:
    """
    Return the p-value of "the daily volume did not rise": quasi-Poisson, log-linear, one-sided.

    With daily counts of mean m1 (recent) and m0, the log rate ratio ln(m1 / m0) has variance phi (1 / sum recent
    + 1 / sum before); phi is Pearson's chi-square over N - 2, not below 1, so that days that scatter more than Poisson
    counts (weekdays, campaigns) count for less. Student's t with N - 2. Windows of whole weeks hold as many of each
    weekday. 1 where there was nothing recently; raises ValueError where there was nothing before.

    Source: Wedderburn 1974, Biometrika 61(3), 439-447; McCullagh and Nelder 1989, Generalized Linear Models, 6.2.3.
    """
    new, old = np.asarray(recent, dtype=np.float64), np.asarray(before, dtype=np.float64)
    if not old.sum():
        raise ValueError("there were no contacts before; expected some to compare with")
    if not new.sum():
        return 1.0
    freedom = len(new) + len(old) - 2
    scatter = sum(float(((days - days.mean()) ** 2).sum() / days.mean()) for days in (new, old))
    error = sqrt(max(1.0, scatter / freedom) * (1 / new.sum() + 1 / old.sum()))
    return float(stdtr(freedom, -log(new.mean() / old.mean()) / error))


def _response(scores: int, contacts: int) -> float:
    if scores > contacts:
        raise ValueError(f"there are {scores} scores of {contacts} contacts; expected at most one a contact")
    return scores / contacts


def _severity(drop: float, p_value: float) -> State:
    if p_value >= _LEVEL or drop < _WARN_DROP:
        return State.OK
    return State.CRITICAL if drop >= _CRITICAL_DROP else State.WARN
