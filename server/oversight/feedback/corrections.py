"""Corrections: which corrected replies are worth most to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf
from typing import NamedTuple

__all__ = ["CorrectedContext", "context_key", "learning_order"]

_CELL = 0.1
_DIGITS = 9

Context = Mapping[str, str | float | bool | None]


class CorrectedContext(NamedTuple):
    """
    A corrected decision: its id, its margin (0..1, intent confidence less runner-up; None where absent), its context.

    `context` holds the signals and reasons it was decided from, by name; the text itself is never here.
    """

    decision_id: str
    margin: float | None
    context: Context


def context_key(context: Context, *, cell: float = _CELL) -> tuple[tuple[str, str | float | bool], ...]:
    """
    Return what near-duplicate contexts have in common: each real number by its *cell*, all else as it is.

    Two contexts are near-duplicates if every word, whole number and flag is the same and every real number lies in the
    same cell of width *cell* (its unit). Absent values are left out. Raises ValueError where *cell* is not above 0.
    """
    if not cell > 0:
        raise ValueError(f"cell is {cell}; expected a width above 0")
    return tuple(
        (name, floor(round(value / cell, _DIGITS)) if isinstance(value, float) else value)
        for name, value in sorted(context.items())
        if value is not None
    )


def learning_order(corrections: Sequence[CorrectedContext], *, cell: float = _CELL) -> tuple[CorrectedContext, ...]:
    """
    Return one of each near-duplicate context (`context_key`), lowest margin first, those without a margin last.

    The least certain decisions teach most, and the same one twice teaches little more. Of equals the lower id comes
    first, so the order of rows changes nothing.

    Source: margin sampling, Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information
    extraction", IDA 2001, 309-318; Settles 2009, Active learning literature survey, section 3.1.
    """
    ranked = sorted(corrections, key=lambda row: (inf if row.margin is None else row.margin, row.decision_id))
    first: dict[tuple[tuple[str, str | float | bool], ...], CorrectedContext] = {}
    for row in ranked:
        first.setdefault(context_key(row.context, cell=cell), row)
    return tuple(first.values())
