"""The fields that `decide` and `record_outcome` take, for editors and type checkers; meanings are in docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict

from oversight_client.enums import (
    Channel,
    CustomerTier,
    ErrorCategory,
    HandledBy,
    LabelBasis,
    ProposedAction,
    QaSubject,
    Resolution,
    SentimentSource,
    Tier,
    Verdict,
)

__all__ = ["AttributeScalar", "DecideFields", "OutcomeFields"]

AttributeScalar = str | float | int | bool
"""The value of one free attribute."""


class DecideFields(TypedDict, total=False):
    """
    One AI message about to be sent; None and a field left out are both absent.

    Enum fields take a member, its name in any case, or the API's number; `draft_sha256` 32 bytes or 64 hex digits;
    `signal_time` a datetime with a time zone, or ISO 8601 text with one; `guardrails` the flags raised, `[]` where a
    check ran and raised none.
    """

    request_id: str | None
    tenant_id: str | None
    department: str | None
    conversation_id: str | None
    turn_index: int | None
    subject_ref: str | None
    held_tier: Tier | str | int | None
    channel: Channel | str | int | None
    language: str | None
    intent: str | None
    intent_confidence: float | None
    intent_runner_up_confidence: float | None
    response_confidence: float | None
    grounding_score: float | None
    sentiment_score: float | None
    sentiment_trend: float | None
    sentiment_source: SentimentSource | str | int | None
    anomaly_score: float | None
    churn_risk: float | None
    customer_tier: CustomerTier | str | int | None
    vulnerable_customer: bool | None
    human_requested: bool | None
    tool_failed: bool | None
    reversible: bool | None
    proposed_action: ProposedAction | str | int | None
    amount_minor: int | None
    currency: str | None
    failed_turns: int | None
    contacts_7d: int | None
    guardrails: Iterable[str] | None
    model_version: str | None
    draft_sha256: bytes | str | None
    signal_time: datetime | str | None
    attributes: Mapping[str, AttributeScalar] | None


class OutcomeFields(TypedDict, total=False):
    """What became of one decision; send what is known, again when more is, under another `outcome_id`."""

    outcome_id: str | None
    decision_id: str | None
    draft_sha256: bytes | str | None
    redecided_as: str | None
    verdict: Verdict | str | int | None
    label_basis: LabelBasis | str | int | None
    edit_distance: float | None
    correction_ref: str | None
    error_category: ErrorCategory | str | int | None
    handled_by: HandledBy | str | int | None
    escalated: bool | None
    escalation_expected: bool | None
    resolution: Resolution | str | int | None
    repeat_contact: bool | None
    repeat_window_h: int | None
    csat: float | None
    handle_time_s: float | None
    review_time_s: float | None
    qa_score: float | None
    qa_rubric_version: str | None
    qa_subject: QaSubject | str | int | None
    qa_critical_fail: bool | None
    sla_met: bool | None
    planted: bool | None
    reviewer_ref: str | None
    observed_at: datetime | str | None
