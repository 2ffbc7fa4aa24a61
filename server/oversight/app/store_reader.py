"""The store as a worker reads it: opened at the first read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from oversight.storage.records import StoredDecision

if TYPE_CHECKING:
    from oversight.storage.sql import SqlStore

__all__ = ["StoreReader"]


class StoreReader:
    """A `decisions.Reader` of the store in a data folder, which need not exist yet; safe for any number of threads."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
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
                from oversight.app.store import store_url
                from oversight.storage.sql import open_reader

                self._store = open_reader(store_url(self._data_dir))
            return self._store
