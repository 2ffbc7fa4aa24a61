"""Satisfaction: what customers say of contacts that the AI handled, beside people's, and how it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from oversight.durations import DAY_US
from oversight.feedback.csat import BEFORE_DAYS, RECENT_DAYS
from oversight.feedback.welch import Difference, Scores, difference
from oversight.insight.values import Grouped, add_moments, largest_first
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, FactSums, Moments, Split

__all__ = ["CsatDelta", "CsatDeltas", "find_csat_delta", "scores_from"]


class CsatDelta(NamedTuple):
    """
    Satisfaction in one group, 1..5: the AI's scores and people's, their difference, and the AI's trend.

    `trend` is the last 14 days less the 28 before. Both differences are standardised to one mix of intents; None where
    a side has fewer than two scores. Means are None without scores.
    """

    cell: Cell
    n_ai: int
    mean_ai: float | None
    n_human: int
    mean_human: float | None
    difference: Difference | None
    trend: Difference | None


class CsatDeltas(NamedTuple):
    """The satisfaction with everything that was asked for, and with its groups, those with most scores first."""

    total: CsatDelta
    groups: tuple[CsatDelta, ...]
    grouped: Grouped


def find_csat_delta(
    evidence: EvidenceReader, wanted: CellFilter, split: Sequence[Split], *, until_us: int
) -> CsatDeltas:
    """
    Return the satisfaction with what is *wanted*, by *split*; the trend ends at *until_us*, by whole days (UTC).

    Raises `StoreUnavailableError`.
    """
    through_us = evidence.through_us()
    # By intent, whatever is asked for: else a change of what customers write about would pass for one of the AI.
    finest = tuple(dict.fromkeys((*split, Split.INTENT)))
    sums = evidence.fact_sums(wanted, finest, by_day=True)
    end_day = -(-until_us // DAY_US)
    by_group: dict[Cell, list[FactSums]] = {}
    for one in sums:
        by_group.setdefault(_part(one.cell, split), []).append(one)
    groups = [_delta(cell, found, end_day) for cell, found in by_group.items()]
    shown, left_out = largest_first(groups, lambda one: one.n_ai + one.n_human, lambda one: one.cell)
    return CsatDeltas(_delta(Cell(), sums, end_day), shown, Grouped(left_out, through_us))


def scores_from(moments: Moments) -> Scores:
    """Return the number, mean and sample variance of the scores that *moments* sum up."""
    n = moments.n
    mean = moments.total / n if n else 0.0
    # Rounding may leave less than nothing where all scores are the same.
    variance = max(0.0, (moments.squares - n * mean * mean) / (n - 1)) if n > 1 else 0.0
    return Scores(n, mean, variance)


def _part(cell: Cell, split: Sequence[Split]) -> Cell:
    return Cell(**{one.value: getattr(cell, one.value) for one in split})


def _delta(cell: Cell, sums: Sequence[FactSums], end_day: int) -> CsatDelta:
    ai = add_moments(one.csat_ai for one in sums)
    human = add_moments(one.csat_human for one in sums)
    recent_day = end_day - RECENT_DAYS
    recent = _by_intent((one, one.csat_ai) for one in sums if recent_day <= _day(one) < end_day)
    before = _by_intent((one, one.csat_ai) for one in sums if recent_day - BEFORE_DAYS <= _day(one) < recent_day)
    return CsatDelta(
        cell=cell,
        n_ai=ai.n,
        mean_ai=ai.total / ai.n if ai.n else None,
        n_human=human.n,
        mean_human=human.total / human.n if human.n else None,
        difference=_compare(
            _by_intent((one, one.csat_ai) for one in sums), _by_intent((one, one.csat_human) for one in sums)
        ),
        trend=_compare(recent, before),
    )


def _day(sums: FactSums) -> int:
    return -1 if sums.day is None else sums.day


def _by_intent(parts: Iterable[tuple[FactSums, Moments]]) -> Mapping[str | None, Moments]:
    found: dict[str | None, list[Moments]] = {}
    for sums, moments in parts:
        found.setdefault(sums.cell.intent, []).append(moments)
    return {intent: add_moments(several) for intent, several in found.items()}


def _compare(first: Mapping[str | None, Moments], second: Mapping[str | None, Moments]) -> Difference | None:
    both = sorted(first.keys() & second.keys(), key=repr)
    return difference([(scores_from(first[intent]), scores_from(second[intent])) for intent in both])
