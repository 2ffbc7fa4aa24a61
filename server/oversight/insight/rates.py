"""How often the AI errs, for everything that is asked for and for each group of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oversight.engine.decision import Tier
from oversight.feedback.error_rates import Counts, ErrorRate, rate_of_counts
from oversight.insight.values import Grouped, largest_first
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, RateCounts, Split

__all__ = ["ErrorRates", "GroupRate", "find_error_rates"]

_ON = int(Tier.HUMAN_ON_THE_LOOP)
_NOTHING = RateCounts(Cell(), 0, 0, 0, 0, 0, None)


class GroupRate(NamedTuple):
    """The error rate of one group, and when the newest fact behind a label was observed; None without labels."""

    cell: Cell
    rate: ErrorRate
    newest_label_us: int | None


class ErrorRates(NamedTuple):
    """
    The rate of everything that was asked for, and those of its groups, the largest first.

    `on_the_loop` is that of what customers got unreviewed, None where another tier was asked for.
    """

    total: GroupRate
    on_the_loop: GroupRate | None
    groups: tuple[GroupRate, ...]
    grouped: Grouped


def find_error_rates(
    evidence: EvidenceReader,
    wanted: CellFilter,
    split: Sequence[Split],
    *,
    target: float,
    confidence: float,
    now_us: int,
) -> ErrorRates:
    """
    Return the error rates of what is *wanted*, by *split*; shares of volume are of all decisions, at all tiers.

    Raises `StoreUnavailableError`.
    """
    through_us = evidence.through_us()
    everything, by_tier, counted = evidence.rate_counts(wanted, [(), (Split.TIER,), split], now_us)
    total = next(iter(everything), _NOTHING)
    # At least what is counted: between two looks of the reader more may come in.
    volume = max(evidence.volume(wanted), total.volume)

    def rate(one: RateCounts) -> GroupRate:
        found = rate_of_counts(
            Counts(*one[1:]), now_us=now_us, total_volume=volume, target=target, confidence=confidence
        )
        return GroupRate(one.cell, found, one.newest_label_us)

    unreviewed = next((one for one in by_tier if one.cell.tier == _ON), _NOTHING)
    shown, left_out = largest_first(counted, lambda one: one.volume, lambda one: one.cell)
    return ErrorRates(
        rate(total),
        rate(unreviewed._replace(cell=Cell())) if wanted.tier in (None, _ON) else None,
        tuple(map(rate, shown)),
        Grouped(left_out, through_us),
    )
