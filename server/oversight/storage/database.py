"""What a store needs of a database beside SQL: there is one implementation for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import SQLAlchemyError

from oversight.errors import StoreUnavailableError
from oversight.storage.rows import Row

__all__ = ["DEFAULT_LIMITS", "MIGRATING", "READING", "Database", "Limits", "in_words"]

READING = "oversight_reading"
"""Execution option of connections that only read: they can change nothing, and take no writer's lock."""

MIGRATING = "oversight_migrating"
"""Execution option of a connection that changes the schema: no statement of it is too long."""


class Limits(NamedTuple):
    """
    What a process may ask of a database server; an embedded database has its own.

    `pool_size` are connections at most. A connection is waited for `connect_timeout_s` seconds; a statement may take
    `statement_timeout_s` seconds, and a lock is waited for as long at most.
    """

    pool_size: int = 2
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 30.0


DEFAULT_LIMITS = Limits()
"""What the settings say unless told otherwise."""


class Database(Protocol):
    """One database and what is particular to its kind; making one connects to nothing."""

    @property
    def engine(self) -> Engine:
        """Its connections; errors of any kind are SQLAlchemy's or `OSError`."""
        ...

    def is_there(self) -> bool:
        """Return False where a reader can know without connecting that nothing was ever written."""
        ...

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert *rows* (at least one), each with the values of all columns in the table's order."""
        ...

    def lock_schema(self, connection: Connection) -> None:
        """Keep everybody else from changing the schema until the end of this transaction."""
        ...

    def may_repeat(self, error: Exception) -> bool:
        """Tell whether *error* means that another writer came between, so that the transaction may be done again."""
        ...

    def describe(self, error: Exception) -> str:
        """Return the driver's own words, of one line, without statement, values or password."""
        ...


@contextmanager
def in_words(database: Database, done: str) -> Iterator[None]:
    """Turn every error of *database* into a `StoreUnavailableError` that says what cannot be *done* ("read")."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailableError(f"the store cannot be {done}: {database.describe(error)}") from error
