"""What recommendations of thresholds have spent, and what they said: one row a call, kept for ever."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, Connection, func, insert, select

from oversight.errors import StoreUnavailableError, StoreVersionError
from oversight.storage.database import Database
from oversight.storage.tables import recommendations
from oversight.storage.transactions import Transactions

__all__ = ["RecommendationKey", "RecommendationStore", "SqlRecommendations", "StoredRecommendation"]


class RecommendationKey(NamedTuple):
    """Whose calls are counted together: a threshold of a policy in a scope (empty: every one), by one model version."""

    policy: str
    name: str
    intent: str
    department: str
    currency: str
    model_version: str


class StoredRecommendation(NamedTuple):
    """
    One call: its number from 1, and the chance of error that it spent.

    `digest` (64 hex digits) stands for evidence and question, `answer` is JSON text. `at_us` is in microseconds since
    1970 (UTC), `author` who asked.
    """

    call: int
    digest: str
    delta: float
    answer: str
    at_us: int
    author: str


class RecommendationStore(Protocol):
    """The calls of every scope and model version, each number once; both raise `StoreUnavailableError`."""

    def calls(self, key: RecommendationKey) -> tuple[StoredRecommendation, ...]:
        """Return the calls of *key*, in order."""
        ...

    def add(self, key: RecommendationKey, one: StoredRecommendation) -> bool:
        """Put the next call on record; False where another replica has that number already."""
        ...


class SqlRecommendations:
    """
    A `RecommendationStore` in *database*, that of the control events; building one connects to nothing.

    The first write makes the tables in a new database, and brings older ones up to date if it may (*migrate*).
    """

    def __init__(self, database: Database, *, migrate: bool = False) -> None:
        self._database = database
        self._transactions = Transactions(database, migrate=migrate)

    def calls(self, key: RecommendationKey) -> tuple[StoredRecommendation, ...]:
        """Return the calls of *key*; see `RecommendationStore`."""
        with self._transactions.reading() as connection:
            if connection is None:
                return ()
            columns = [recommendations.c[name] for name in StoredRecommendation._fields]
            found = select(*columns).where(*_of(key)).order_by(recommendations.c.call)
            return tuple(StoredRecommendation(*row) for row in connection.execute(found))

    def add(self, key: RecommendationKey, one: StoredRecommendation) -> bool:
        """Put the next call on record; see `RecommendationStore`."""

        def work(connection: Connection) -> bool:
            last = connection.execute(select(func.max(recommendations.c.call)).where(*_of(key))).scalar_one()
            if (last or 0) != one.call - 1:
                return False
            connection.execute(insert(recommendations).values(**key._asdict(), **one._asdict()))
            return True

        try:
            return self._transactions.write(work)
        except StoreVersionError as error:
            raise StoreUnavailableError(f"the store cannot be written: {error}") from error

    def close(self) -> None:
        """Close every connection."""
        self._database.engine.dispose()


def _of(key: RecommendationKey) -> list[ColumnElement[bool]]:
    return [recommendations.c[name] == value for name, value in key._asdict().items()]
