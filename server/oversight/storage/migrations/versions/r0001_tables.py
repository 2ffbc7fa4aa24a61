"""The tables as they were before there were revisions (schema version 2)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oversight.errors import UsageError

revision = "0001"
down_revision = None

_ACCEPTED = sa.text("status = 1")


def upgrade() -> None:
    """Make all tables of an empty database."""
    _make_decisions()
    _make_personal_parts()
    _make_outcomes()
    _make_rest()


def downgrade() -> None:
    """Refuse: there is nothing below but the loss of every record."""
    raise UsageError("below revision 0001 there are no records: remove the database itself if that is what is wanted")


def _text(name: str, *, required: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not required)


def _integer(name: str, *, required: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=not required)


def _real(name: str, *, required: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=not required)


def _flag(name: str, *, required: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=not required)


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        _text("decision_id", required=True),
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
        _flag("audit_selected", required=True),
        _real("audit_probability", required=True),
        _text("audit_key_id", required=True),
        _integer("latency_us", required=True),
        _text("trace_id", required=True),
        _integer("review_sla_s"),
        _integer("on_expiry"),
        _flag("recorded", required=True),
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
        _text("writer", required=True),
        _integer("chain_seq", required=True),
        _text("chain_hash", required=True),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.UniqueConstraint("writer", "chain_seq", name="decisions_chain"),
    )
    op.create_index("decisions_by_tier", "decisions", ["tier", "decided_at_us"])
    op.create_index("decisions_by_time", "decisions", ["decided_at_us"])


def _make_personal_parts() -> None:
    op.create_table(
        "personal_parts",
        _text("writer", required=True),
        _integer("chain_seq", required=True),
        _text("tenant_id"),
        _text("subject_ref"),
        _text("conversation_id"),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        _text("part", required=True),
        sa.PrimaryKeyConstraint("writer", "chain_seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("personal_parts_by_conversation", "personal_parts", ["conversation_id"])
    op.create_index("personal_parts_by_subject", "personal_parts", ["subject_ref"])


def _make_outcomes() -> None:
    op.create_table(
        "outcomes",
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
        _text("writer", required=True),
        _integer("chain_seq", required=True),
        _text("chain_hash", required=True),
        sa.PrimaryKeyConstraint("outcome_id", "body_sha256"),
        sa.UniqueConstraint("writer", "chain_seq", name="outcomes_chain"),
    )
    op.create_index("outcomes_by_decision", "outcomes", ["decision_id"])
    op.create_index(
        "outcomes_first", "outcomes", ["outcome_id"], unique=True, sqlite_where=_ACCEPTED, postgresql_where=_ACCEPTED
    )


def _make_rest() -> None:
    op.create_table(
        "snapshots",
        _text("digest", required=True),
        _integer("engine_version", required=True),
        _integer("created_at_us", required=True),
        _text("document", required=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "chain_heads",
        _text("writer", required=True),
        _text("chain", required=True),
        _integer("chain_seq", required=True),
        _text("chain_hash", required=True),
        sa.PrimaryKeyConstraint("writer", "chain"),
    )
    op.create_table(
        "schema_version",
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.bulk_insert(sa.table("schema_version", sa.column("version", sa.Integer)), [{"version": 2}])
