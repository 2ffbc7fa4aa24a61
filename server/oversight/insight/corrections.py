"""Corrections: decisions whose draft people corrected, with the weight that each has in training."""

from __future__ import annotations

from typing import NamedTuple

from oversight.storage.evidence import CellFilter, EvidenceKey, EvidenceReader, EvidenceRow
from oversight.storage.protocols import RecordFinder
from oversight.storage.records import StoredDecision

__all__ = ["Correction", "Corrections", "find_corrections"]


class Correction(NamedTuple):
    """
    A decision on record whose draft was corrected, and its place in the list.

    `loss` is 1 where the AI was wrong, 0 where it was right, None where no verdict counts as a label. `weight` is 1 /
    the chance with which it was looked at, None where nobody knows that chance.
    """

    key: EvidenceKey
    stored: StoredDecision
    loss: int | None
    weight: float | None


class Corrections(NamedTuple):
    """One page of corrections, newest first, and the place behind which more follow; None at the end."""

    corrections: tuple[Correction, ...]
    following: EvidenceKey | None


def find_corrections(
    evidence: EvidenceReader, records: RecordFinder, wanted: CellFilter, limit: int, after: EvidenceKey | None
) -> Corrections:
    """
    Return at most *limit* corrections of what is *wanted*, from behind *after*.

    Decisions that retention removed meanwhile are left out. Raises `StoreUnavailableError`.
    """
    rows = evidence.corrected(wanted, limit + 1, after)
    shown = rows[:limit]
    stored = records.find_decisions([row.decision_id for row in shown])
    found = tuple(
        Correction(_key(row), stored[row.decision_id], row.loss, _weight(row))
        for row in shown
        if row.decision_id in stored
    )
    return Corrections(found, _key(shown[-1]) if len(rows) > limit else None)


def _key(row: EvidenceRow) -> EvidenceKey:
    return EvidenceKey(row.decided_at_us, row.decision_id)


def _weight(row: EvidenceRow) -> float | None:
    # What nobody was to look at, and no census covers, was reported for a reason that nobody knows.
    in_design = row.due_at_us is not None or row.basis is not None
    return 1 / row.probability if in_design and row.probability > 0 else None
