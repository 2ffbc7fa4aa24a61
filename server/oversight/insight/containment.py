"""Containment: how many contacts were handled without people, confirmed and assumed apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oversight.feedback.intervals import exact_interval
from oversight.insight.values import Containment, Grouped, largest_first, no_facts
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, FactSums, Split

__all__ = ["Containments", "find_containment"]


class Containments(NamedTuple):
    """The containment of everything that was asked for, and that of its groups, the largest first."""

    total: Containment
    groups: tuple[Containment, ...]
    grouped: Grouped


def find_containment(evidence: EvidenceReader, wanted: CellFilter, split: Sequence[Split]) -> Containments:
    """Return the containment of what is *wanted*, by *split*. Raises `StoreUnavailableError`."""
    through_us = evidence.through_us()
    total = next(iter(evidence.fact_sums(wanted, ())), no_facts(Cell()))
    shown, left_out = largest_first(evidence.fact_sums(wanted, split), lambda one: one.volume, lambda one: one.cell)
    return Containments(_contained(total), tuple(map(_contained, shown)), Grouped(left_out, through_us))


def _contained(sums: FactSums) -> Containment:
    known = sums.handled_ai + sums.handled_human + sums.handled_both
    low, high = exact_interval(sums.confirmed, known)
    return Containment(
        cell=sums.cell,
        volume=sums.volume,
        known=known,
        confirmed=sums.confirmed,
        assumed=sums.assumed,
        confirmed_share=sums.confirmed / known if known else None,
        low=low,
        high=high,
        assumed_share=sums.assumed / known if known else None,
    )
