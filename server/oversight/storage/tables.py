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

from oversight.storage.columns import flag, integer, real, text
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


def _chain(table: str) -> tuple[Column[str], Column[int], Column[str], UniqueConstraint]:
    # Unique: two processes that take themselves for the same writer cannot both go on with its chain.
    return (
        text("writer", required=True),
        integer("chain_seq", required=True),
        text("chain_hash", required=True),
        UniqueConstraint("writer", "chain_seq", name=f"{table}_chain"),
    )


decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    integer("decided_at_us", required=True),
    text("caller", required=True),
    integer("tier", required=True),
    integer("escalation", required=True),
    integer("evaluation", required=True),
    text("policy", required=True),
    text("policy_version", required=True),
    text("policy_commit", required=True),
    text("policy_digest", required=True),
    integer("threshold_revision", required=True),
    Column("audit_selected", Boolean, nullable=False),
    Column("audit_probability", Double, nullable=False),
    text("audit_key_id", required=True),
    integer("latency_us", required=True),
    text("trace_id", required=True),
    integer("review_sla_s"),
    integer("on_expiry"),
    Column("recorded", Boolean, nullable=False),
    text("request_key", required=True),
    text("facts", required=True),
    text("missing_signals", required=True),
    text("reasons", required=True),
    text("shadow_reasons", required=True),
    text("personal_sha256", required=True),
    text("tenant_id"),
    text("department"),
    integer("turn_index"),
    integer("held_tier"),
    integer("channel"),
    text("language"),
    text("intent"),
    real("intent_confidence"),
    real("intent_runner_up_confidence"),
    real("response_confidence"),
    real("grounding_score"),
    real("sentiment_score"),
    real("sentiment_trend"),
    integer("sentiment_source"),
    real("anomaly_score"),
    real("churn_risk"),
    integer("customer_tier"),
    flag("vulnerable_customer"),
    flag("human_requested"),
    flag("tool_failed"),
    flag("reversible"),
    integer("proposed_action"),
    integer("amount_minor"),
    text("currency"),
    integer("failed_turns"),
    integer("contacts_7d"),
    text("guardrail_flags"),
    text("model_version"),
    text("draft_sha256"),
    integer("signal_time_us"),
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
    text("writer", required=True),
    integer("chain_seq", required=True),
    text("tenant_id"),
    text("subject_ref"),
    text("conversation_id"),
    Column("salt", LargeBinary, nullable=False),
    text("part", required=True),
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
    text("outcome_id", required=True),
    text("body_sha256", required=True),
    integer("status", required=True),
    integer("received_at_us", required=True),
    text("caller", required=True),
    text("decision_id", required=True),
    text("draft_sha256"),
    text("redecided_as"),
    integer("verdict"),
    integer("label_basis"),
    real("edit_distance"),
    text("correction_ref"),
    integer("error_category"),
    integer("handled_by"),
    flag("escalated"),
    flag("escalation_expected"),
    integer("resolution"),
    flag("repeat_contact"),
    integer("repeat_window_h"),
    real("csat"),
    real("handle_time_s"),
    real("review_time_s"),
    real("qa_score"),
    text("qa_rubric_version"),
    integer("qa_subject"),
    flag("qa_critical_fail"),
    flag("sla_met"),
    flag("planted"),
    text("reviewer_ref"),
    integer("observed_at_us"),
    *_chain("outcomes"),
    text("caller_tenant"),
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
    integer("engine_version", required=True),
    integer("created_at_us", required=True),
    text("document", required=True),
    Index("snapshots_by_time", "created_at_us", "digest"),
)
"""What a snapshot was assembled from, by its digest; `created_at_us` is when it was last said to be in force."""

chain_heads = Table(
    "chain_heads",
    metadata,
    text("writer", required=True),
    text("chain", required=True),
    integer("chain_seq", required=True),
    text("chain_hash", required=True),
    PrimaryKeyConstraint("writer", "chain"),
)
"""The last row of each writer's chain over a table; with it, rows cut off at the end are missed too."""

retention_checkpoints = Table(
    "retention_checkpoints",
    metadata,
    text("writer", required=True),
    text("chain", required=True),
    integer("chain_seq", required=True),
    text("chain_hash", required=True),
    integer("cut_before_us", required=True),
    integer("removed", required=True),
    integer("created_at_us", required=True),
    text("key_id", required=True),
    text("signature", required=True),
    PrimaryKeyConstraint("writer", "chain", "chain_seq"),
)
"""The last row that retention removed of each chain, signed: from it `oversight verify` starts."""

erasures = Table(
    "erasures",
    metadata,
    text("subject_key", required=True),
    integer("before_us", required=True),
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
    integer("at_us", required=True),
    text("kind", required=True),
    text("author", required=True),
    text("justification", required=True),
    text("document", required=True),
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
    text("digest", required=True),
    text("name", required=True),
    text("roles", required=True),
    text("tenant_id"),
    integer("created_at_us", required=True),
    text("created_by", required=True),
    integer("expires_at_us"),
    integer("revoked_at_us"),
    UniqueConstraint("digest", name="tokens_digest"),
)
"""Bearer tokens, each as the digest of its secret; beside the control events."""

recommendations = Table(
    "recommendations",
    metadata,
    text("policy", required=True),
    text("name", required=True),
    text("intent", required=True),
    text("department", required=True),
    text("currency", required=True),
    text("model_version", required=True),
    integer("call", required=True),
    text("digest", required=True),
    Column("delta", Double, nullable=False),
    text("answer", required=True),
    integer("at_us", required=True),
    text("author", required=True),
    PrimaryKeyConstraint("policy", "name", "intent", "department", "currency", "model_version", "call"),
)
"""
What recommendations have spent of the chance of error, and what they said (JSON text); beside the control events.

The number of a call is its scope's and model version's; an empty text is every intent, department or currency.
"""

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
"""One row: the layout, for servers that know no revisions (`storage.schema`)."""
