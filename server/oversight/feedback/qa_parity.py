"""QA parity: the AI's work beside people's, scored by the same rubric."""

from __future__ import annotations

from typing import NamedTuple

from oversight.feedback.welch import Scores, difference

__all__ = ["Gap", "qa_gap"]

_LEAST = 30


class Gap(NamedTuple):
    """
    The AI's mean quality score less people's for one intent and one rubric, in points (0..100), with its interval.

    All three are None where a side has fewer than two scores; `enough` is whether each has 30, below which a mean of
    bounded scores need not be close to normal.
    """

    intent: str
    rubric_version: str
    gap: float | None
    low: float | None
    high: float | None
    n_ai: int
    n_human: int
    enough: bool


def qa_gap(intent: str, rubric_version: str, ai: Scores, human: Scores, *, confidence: float = 0.95) -> Gap:
    """
    Return the gap for *intent* from scores that were given by one rubric: Welch's interval (`welch.difference`).

    Scores by different rubrics are never compared: ask for each rubric apart. Assumes that what is scored was chosen
    in the same way on both sides. The intervals of many intents are not adjusted for their number.
    """
    found = difference([(ai, human)], confidence=confidence)
    enough = min(ai.n, human.n) >= _LEAST
    if found is None:
        return Gap(intent, rubric_version, None, None, None, ai.n, human.n, enough)
    return Gap(intent, rubric_version, found.value, found.low, found.high, ai.n, human.n, enough)
