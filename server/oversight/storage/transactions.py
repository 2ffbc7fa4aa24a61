"""How a store reads and writes its database: tables made ready once, a write done again where another came between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from oversight.errors import StoreUnavailableError, StoreVersionError
from oversight.storage.database import READING, Database, in_words
from oversight.storage.migration import prepare_schema
from oversight.storage.schema import check_schema

__all__ = ["Transactions"]

# Another replica may insert the same row between a look and an insert; then all is done again.
_ATTEMPTS = 3

_Result = TypeVar("_Result")


class Transactions:
    """
    The transactions of one store in *database*; making one connects to nothing.

    The first write makes the tables in a new database and brings older ones up to date if it may (*migrate*).
    """

    def __init__(self, database: Database, *, migrate: bool) -> None:
        self._database = database
        self._migrate = migrate
        self._ready = False

    def prepare(self) -> None:
        """Make the tables ready to be written; raise `StoreVersionError` for those of another version."""
        prepare_schema(self._database, migrate=self._migrate)
        self._ready = True

    def write(self, work: Callable[[Connection], _Result]) -> _Result:
        """
        Do *work* in one transaction; again, if another replica came between its looks and its inserts.

        Raises `StoreUnavailableError`, and `StoreVersionError` as `prepare` does.
        """
        attempts = _ATTEMPTS
        while True:
            attempts -= 1
            try:
                if not self._ready:
                    self.prepare()
                with self._database.engine.begin() as connection:
                    return work(connection)
            except (SQLAlchemyError, OSError) as error:
                if not attempts or not self._database.may_repeat(error):
                    with in_words(self._database, "written"):
                        raise

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection for one short read, or None where there is no database or it has no tables yet."""
        if not self._ready and not self._database.is_there():
            yield None
            return
        try:
            with (
                in_words(self._database, "read"),
                self._database.engine.connect().execution_options(**{READING: True}) as connection,
            ):
                self._ready = self._ready or check_schema(connection)
                yield connection if self._ready else None
        except StoreVersionError as error:
            raise StoreUnavailableError(f"the store cannot be read: {error}") from error
