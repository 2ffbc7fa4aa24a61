"""The store as a worker reads it: opened at the first read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from oversight.errors import KeyFileError, StoreUnavailableError
from oversight.settings import Settings
from oversight.storage.records import StoredDecision

if TYPE_CHECKING:
    from oversight.storage.sql import SqlStore

__all__ = ["StoreReader"]


class StoreReader:
    """A `decisions.Reader` of the store, which need not exist yet; safe for any number of threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: SqlStore | None = None
        self._opening = threading.Lock()

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        """Return the decision with its outcomes, None if it is not here; raise `StoreUnavailableError`."""
        return self._opened().find_decision(decision_id)

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        return self._opened().get_snapshot(digest)

    def _opened(self) -> SqlStore:
        with self._opening:
            if self._store is None:
                # Every worker would hold SQLAlchemy's 15 MB; most never read.
                from oversight.app.store import open_store_reader

                try:
                    self._store = open_store_reader(self._settings)
                except KeyFileError as error:
                    raise StoreUnavailableError(f"the store cannot be read: {error}") from error
            return self._store
