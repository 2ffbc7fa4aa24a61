"""What the service answers, as frozen values; field names, units and ranges are those of docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from grpc import StatusCode

from oversight_client.enums import Escalation, Evaluation, OnExpiry, OutcomeStatus, RuleOutcome, Tier

__all__ = [
    "Comparison",
    "Decision",
    "ErasedSubject",
    "ItemError",
    "JsonValue",
    "PolicyIdentity",
    "Reason",
    "RecordPage",
    "RecordedOutcome",
    "RuleEvaluation",
    "StoredDecision",
]

JsonValue = str | int | float | bool | tuple["JsonValue", ...] | Mapping[str, "JsonValue"] | None
"""A value that came as JSON; lists are tuples here."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    One comparison that made a rule match: *observed* *operator* *limit*; `observed` is None where it was absent.

    `limit_source` is `literal`, or the threshold's name, scope and origin.
    """

    signal: str
    observed: JsonValue
    operator: str
    limit: JsonValue
    limit_source: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that matched: `code` is for software, `message` for people, the tier and escalation what it asks for."""

    code: str
    rule_id: str
    message: str
    comparisons: tuple[Comparison, ...]
    tier: Tier | None
    escalation: Escalation | None


@dataclass(frozen=True, slots=True)
class PolicyIdentity:
    """Which policy decided; `digest` is of the snapshot in force, 64 hex digits. All empty in a local decision."""

    name: str = ""
    version: str = ""
    commit: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    How much human oversight one AI message gets, and why.

    A decision that the client made itself because the service could not be asked has an empty `decision_id`, the
    reason DECISION_UNAVAILABLE, the evaluation ERROR, and is not recorded. `reasons` are ordered by tier descending,
    escalation descending, rule id. `audit_probability` is in 0..1; `review_sla_s` in seconds, None where the policy
    sets none.
    """

    decision_id: str
    request_id: str
    tier: Tier
    escalate: bool
    escalation: Escalation
    reason: str
    reasons: tuple[Reason, ...]
    shadow_reasons: tuple[Reason, ...] = ()
    missing_signals: tuple[str, ...] = ()
    evaluation: Evaluation
    recorded: bool
    policy: PolicyIdentity
    threshold_revision: int = 0
    audit_selected: bool = False
    audit_probability: float = 0.0
    review_sla_s: int | None = None
    on_expiry: OnExpiry | None = None


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one item of a batch failed; the fields are those of `CallError`."""

    code: StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]

    @property
    def field(self) -> str:
        """The field at fault, or empty."""
        return self.metadata.get("field", "")


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """An outcome on record; `outcome` has the fields that `record_outcome` takes, as far as they were reported."""

    outcome: Mapping[str, object]
    status: OutcomeStatus
    received_at: datetime
    caller: str


@dataclass(frozen=True, slots=True)
class RuleEvaluation:
    """What became of one rule when the decision was replayed, with every comparison of its condition."""

    rule_id: str
    outcome: RuleOutcome
    comparisons: tuple[Comparison, ...]
    shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """
    A decision on record.

    `request` has the fields that `decide` takes, as far as they were present (and, once `erased`, without the personal
    ones). Times are in UTC; `latency_us` is in microseconds. `rules` is empty unless an explanation was asked for.
    """

    request: Mapping[str, object]
    response: Decision
    decided_at: datetime
    caller: str
    latency_us: int
    trace_id: str
    audit_key_id: str
    erased: bool
    outcomes: tuple[RecordedOutcome, ...]
    rules: tuple[RuleEvaluation, ...]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Some decisions on record, newest first; more follow while `next_page_token` is not empty."""

    records: tuple[StoredDecision, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class ErasedSubject:
    """
    What an erasure did: from how many decisions the personal part went.

    What was decided up to `before` and reaches the store later is stored without it.
    """

    erased_decisions: int
    before: datetime
