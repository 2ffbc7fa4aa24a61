"""The control events in a database that SQLAlchemy reaches: appended one by one, in one chain over all replicas."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from oversight.engine.control import ControlEvent
from oversight.errors import StaleRevisionError, StoreUnavailableError, StoreVersionError
from oversight.storage import tables
from oversight.storage.chain import GENESIS
from oversight.storage.control_rows import CONTROL_WRITER, event_from_row, event_row
from oversight.storage.database import Database, in_words
from oversight.storage.transactions import Transactions

__all__ = ["CHANNEL", "SqlControlStore"]

CHANNEL = "oversight_control"
"""The channel on which PostgreSQL tells listeners that there is a new event."""

_events = tables.control_events
_heads = tables.chain_heads
_HEAD = (_heads.c.writer == CONTROL_WRITER) & (_heads.c.chain == _events.name)


class SqlControlStore:
    """
    A `ControlStore` in *database*; building one connects to nothing.

    The first append makes the tables in a new database, brings older ones up to date if it may (*migrate*), and raises
    `StoreUnavailableError` for any others. A database that is not there yet has no events.
    """

    def __init__(self, database: Database, *, migrate: bool = False) -> None:
        self._database = database
        self._transactions = Transactions(database, migrate=migrate)

    def prepare(self) -> None:
        """Make the tables ready to be written; raise `StoreVersionError` for those of another version."""
        with in_words(self._database, "written"):
            self._transactions.prepare()

    def append(self, event: ControlEvent, *, expected_revision: int) -> int:
        """Put *event* behind the event *expected_revision*; see `ControlStore.append`."""

        def work(connection: Connection) -> int:
            head = connection.execute(select(_heads.c.chain_seq, _heads.c.chain_hash).where(_HEAD)).one_or_none()
            revision, previous_hash = (0, GENESIS) if head is None else (head[0], head[1])
            if revision != expected_revision:
                raise StaleRevisionError(expected_revision, revision)
            # First, so that of two replicas the second meets the key of the first.
            row = event_row(event._replace(revision=revision + 1), previous_hash)
            connection.execute(insert(_events).values(row))
            last = {"chain_seq": revision + 1, "chain_hash": row[-1]}
            if head is None:
                connection.execute(insert(_heads).values(writer=CONTROL_WRITER, chain=_events.name, **last))
            else:
                connection.execute(update(_heads).where(_HEAD).values(last))
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            return revision + 1

        try:
            return self._transactions.write(work)
        except StoreVersionError as error:
            raise StoreUnavailableError(f"the store cannot be written: {error}") from error

    def events_after(self, revision: int) -> tuple[ControlEvent, ...]:
        """Return the events behind *revision*, in order; raise `StoreUnavailableError`."""
        with self._transactions.reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute(select(_events).where(_events.c.revision > revision).order_by(_events.c.revision))
            found: list[dict[str, Any]] = [dict(row) for row in rows.mappings()]
        try:
            return tuple(map(event_from_row, found))
        except ValueError as error:
            raise StoreUnavailableError(f"the control events cannot be read: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._database.engine.dispose()
