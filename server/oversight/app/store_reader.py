"""The store as a worker reads it: opened at the first read; snapshots also from files of the data folder."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oversight.app.last_good import LastGoodFile
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import KeyFileError, StoreUnavailableError
from oversight.settings import Settings
from oversight.storage.records import DecisionRecord, StoredDecision, StoredOutcome

if TYPE_CHECKING:
    from oversight.storage.sql import SqlStore

__all__ = ["StoreReader"]


class StoreReader:
    """
    A `reading.Reader` of the store, which need not exist yet; safe for any number of threads.

    *store* is the store, opened to read, of a process that has it already.
    """

    def __init__(self, settings: Settings, store: SqlStore | None = None) -> None:
        self._settings = settings
        self._store = store
        self._opening = threading.Lock()

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        """Return the decision with its outcomes, None if it is not here; raise `StoreUnavailableError`."""
        return self._opened().find_decision(decision_id)

    def find_outcomes(self, decision_id: str) -> Sequence[StoredOutcome]:
        """Return the outcomes of a decision that need not be here; raise `StoreUnavailableError`."""
        return self._opened().find_outcomes(decision_id)

    def is_erased(self, record: DecisionRecord) -> bool:
        """Return whether the record would be stored without its personal part; raise `StoreUnavailableError`."""
        return self._opened().is_erased(record)

    def get_snapshot(self, digest: str) -> str | None:
        """
        Return the document, None if there is none with this digest; raise `StoreUnavailableError`.

        One that waits for the store, or was in force last, is here also while the store is down.
        """
        try:
            document = self._opened().get_snapshot(digest)
        except StoreUnavailableError:
            if (document := self._in_files(digest)) is None:
                raise
            return document
        return document or self._in_files(digest)

    def _in_files(self, digest: str) -> str | None:
        waiting = SnapshotOutbox(self._settings.data_dir).get(digest)
        if waiting is not None:
            return waiting
        last = LastGoodFile(self._settings.data_dir).read()
        return last.document if last is not None and last.digest == digest else None

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
