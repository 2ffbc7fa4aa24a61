"""The breaker: the steps that a critical sign takes towards more people, and no other way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from oversight.feedback.candidates import RAISE, ThresholdLimits, stricter
from oversight.feedback.signs import Finding, Sign, State

__all__ = ["Step", "Tightenable", "stricter_step", "tighten"]


class Tightenable(NamedTuple):
    """
    A threshold that the breaker may move: its *value* now, its *limits*, and the *step* it takes (above 0), its unit.

    `signs` are the warning signs that it answers; for `audit_rate` every sign. Off by default: a department that does
    not name a threshold here has no breaker.
    """

    name: str
    value: float
    limits: ThresholdLimits
    step: float
    signs: frozenset[Sign] = frozenset(Sign)


class Step(NamedTuple):
    """One change the breaker would make, with the findings that call for it."""

    name: str
    before: float
    after: float
    evidence: tuple[Finding, ...]


def tighten(findings: Iterable[Finding], thresholds: Iterable[Tightenable]) -> tuple[Step, ...]:
    """
    Return the steps for what is CRITICAL in *findings*: each affected threshold one step stricter, inside its limits.

    Several critical signs still make one step a threshold. A threshold at its bound, or beyond it, or whose limits
    leave no stricter value, takes none: it is never loosened, not even back inside its bounds. No warning less than
    critical takes a step. Nothing is changed here; people release what was tightened.

    Raises ValueError where a step is not above 0, or bounds and constraints contradict each other.
    """
    critical = [finding for finding in findings if finding.state is State.CRITICAL]
    steps = []
    for threshold in thresholds:
        if not threshold.step > 0:
            raise ValueError(f"the step of {threshold.name} is {threshold.step}; expected a number above 0")
        evidence = tuple(finding for finding in critical if finding.sign in threshold.signs)
        after = stricter_step(threshold)
        if evidence and after != threshold.value:
            steps.append(Step(threshold.name, threshold.value, after, evidence))
    return tuple(steps)


def stricter_step(threshold: Tightenable) -> float:
    """Return the value one step stricter, inside the limits; the same value where there is none. See `tighten`."""
    tightens = threshold.limits.tightens
    wanted = threshold.value + (threshold.step if tightens == RAISE else -threshold.step)
    # Twelve decimals: 0.8 + 0.1 is to be 0.9.
    return stricter(threshold.value, round(threshold.limits.clip(wanted), 12), tightens)
