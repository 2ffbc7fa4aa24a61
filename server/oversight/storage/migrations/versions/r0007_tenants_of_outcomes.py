"""For whom an outcome was reported, ids of outcomes by tenant, and snapshots by time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from oversight.errors import UsageError

revision = "0007"
down_revision = "0006"

_ACCEPTED = "status = 1"
_OF_NO_TENANT = sa.text(f"{_ACCEPTED} AND caller_tenant IS NULL")
_OF_A_TENANT = sa.text(f"{_ACCEPTED} AND caller_tenant IS NOT NULL")


def upgrade() -> None:
    """Add the tenant of the caller, by which an id is the first, and the index of snapshots."""
    op.add_column("outcomes", sa.Column("caller_tenant", sa.Text))
    op.drop_index("outcomes_first", "outcomes")
    _create_first("outcomes_first", ["outcome_id"], _OF_NO_TENANT)
    _create_first("outcomes_first_of_tenant", ["caller_tenant", "outcome_id"], _OF_A_TENANT)
    op.create_index("snapshots_by_time", "snapshots", ["created_at_us", "digest"])
    op.execute("UPDATE schema_version SET version = 8")


def downgrade() -> None:
    """Remove them, unless a tenant's caller reported something: an older server would count it for anybody."""
    kept = op.get_bind().execute(sa.text("SELECT count(*) FROM outcomes WHERE caller_tenant IS NOT NULL")).scalar_one()
    if kept:
        raise UsageError(
            f"revision {down_revision} has no place for the tenants of the {kept} outcomes in this store, and a server "
            "of that version would count them for whomever they name: restore a backup from before the first instead"
        )
    op.drop_index("snapshots_by_time", "snapshots")
    op.drop_index("outcomes_first_of_tenant", "outcomes")
    op.drop_index("outcomes_first", "outcomes")
    _create_first("outcomes_first", ["outcome_id"], sa.text(_ACCEPTED))
    op.drop_column("outcomes", "caller_tenant")
    op.execute("UPDATE schema_version SET version = 7")


def _create_first(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "outcomes", columns, unique=True, sqlite_where=where, postgresql_where=where)
