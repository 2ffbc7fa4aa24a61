"""Evidence whose facts mean something else than before: its rows are made anew from all outcomes."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Let the feed take in every outcome again: a row that stayed as it was would say what it meant before."""
    _forget_outcomes()
    op.execute("UPDATE schema_version SET version = 9")


def downgrade() -> None:
    """Do the same: the server of before makes the rows as it reads them."""
    _forget_outcomes()
    op.execute("UPDATE schema_version SET version = 8")


def _forget_outcomes() -> None:
    # Decisions stay taken in: they are counted once, and each row keeps the time at which its review was due.
    op.execute("DELETE FROM feedback_cursors WHERE chain = 'outcomes'")
