"""An outcome: facts about one decision, as plain values."""

from __future__ import annotations

from enum import IntEnum
from json import JSONEncoder
from typing import NamedTuple

__all__ = ["Outcome", "OutcomeStatus", "canonical_outcome"]

_encode = JSONEncoder(separators=(",", ":")).encode


class Outcome(NamedTuple):
    """
    Facts about one decision; field names, units and ranges are those of `Outcome` in the API, None is absent.

    Enum fields hold the API's numbers. `draft_sha256` is in hex. `observed_at_us` is in microseconds since 1970 (UTC).
    """

    outcome_id: str
    decision_id: str
    draft_sha256: str | None = None
    redecided_as: str | None = None
    verdict: int | None = None
    label_basis: int | None = None
    edit_distance: float | None = None
    correction_ref: str | None = None
    error_category: int | None = None
    handled_by: int | None = None
    escalated: bool | None = None
    escalation_expected: bool | None = None
    resolution: int | None = None
    repeat_contact: bool | None = None
    repeat_window_h: int | None = None
    csat: float | None = None
    handle_time_s: float | None = None
    review_time_s: float | None = None
    qa_score: float | None = None
    qa_rubric_version: str | None = None
    qa_subject: int | None = None
    qa_critical_fail: bool | None = None
    sla_met: bool | None = None
    planted: bool | None = None
    reviewer_ref: str | None = None
    observed_at_us: int | None = None


class OutcomeStatus(IntEnum):
    """How an outcome on record stands to its decision."""

    ACCEPTED = 1
    CONFLICT = 2
    OTHER_DRAFT = 3
    OTHER_TENANT = 4


def canonical_outcome(outcome: Outcome) -> str:
    """
    Return the outcome as the one JSON text that stands for it.

    An ASCII object of the present fields in the API's order, no spaces. Two reports with the same text say the same.
    """
    present = {name: value for name, value in zip(Outcome._fields, outcome, strict=True) if value is not None}
    return _encode(present)
