"""Where a chain begins once its oldest rows were removed; servers before there were revisions refuse the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oversight.errors import UsageError

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table of checkpoints."""
    op.create_table(
        "retention_checkpoints",
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("chain_seq", sa.BigInteger, nullable=False),
        sa.Column("chain_hash", sa.Text, nullable=False),
        sa.Column("cut_before_us", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("writer", "chain", "chain_seq"),
    )
    op.execute("UPDATE schema_version SET version = 3")


def downgrade() -> None:
    """Remove the table, unless it is needed: without its checkpoint a shortened chain proves nothing."""
    kept = op.get_bind().execute(sa.text("SELECT count(*) FROM retention_checkpoints")).scalar_one()
    if kept:
        raise UsageError(
            f"revision 0001 has no place for the {kept} checkpoints of retention, without which shortened chains "
            "cannot be verified: restore a backup from before the first retention instead"
        )
    op.drop_table("retention_checkpoints")
    op.execute("UPDATE schema_version SET version = 2")
