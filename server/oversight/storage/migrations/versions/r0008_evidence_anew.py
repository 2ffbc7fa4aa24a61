"""Which rows of the evidence are on one draft of one request; and facts that mean something else than before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_KEYS = """
UPDATE evidence SET draft_key = (
    SELECT d.request_key || substr(d.draft_sha256, 1, 16) FROM decisions d WHERE d.decision_id = evidence.decision_id
)
"""


def upgrade() -> None:
    """Add the key and its index, and let the feed take in every outcome again: it makes those rows anew."""
    op.add_column("evidence", sa.Column("draft_key", sa.Text))
    op.execute(_KEYS)
    keyed = sa.text("draft_key IS NOT NULL")
    op.create_index("evidence_drafts", "evidence", ["draft_key"], sqlite_where=keyed, postgresql_where=keyed)
    # Decisions stay taken in: they are counted once, and each row keeps the time at which its review was due.
    op.execute("DELETE FROM feedback_cursors WHERE chain = 'outcomes'")
    op.execute("UPDATE schema_version SET version = 9")


def downgrade() -> None:
    """Remove them; the feed of before makes all evidence anew, because what stood back counts by itself there."""
    op.drop_index("evidence_drafts", "evidence")
    op.drop_column("evidence", "draft_key")
    for table in ("evidence", "hours", "cells", "feedback_cursors"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    op.execute("UPDATE schema_version SET version = 8")
