"""The tables of the store, in SQLAlchemy Core; how a database came to have them is in `storage.migrations`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from oversight.storage.outcome import OutcomeStatus

__all__ = [
    "chain_heads",
    "control_events",
    "decisions",
    "erasures",
    "metadata",
    "outcomes",
    "personal_parts",
    "recommendations",
    "retention_checkpoints",
    "schema_version",
    "snapshots",
    "tokens",
]

metadata = MetaData()
"""Every table below."""


def _text(name: str, *, required: bool = False) -> Column[str]:
    return Column(name, Text, nullable=not required)


def _integer(name: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def _real(name: str) -> Column[float]:
    return Column(name, Double)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean)


def _chain(table: str) -> tuple[Column[str], Column[int], Column[str], UniqueConstraint]:
    # Unique: two processes that take themselves for the same writer cannot both go on with its chain.
    return (
        _text("writer", required=True),
        _integer("chain_seq", required=True),
        _text("chain_hash", required=True),
        UniqueConstraint("writer", "chain_seq", name=f"{table}_chain"),
    )


decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    _integer("decided_at_us", required=True),
    _text("caller", required=True),
    _integer("tier", required=True),
    _integer("escalation", required=True),
    _integer("evaluation", required=True),
    _text("policy", required=True),
    _text("policy_version", required=True),
    _text("policy_commit", required=True),
    _text("policy_digest", required=True),
    _integer("threshold_revision", required=True),
    Column("audit_selected", Boolean, nullable=False),
    Column("audit_probability", Double, nullable=False),
    _text("audit_key_id", required=True),
    _integer("latency_us", required=True),
    _text("trace_id", required=True),
    _integer("review_sla_s"),
    _integer("on_expiry"),
    Column("recorded", Boolean, nullable=False),
    _text("request_key", required=True),
    _text("facts", required=True),
    _text("missing_signals", required=True),
    _text("reasons", required=True),
    _text("shadow_reasons", required=True),
    _text("personal_sha256", required=True),
    _text("tenant_id"),
    _text("department"),
    _integer("turn_index"),
    _integer("held_tier"),
    _integer("channel"),
    _text("language"),
    _text("intent"),
    _real("intent_confidence"),
    _real("intent_runner_up_confidence"),
    _real("response_confidence"),
    _real("grounding_score"),
    _real("sentiment_score"),
    _real("sentiment_trend"),
    _integer("sentiment_source"),
    _real("anomaly_score"),
    _real("churn_risk"),
    _integer("customer_tier"),
    _flag("vulnerable_customer"),
    _flag("human_requested"),
    _flag("tool_failed"),
    _flag("reversible"),
    _integer("proposed_action"),
    _integer("amount_minor"),
    _text("currency"),
    _integer("failed_turns"),
    _integer("contacts_7d"),
    _text("guardrail_flags"),
    _text("model_version"),
    _text("draft_sha256"),
    _integer("signal_time_us"),
    *_chain("decisions"),
    Index("decisions_by_time", "decided_at_us"),
    Index("decisions_by_tier", "tier", "decided_at_us"),
    # No others before something looks records up by them: each index in whose order records do not come is a page of
    # the file read and written for every record.
)
"""One row a decision. A column has its field's name; absent is NULL, enums are the API's numbers, lists JSON text."""

personal_parts = Table(
    "personal_parts",
    metadata,
    _text("writer", required=True),
    _integer("chain_seq", required=True),
    _text("tenant_id"),
    _text("subject_ref"),
    _text("conversation_id"),
    Column("salt", LargeBinary, nullable=False),
    _text("part", required=True),
    PrimaryKeyConstraint("writer", "chain_seq"),
    Index("personal_parts_by_subject", "subject_ref"),
    Index("personal_parts_by_conversation", "conversation_id"),
    sqlite_with_rowid=False,
)
"""
What can be erased of a request: `part` is a JSON object of its personal fields, `salt` 16 random bytes.

A part has the number of its decision in the writer's chain, so that parts are appended: by decision id, each would go
to a page of its own.
"""

outcomes = Table(
    "outcomes",
    metadata,
    _text("outcome_id", required=True),
    _text("body_sha256", required=True),
    _integer("status", required=True),
    _integer("received_at_us", required=True),
    _text("caller", required=True),
    _text("decision_id", required=True),
    _text("draft_sha256"),
    _text("redecided_as"),
    _integer("verdict"),
    _integer("label_basis"),
    _real("edit_distance"),
    _text("correction_ref"),
    _integer("error_category"),
    _integer("handled_by"),
    _flag("escalated"),
    _flag("escalation_expected"),
    _integer("resolution"),
    _flag("repeat_contact"),
    _integer("repeat_window_h"),
    _real("csat"),
    _real("handle_time_s"),
    _real("review_time_s"),
    _real("qa_score"),
    _text("qa_rubric_version"),
    _integer("qa_subject"),
    _flag("qa_critical_fail"),
    _flag("sla_met"),
    _flag("planted"),
    _text("reviewer_ref"),
    _integer("observed_at_us"),
    *_chain("outcomes"),
    _text("caller_tenant"),
    PrimaryKeyConstraint("outcome_id", "body_sha256"),
    Index("outcomes_by_decision", "decision_id"),
)
"""
One row for each different report; `status` is ACCEPTED or CONFLICT (another draft or tenant is told when it is read).

