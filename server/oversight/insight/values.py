"""What the answers have in common: groups of decisions, how many are shown, and how far the evidence reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from oversight.storage.evidence import Cell, FactSums, Moments

__all__ = ["MOST_GROUPS", "Containment", "Grouped", "add_moments", "largest_first", "no_facts"]

MOST_GROUPS = 10_000
"""Groups of one answer, at most."""

_Group = TypeVar("_Group")


class Grouped(NamedTuple):
    """How many groups were left out of an answer, and up to when records are in it; None before any are."""

    left_out: int
    through_us: int | None


class Containment(NamedTuple):
    """
    How many contacts of one group were handled without people.

    Of `known` contacts, of which an outcome says who handled them, `confirmed` were handled by the AI alone, not
    escalated, and resolved as the customer said; `assumed` likewise, but resolved only by assumption. Shares are of the
    known, 0..1, None where there are none; `low` and `high` are the exact 95 % interval of the confirmed one.
    """

    cell: Cell
    volume: int
    known: int
    confirmed: int
    assumed: int
    confirmed_share: float | None
    low: float
    high: float
    assumed_share: float | None


def add_moments(parts: Iterable[Moments]) -> Moments:
    """Return the moments of all *parts* together."""
    n, total, squares = 0, 0.0, 0.0
    for part in parts:
        n, total, squares = n + part.n, total + part.total, squares + part.squares
    return Moments(n, total, squares)


def largest_first(
    groups: Sequence[_Group], size: Callable[[_Group], int], cell: Callable[[_Group], Cell]
) -> tuple[tuple[_Group, ...], int]:
    """Return the *groups* by *size*, the largest first, and how many are left out as there are more than may be."""
    ordered = sorted(groups, key=lambda one: (-size(one), repr(cell(one))))
    return tuple(ordered[:MOST_GROUPS]), max(0, len(ordered) - MOST_GROUPS)


def no_facts(cell: Cell) -> FactSums:
    """Return the facts of no decisions."""
    counts = dict.fromkeys(set(FactSums._fields) - {"cell", "day", "csat_ai", "csat_human"}, 0)
    return FactSums(cell=cell, day=None, csat_ai=Moments(), csat_human=Moments(), **counts)
