"""What recommendations of thresholds have spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oversight.errors import UsageError

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table of recommendations."""
    op.create_table(
        "recommendations",
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("policy", "name", "intent", "department", "currency", "model_version")
        ),
        sa.Column("call", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("delta", sa.Double, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("policy", "name", "intent", "department", "currency", "model_version", "call"),
    )
    op.execute("UPDATE schema_version SET version = 6")


def downgrade() -> None:
    """Remove the table, unless something is in it: a chance of error that was spent must not be spent again."""
    kept = op.get_bind().execute(sa.text("SELECT count(*) FROM recommendations")).scalar_one()
    if kept:
        raise UsageError(
            f"revision 0004 has no place for the {kept} recommendations in this store, and what they spent would be "
            "spent again: restore a backup from before the first one instead"
        )
    op.drop_table("recommendations")
    op.execute("UPDATE schema_version SET version = 5")
