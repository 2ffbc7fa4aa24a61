"""What the engine is asked: one AI message as plain values, and what the server knows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["PERSONAL_FIELDS", "REQUEST_FIELDS", "AttributeScalar", "Request", "ServerFacts", "Stop"]

AttributeScalar = str | float | int | bool
"""The value of one free attribute."""


class Request(NamedTuple):
    """
    One AI message; field names, units and ranges are those of `DecideRequest` (docs/api.md), None is absent.

    Enum fields hold the API's numbers. `guardrail_flags` is None where no check ran, empty where it raised nothing.
    `draft_sha256` is in hex. Times are microseconds since 1970 (UTC). `decided_at_us` is the time of the decision: an
    input like any other, never read from a clock here. A named tuple, because it is built once a call and read by
    position in the generated code.
    """

    request_id: str = ""
    tenant_id: str | None = None
    department: str | None = None
    conversation_id: str | None = None
    turn_index: int | None = None
    subject_ref: str | None = None
    held_tier: int | None = None
    channel: int | None = None
    language: str | None = None
    intent: str | None = None
    intent_confidence: float | None = None
    intent_runner_up_confidence: float | None = None
    response_confidence: float | None = None
    grounding_score: float | None = None
    sentiment_score: float | None = None
    sentiment_trend: float | None = None
    sentiment_source: int | None = None
    anomaly_score: float | None = None
    churn_risk: float | None = None
    customer_tier: int | None = None
    vulnerable_customer: bool | None = None
    human_requested: bool | None = None
    tool_failed: bool | None = None
    reversible: bool | None = None
    proposed_action: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    failed_turns: int | None = None
    contacts_7d: int | None = None
    guardrail_flags: tuple[str, ...] | None = None
    model_version: str | None = None
    draft_sha256: str | None = None
    signal_time_us: int | None = None
    attributes: Mapping[str, AttributeScalar] | None = None
    decided_at_us: int = 0


REQUEST_FIELDS: tuple[str, ...] = tuple(name for name in Request._fields if name != "decided_at_us")
"""The fields that the caller sends, in canonical order."""

PERSONAL_FIELDS: tuple[str, ...] = ("request_id", "conversation_id", "subject_ref", "attributes")
"""The fields that are stored apart from the record, with a salt, and can be erased."""


class Stop(NamedTuple):
    """An engaged oversight stop: of a department, of an intent, of the two together, or (both None) of everything."""

    department: str | None = None
    intent: str | None = None


class ServerFacts(NamedTuple):
    """
    What the server knows at the moment of a decision; recorded with it, so that it can be replayed.

    `labelled_outcomes` counts those for this intent and model version. The ages are seconds since the policy and the
    thresholds were last confirmed against their sources. `stops` are engaged on this machine alone, until those that
    administer all replicas have them too.
    """

    labelled_outcomes: int = 0
    policy_age_s: int = 0
    threshold_age_s: int = 0
    record_unavailable: bool = False
    stops: tuple[Stop, ...] = ()
