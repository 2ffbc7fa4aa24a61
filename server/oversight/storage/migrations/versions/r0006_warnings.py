"""How the warning signs stand, and what the feedback loop remembers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables of warnings and marks."""
    op.create_table(
        "warnings",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("sign", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("raised_at_us", sa.BigInteger),
        sa.Column("quiet_since_us", sa.BigInteger),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("tested_at_us", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "department", "sign", "scope", "name"),
    )
    op.create_table(
        "feedback_marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.execute("UPDATE schema_version SET version = 7")


def downgrade() -> None:
    """Remove the tables: what they say is found again from the evidence, but for how long a warning has stood."""
    op.drop_table("feedback_marks")
    op.drop_table("warnings")
    op.execute("UPDATE schema_version SET version = 6")
