"""What outcomes teach: evidence, made anew from the records wherever it is not there yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables of cells, evidence, hours and of how far the records are in them."""
    op.create_table(
        "cells",
        sa.Column("cell_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("tier", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("labelled", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "department", "intent", "tier", "model_version", name="cells_names"),
    )
    _create_evidence()
    op.create_table(
        "hours",
        sa.Column("cell_id", sa.BigInteger, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("decisions", sa.BigInteger, nullable=False),
        sa.Column("censused", sa.BigInteger, nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sa.Column("confidence_n", sa.BigInteger, nullable=False),
        sa.Column("confidence_total", sa.Double, nullable=False),
        sa.Column("confidence_squares", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "probability", "hour"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback_cursors",
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("chain_seq", sa.BigInteger, nullable=False),
        sa.Column("through_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("writer", "chain"),
    )
    op.execute("UPDATE schema_version SET version = 5")


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("cell_id", sa.BigInteger, nullable=False),
        sa.Column("decided_at_us", sa.BigInteger, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("draw", sa.Double, nullable=False),
        sa.Column("drawn_probability", sa.Double, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("due_at_us", sa.BigInteger),
        sa.Column("basis", sa.BigInteger),
        sa.Column("loss", sa.BigInteger),
        sa.Column("labelled_at_us", sa.BigInteger),
        sa.Column("escalate", sa.Boolean, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.BigInteger),
        sa.Column("handled_by", sa.BigInteger),
        sa.Column("escalated", sa.Boolean),
        sa.Column("escalation_expected", sa.Boolean),
        sa.Column("unexpected", sa.Boolean),
        sa.Column("resolution", sa.BigInteger),
        sa.Column("repeat_contact", sa.Boolean),
        sa.Column("csat", sa.Double),
        sa.Column("review_time_s", sa.Double),
        sa.Column("qa_score", sa.Double),
        sa.Column("qa_rubric_version", sa.Text),
        sa.Column("qa_subject", sa.BigInteger),
        sa.Column("sla_met", sa.Boolean),
        sa.Column("planted", sa.BigInteger, nullable=False),
        sa.Column("caught", sa.BigInteger, nullable=False),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "decided_at_us", "decision_id"),
        sqlite_with_rowid=False,
    )
    is_open = sa.text("loss IS NULL AND due_at_us IS NOT NULL")
    op.create_index(
        "evidence_due", "evidence", ["due_at_us", "decision_id"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index(
        "evidence_corrected",
        "evidence",
        ["decided_at_us", "decision_id"],
        sqlite_where=sa.text("corrected"),
        postgresql_where=sa.text("corrected"),
    )


def downgrade() -> None:
    """Remove the tables: all that is in them comes again from the records."""
    for table in ("feedback_cursors", "hours", "evidence", "cells"):
        op.drop_table(table)
    op.execute("UPDATE schema_version SET version = 4")
