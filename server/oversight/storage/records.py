"""What is put on record and what is read back: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from oversight.engine.decision import Decision
from oversight.engine.request import PERSONAL_FIELDS, REQUEST_FIELDS, Request, ServerFacts
from oversight.storage.outcome import Outcome, OutcomeStatus

__all__ = [
    "SIGNAL_FIELDS",
    "Added",
    "DecisionRecord",
    "OutcomeRecord",
    "PageKey",
    "RecordFilter",
    "RecordPage",
    "StoredDecision",
    "StoredOutcome",
    "recorded_at_us",
]

SIGNAL_FIELDS: tuple[str, ...] = tuple(name for name in REQUEST_FIELDS if name not in PERSONAL_FIELDS)
"""The fields of a request that are stored in columns of their own, in the order of these."""


class DecisionRecord(NamedTuple):
    """
    One decision on its way to the store.

    A named tuple whose order is that of the columns: the drain is measured in microseconds a record. `facts`,
    `missing_signals`, `reasons` and `shadow_reasons` are JSON text, moved without being parsed. `signals` are the
    values of the request's columns (`SIGNAL_FIELDS`), None where absent; a real is a float and no negative zero.
    `personal` is what can be erased: a JSON object of the present `PERSONAL_FIELDS`, of which subject and conversation
    are kept as they are, too.
    """

    decision_id: str
    decided_at_us: int
    caller: str
    tier: int
    escalation: int
    evaluation: int
    policy: str
    policy_version: str
    policy_commit: str
    policy_digest: str
    threshold_revision: int
    audit_selected: bool
    audit_probability: float
    audit_key_id: str
    latency_us: int
    trace_id: str
    review_sla_s: int | None
    on_expiry: int | None
    recorded: bool
    request_key: str
    facts: str
    missing_signals: str
    reasons: str
    shadow_reasons: str
    signals: tuple[Any, ...]
    subject_ref: str | None
    conversation_id: str | None
    personal: str


class OutcomeRecord(NamedTuple):
    """
    One outcome on its way to the store: when it arrived (microseconds since 1970, UTC) and who sent it.

    `caller_tenant` is the tenant that the caller is bound to, None for none.
    """

    outcome: Outcome
    received_at_us: int
    caller: str
    caller_tenant: str | None = None


def recorded_at_us(record: DecisionRecord | OutcomeRecord) -> int:
    """Return when the record was made, in microseconds since 1970 (UTC)."""
    return record.decided_at_us if isinstance(record, DecisionRecord) else record.received_at_us


class Added(NamedTuple):
    """
    What one `add` did, in records.

    `decisions` and `outcomes` are new; `conflicts` are outcomes whose id another outcome has already, kept apart;
    `duplicates` were there before.
    """

    decisions: int = 0
    outcomes: int = 0
    conflicts: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """An outcome on record; `received_at_us` is in microseconds since 1970 (UTC), `caller_tenant` as in its record."""

    outcome: Outcome
    status: OutcomeStatus
    received_at_us: int
    caller: str
    caller_tenant: str | None = None


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """
    A decision on record with its outcomes, by the time they were observed.

    `erased`: the personal part of the request is gone; request_id is then empty, the other personal fields absent.
    The time of the decision is `request.decided_at_us`; `latency_us` is in microseconds, `trace_id` empty where the
    call was not traced.
    """

    request: Request
    facts: ServerFacts
    decision: Decision
    caller: str
    latency_us: int
    trace_id: str
    request_key: str
    erased: bool
    outcomes: tuple[StoredOutcome, ...]


class RecordFilter(NamedTuple):
    """
    Which decisions: those that meet every field that is not None.

    Fields are the columns of their names. `since_us` is in, `until_us` out; both in microseconds since 1970 (UTC).
    """

    tenant_id: str | None = None
    conversation_id: str | None = None
    subject_ref: str | None = None
    department: str | None = None
    intent: str | None = None
    tier: int | None = None
    policy_digest: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    evaluation: int | None = None


class PageKey(NamedTuple):
    """The place of a decision in the list: by time, then by id, both descending."""

    decided_at_us: int
    decision_id: str


class RecordPage(NamedTuple):
    """Some decisions in order, and the place behind which the list goes on; None where it ends."""

    decisions: tuple[StoredDecision, ...]
    following: PageKey | None
