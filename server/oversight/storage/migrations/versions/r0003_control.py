"""What administrators decided, and the tokens of callers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oversight.errors import UsageError

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables of control events and of tokens."""
    op.create_table(
        "control_events",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("justification", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("chain_seq", sa.BigInteger, nullable=False),
        sa.Column("chain_hash", sa.Text, nullable=False),
        sa.UniqueConstraint("writer", "chain_seq", name="control_events_chain"),
    )
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at_us", sa.BigInteger),
        sa.Column("revoked_at_us", sa.BigInteger),
        sa.UniqueConstraint("digest", name="tokens_digest"),
    )
    op.execute("UPDATE schema_version SET version = 4")


def downgrade() -> None:
    """Remove the tables, unless something is in them: a server that does not know stops would not heed them."""
    for table, what in (("control_events", "changes and stops"), ("tokens", "tokens")):
        kept = op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our own names
        if kept:
            raise UsageError(
                f"revision 0002 has no place for the {kept} {what} in this store, and a server of that version would "
                "not heed them: restore a backup from before the first one instead"
            )
    op.drop_table("tokens")
    op.drop_table("control_events")
    op.execute("UPDATE schema_version SET version = 3")
