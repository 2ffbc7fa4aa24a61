"""The steps from one layout of the store to the next, run by Alembic (`storage.migration`)."""
