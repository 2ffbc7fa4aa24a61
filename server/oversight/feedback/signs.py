"""Warning signs: what a detector finds, and how long a warning stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from oversight.feedback.multiplicity import benjamini_hochberg, e_benjamini_hochberg

__all__ = ["Finding", "Sign", "Standing", "State", "judge", "stand"]

_RATE = 0.1
_QUIET_WINDOWS = 2
_NO_DETAILS: Mapping[str, float] = MappingProxyType({})


class Sign(StrEnum):
    """The five warning signs."""

    CSAT_FALLS = "CSAT_FALLS"
    REPEAT_CONTACT_RISES = "REPEAT_CONTACT_RISES"
    UNEXPECTED_ESCALATIONS = "UNEXPECTED_ESCALATIONS"
    REVIEWS_SKIPPED = "REVIEWS_SKIPPED"
    ERROR_RATE_UNKNOWN = "ERROR_RATE_UNKNOWN"


class State(StrEnum):
    """
    What is known of a sign.

    INSUFFICIENT_DATA and BIASED are no OK: nothing is known, or what is known cannot be compared.
    """

    OK = "OK"
    WARN = "WARN"
    CRITICAL = "CRITICAL"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    BIASED = "BIASED"

    @property
    def raised(self) -> bool:
        """Whether it is a warning."""
        return self in (State.WARN, State.CRITICAL)


class Finding(NamedTuple):
    """
    What one detector found for one intent.

    `n` is what it rests on; `value` is the figure that is watched, in its unit, with an interval from `low` to `high`
    and the `baseline` it is compared with, each None where there is none. `p_value` and `e_value` are what multiple
    testing needs; a finding with neither is a rule and no test. `details` are further figures by name.
    """

    sign: Sign
    state: State
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    p_value: float | None = None
    e_value: float | None = None
    details: Mapping[str, float] = _NO_DETAILS


def judge(findings: Sequence[Finding], *, rate: float = _RATE) -> tuple[Finding, ...]:
    """
    Return the *findings* of one sign, of all intents, with OK for every warning that many tests explain.

    Those with a p-value are one family for Benjamini and Hochberg at false discovery *rate*, those with an e-value one
    for its e-value form; a warning that is not among the discoveries is no warning. Nothing else changes: what is not
    known stays not known.
    """
    kept = [not finding.state.raised for finding in findings]
    by_p = [place for place, finding in enumerate(findings) if finding.p_value is not None]
    by_e = [place for place, finding in enumerate(findings) if finding.e_value is not None]
    found_p = benjamini_hochberg([findings[place].p_value or 0.0 for place in by_p], rate=rate)
    found_e = e_benjamini_hochberg([findings[place].e_value or 0.0 for place in by_e], rate=rate)
    tested = dict(zip([*by_p, *by_e], [*found_p, *found_e], strict=True))
    return tuple(
        finding if kept[place] or tested.get(place, True) else finding._replace(state=State.OK)
        for place, finding in enumerate(findings)
    )


class Standing(NamedTuple):
    """
    A sign as it stands for one intent: a value to pass in again at the next test.

    `raised_at_us` is when the warning began, None where none stands; `quiet_since_us` since when tests find nothing.
    Microseconds since 1970 (UTC).
    """

    state: State = State.INSUFFICIENT_DATA
    raised_at_us: int | None = None
    quiet_since_us: int | None = None


def stand(standing: Standing, found: State, *, now_us: int, window_us: int) -> Standing:
    """
    Return how the sign stands after a test that *found* something at *now_us*.

    A warning begins at once, and can only get worse until it clears; it clears when every test found OK over two whole
    windows. A test without enough data, or a biased one, is not quiet: what is not known clears nothing.
    """
    if found.raised:
        worst = State.CRITICAL if State.CRITICAL in (found, standing.state) else State.WARN
        return Standing(worst, now_us if standing.raised_at_us is None else standing.raised_at_us)
    if standing.raised_at_us is None:
        return Standing(found)
    if found is not State.OK:
        return standing._replace(quiet_since_us=None)
    quiet_since_us = now_us if standing.quiet_since_us is None else standing.quiet_since_us
    if now_us - quiet_since_us >= _QUIET_WINDOWS * window_us:
        return Standing(found)
    return standing._replace(quiet_since_us=quiet_since_us)
