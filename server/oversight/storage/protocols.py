"""What the service needs of a store, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oversight.storage.records import Added, DecisionRecord, OutcomeRecord, StoredDecision

__all__ = ["RecordReader", "RecordStore", "SnapshotStore"]


class RecordStore(Protocol):
    """Decisions and outcomes, each kept once."""

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
        """
        Put records on record: all of them or, if this raises, none.

        A decision whose id is there already is left out, as is an outcome that is there with the same facts; an
        outcome whose id is there with other facts is kept as a conflict. Raises `StoreUnavailableError`; the same
        records may then be added again.
        """
        ...


class RecordReader(Protocol):
    """Decisions read back."""

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        """Return the decision with its outcomes, None if it is not here; raise `StoreUnavailableError`."""
        ...


class SnapshotStore(Protocol):
    """Sources of snapshots by digest, so that a decision can be replayed years later."""

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep *document* under *digest*; one that is there stays. Raises `StoreUnavailableError`."""
        ...

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        ...
