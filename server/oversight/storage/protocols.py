"""What the service needs of a store, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from oversight.storage.records import (
    Added,
    DecisionRecord,
    OutcomeRecord,
    PageKey,
    RecordFilter,
    RecordPage,
    StoredDecision,
    StoredOutcome,
)

__all__ = ["Erased", "RecordFinder", "RecordLister", "RecordReader", "RecordStore", "SnapshotStore", "SubjectEraser"]


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

    def find_outcomes(self, decision_id: str) -> Sequence[StoredOutcome]:
        """Return the outcomes of a decision that need not be here; raise `StoreUnavailableError`."""
        ...

    def is_erased(self, record: DecisionRecord) -> bool:
        """Return whether the record would be stored without its personal part; raise `StoreUnavailableError`."""
        ...


class RecordLister(Protocol):
    """Decisions listed, newest first."""

    def list_decisions(self, wanted: RecordFilter, limit: int, after: PageKey | None) -> RecordPage:
        """
        Return at most *limit* decisions that are *wanted*, from behind *after* (None: from the newest).

        Fewer than *limit* may come, also none, although more follow: a call looks at a bounded number of records.
        Raises `StoreUnavailableError`.
        """
        ...


class RecordFinder(Protocol):
    """Decisions found by their ids, many at once."""

    def find_decisions(self, ids: Sequence[str]) -> Mapping[str, StoredDecision]:
        """Return the decisions with these *ids*, by id; those not on record are left out. `StoreUnavailableError`."""
        ...


class Erased(Protocol):
    """What an erasure did."""

    @property
    def parts(self) -> int:
        """How many personal parts went."""
        ...

    @property
    def before_us(self) -> int:
        """Up to when it holds for records that reach the store later, in microseconds since 1970 (UTC)."""
        ...


class SubjectEraser(Protocol):
    """Forgets a customer."""

    def erase_subject(self, subject_ref: str, tenant_id: str | None = None) -> Erased:
        """
        Erase every personal part of the customer, of *tenant_id* alone where that is given.

        Also those of records that were made before and reach the store later. Raises `StoreUnavailableError`.
        """
        ...


class SnapshotStore(Protocol):
    """Sources of snapshots by digest, so that a decision can be replayed years later."""

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep *document* under *digest*; one that is there stays. Raises `StoreUnavailableError`."""
        ...

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        ...