`caller_tenant` is the tenant that the caller is bound to. It stands behind the chain's columns, as every newer one
will, and is in the chain.
"""

_accepted = outcomes.c.status == int(OutcomeStatus.ACCEPTED)
_of_no_tenant = _accepted & outcomes.c.caller_tenant.is_(None)
_of_a_tenant = _accepted & outcomes.c.caller_tenant.is_not(None)
# The first report with an id is kept, also when two replicas drain different ones at the same moment. Each tenant has
# ids of its own: none can take another's.
Index(
    "outcomes_first",
    outcomes.c.outcome_id,
    unique=True,
    sqlite_where=_of_no_tenant,
    postgresql_where=_of_no_tenant,
)
Index(
    "outcomes_first_of_tenant",
    outcomes.c.caller_tenant,
    outcomes.c.outcome_id,
    unique=True,
    sqlite_where=_of_a_tenant,
    postgresql_where=_of_a_tenant,
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("digest", Text, primary_key=True),
    _integer("engine_version", required=True),
    _integer("created_at_us", required=True),
    _text("document", required=True),
    Index("snapshots_by_time", "created_at_us", "digest"),
)
"""What a snapshot was assembled from, by its digest; `created_at_us` is when it was last said to be in force."""

chain_heads = Table(
    "chain_heads",
    metadata,
    _text("writer", required=True),
    _text("chain", required=True),
    _integer("chain_seq", required=True),
    _text("chain_hash", required=True),
    PrimaryKeyConstraint("writer", "chain"),
)
"""The last row of each writer's chain over a table; with it, rows cut off at the end are missed too."""

retention_checkpoints = Table(
    "retention_checkpoints",
    metadata,
    _text("writer", required=True),
    _text("chain", required=True),
    _integer("chain_seq", required=True),
    _text("chain_hash", required=True),
    _integer("cut_before_us", required=True),
    _integer("removed", required=True),
    _integer("created_at_us", required=True),
    _text("key_id", required=True),
    _text("signature", required=True),
    PrimaryKeyConstraint("writer", "chain", "chain_seq"),
)
"""The last row that retention removed of each chain, signed: from it `oversight verify` starts."""

erasures = Table(
    "erasures",
    metadata,
    _text("subject_key", required=True),
    _integer("before_us", required=True),
    PrimaryKeyConstraint("subject_key"),
)
"""
Who was erased, as a keyed hash: of records decided up to `before_us` that arrive later, the personal part is left out.

Else a record that waited in a journal would bring back what was erased.
"""

control_events = Table(
    "control_events",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    _integer("at_us", required=True),
    _text("kind", required=True),
    _text("author", required=True),
    _text("justification", required=True),
    _text("document", required=True),
    *_chain("control_events"),
)
"""
What administrators decided, one row an event, in one chain over all replicas; `document` is JSON text of the rest.

`chain_seq` is `revision`. In a data folder these are in control.db, the records in records.db; both files have one
layout, and what a file is not for stays empty.
"""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    _text("digest", required=True),
    _text("name", required=True),
    _text("roles", required=True),
    _text("tenant_id"),
    _integer("created_at_us", required=True),
    _text("created_by", required=True),
    _integer("expires_at_us"),
    _integer("revoked_at_us"),
    UniqueConstraint("digest", name="tokens_digest"),
)
"""Bearer tokens, each as the digest of its secret; beside the control events."""

recommendations = Table(
    "recommendations",
    metadata,
    _text("policy", required=True),
    _text("name", required=True),
    _text("intent", required=True),
    _text("department", required=True),
    _text("currency", required=True),
    _text("model_version", required=True),
    _integer("call", required=True),
    _text("digest", required=True),
    Column("delta", Double, nullable=False),
    _text("answer", required=True),
    _integer("at_us", required=True),
    _text("author", required=True),
    PrimaryKeyConstraint("policy", "name", "intent", "department", "currency", "model_version", "call"),
)
"""
What recommendations have spent of the chance of error, and what they said (JSON text); beside the control events.

The number of a call is its scope's and model version's; an empty text is every intent, department or currency.
"""

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
"""One row: the layout, for servers that know no revisions (`storage.schema`)."""
