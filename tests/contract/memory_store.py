"""A store in memory, for tests that need speed or failures; it passes the contract suite like any other."""

from __future__ import annotations

from collections.abc import Sequence

from oversight.errors import StoreUnavailableError
from oversight.storage.outcome import OutcomeStatus
from oversight.storage.records import Added, DecisionRecord, OutcomeRecord, StoredDecision, StoredOutcome
from oversight.storage.rows import body_sha256, decision_from_rows, decision_row, outcome_row
from oversight.storage.tables import decisions as decisions_table
from oversight.storage.tables import outcomes as outcomes_table

_CHAIN = ("writer", "chain_seq", "chain_hash")
_OUTCOME_COLUMNS = [column.name for column in outcomes_table.c if column.name not in _CHAIN]


class DiedError(Exception):
    """What stands for the death of the process in a test."""


class MemoryStore:
    """Implements `RecordStore`, `RecordReader` and `SnapshotStore`; `down` and `dies` make it fail."""

    def __init__(self) -> None:
        self.down = False
        self.erased: set[str] = set()
        self.dies = False
        self.decisions: dict[str, DecisionRecord] = {}
        self.outcomes: dict[tuple[str, str], tuple[OutcomeRecord, OutcomeStatus]] = {}
        self.snapshots: dict[str, str] = {}
        self.batches: list[int] = []

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
        """See `RecordStore`; `down` raises before anything is kept, `dies` raises after everything is."""
        self._answer()
        before = len(self.decisions), len(self.outcomes)
        conflicts = 0
        for record in decisions:
            self.decisions.setdefault(record.decision_id, record)
        for report in outcomes:
            key = report.outcome.outcome_id, body_sha256(report.outcome, report.caller_tenant)
            if key not in self.outcomes:
                first = report.outcome.outcome_id, report.caller_tenant
                taken = any(first == (one.outcome.outcome_id, one.caller_tenant) for one, _ in self.outcomes.values())
                conflicts += taken
                self.outcomes[key] = report, OutcomeStatus.CONFLICT if taken else OutcomeStatus.ACCEPTED
        self.batches.append(len(decisions) + len(outcomes))
        if self.dies:
            raise DiedError
        new, reported = len(self.decisions) - before[0], len(self.outcomes) - before[1]
        return Added(new, reported - conflicts, conflicts, len(decisions) + len(outcomes) - new - reported)

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        """See `RecordReader`."""
        self._answer()
        record = self.decisions.get(decision_id)
        if record is None:
            return None
        row = dict(zip(decisions_table.c.keys(), decision_row(record, b""), strict=False))
        reports = [
            dict(zip(_OUTCOME_COLUMNS, outcome_row(report, body, status), strict=True))
            for (_, body), (report, status) in self.outcomes.items()
            if report.outcome.decision_id == decision_id
        ]
        return decision_from_rows(row, record.personal, reports)

    def find_outcomes(self, decision_id: str) -> Sequence[StoredOutcome]:
        """See `RecordReader`."""
        self._answer()
        return [
            StoredOutcome(report.outcome, status, report.received_at_us, report.caller, report.caller_tenant)
            for report, status in self.outcomes.values()
            if report.outcome.decision_id == decision_id
        ]

    def is_erased(self, record: DecisionRecord) -> bool:
        """See `RecordReader`; those in `erased`."""
        self._answer()
        return record.decision_id in self.erased

    def put_snapshot(self, digest: str, document: str) -> None:
        """See `SnapshotStore`."""
        self._answer()
        self.snapshots.setdefault(digest, document)

    def get_snapshot(self, digest: str) -> str | None:
        """See `SnapshotStore`."""
        self._answer()
        return self.snapshots.get(digest)

    def _answer(self) -> None:
        if self.down:
            raise StoreUnavailableError("the store is down")
