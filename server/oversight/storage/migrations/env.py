"""What Alembic runs around the steps: the connection, and with it the transaction, is the caller's."""

from __future__ import annotations

from alembic import context

from oversight.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
