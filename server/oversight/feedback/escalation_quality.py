"""Escalation quality: which rule sends conversations to people for nothing, and which one should have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np

from oversight.feedback.intervals import exact_interval
from oversight.feedback.sampling import equal_probability

__all__ = ["RULE_NONE", "JudgedDecision", "RuleQuality", "escalation_quality"]

RULE_NONE = "routine"
"""What stands for a rule where none matched; the engine's name for it."""


class JudgedDecision(NamedTuple):
    """
    A decision of which somebody judged afterwards whether a person was needed (`escalation_expected`).

    `asked` are the ids of the rules that matched and asked for an escalation, `matched` of all that matched. `chance`
    (0..1) is that with which it was judged, and `draw` its `equalising_draw`.
    """

    needed: bool
    asked: frozenset[str]
    matched: frozenset[str]
    chance: float = 1.0
    draw: float = 0.0


class RuleQuality(NamedTuple):
    """
    The confusion matrix of one rule, in judged decisions.

    `needed` and `unneeded`: it asked for an escalation, rightly or for nothing. `missed`: a person was needed, the rule
    matched, and neither it nor any other asked. `rightly_left`: it matched, nobody asked, and nobody was needed.
    `covered`: it matched without asking, a person was needed, and another rule asked; `overruled`: the same, and nobody
    was needed. The six add up to the decisions in its sample. `needed_share` of its own escalations, with the exact
    95 % interval; `missed_share` of the decisions it matched and nothing escalated, likewise; None where there are
    none.
    """

    rule_id: str
    needed: int
    unneeded: int
    missed: int
    rightly_left: int
    covered: int
    overruled: int

    @property
    def needed_share(self) -> tuple[float, float, float] | None:
        """How often its escalation was needed: share, low, high, in 0..1."""
        return _share(self.needed, self.needed + self.unneeded)

    @property
    def missed_share(self) -> tuple[float, float, float] | None:
        """How often a person was needed where it let go: share, low, high, in 0..1."""
        return _share(self.missed, self.missed + self.rightly_left)


def escalation_quality(decisions: Iterable[JudgedDecision]) -> tuple[RuleQuality, ...]:
    """
    Return the quality of every rule that matched, by rule id; decisions that no rule matched count for `routine`.

    A rule whose `needed_share` is low asks too often; one whose `missed_share` is high, or `routine`'s, is where an
    escalation is missing. Escalated conversations are judged more often than the others, and raw counts would show too
    few misses: each rule is counted in an equal-probability sample (`sampling`) of the decisions that it matched, at
    the smallest chance among these. The six counts of one rule can be compared; those of two rules, which may have
    samples of different density, only by their shares.
    """
    matching: dict[str, list[JudgedDecision]] = {}
    for decision in decisions:
        for rule_id in decision.matched or (RULE_NONE,):
            matching.setdefault(rule_id, []).append(decision)
    return tuple(_count(rule_id, matching[rule_id]) for rule_id in sorted(matching))


def _count(rule_id: str, matching: Sequence[JudgedDecision]) -> RuleQuality:
    chances = np.array([decision.chance for decision in matching], dtype=np.float64)
    draws = np.array([decision.draw for decision in matching], dtype=np.float64)
    kept = equal_probability(chances, draws, least=float(chances.min()))
    counts = [0] * 6
    for decision in compress(matching, kept):
        place = 0 if rule_id in decision.asked else 4 if decision.asked else 2
        counts[place + (not decision.needed)] += 1
    return RuleQuality(rule_id, *counts)


def _share(part: int, whole: int) -> tuple[float, float, float] | None:
    return (part / whole, *exact_interval(part, whole)) if whole else None
