"""Which kind of database a URL names."""

from __future__ import annotations

from sqlalchemy import URL, Engine, make_url

from oversight.errors import StartError
from oversight.storage.database import DEFAULT_LIMITS, Database, Limits
from oversight.storage.sqlite import SqliteDatabase

__all__ = ["open_database", "open_engine"]


def open_database(url: str | URL, *, read_only: bool, limits: Limits = DEFAULT_LIMITS) -> Database:
    """Return the database that *url* names; connects to nothing yet. Raises `StartError` for one of another kind."""
    place = make_url(url)
    match place.get_backend_name():
        case "sqlite":
            return SqliteDatabase(place, read_only=read_only)
        case "postgresql":
            # Most servers have an embedded store, and no use for this driver's memory.
            from oversight.storage.postgresql import PostgresqlDatabase

            return PostgresqlDatabase(place, read_only=read_only, limits=limits)
        case other:
            raise StartError(f"a store in {other} is not supported: SQLite and PostgreSQL are")


def open_engine(url: str | URL, *, read_only: bool, limits: Limits = DEFAULT_LIMITS) -> Engine:
    """Return the connections of the database that *url* names, as `open_database` does."""
    return open_database(url, read_only=read_only, limits=limits).engine
