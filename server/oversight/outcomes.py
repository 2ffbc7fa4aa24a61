"""What a RecordOutcome means: put the facts on record; what they are worth is found later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oversight.decisions import Call, Wire
from oversight.errors import RecordUnavailableError
from oversight.journal.protocols import Recorder, Turns, Unsynced
from oversight.storage.outcome import Outcome
from oversight.telemetry.counters import Counters

__all__ = ["Outcomes"]


class Outcomes:
    """Records outcomes; safe for any number of threads."""

    def __init__(self, *, journal: Recorder, wire: Wire, counters: Counters, clock_us: Callable[[], int]) -> None:
        self._journal = journal
        self._wire = wire
        self._counters = counters
        self._clock_us = clock_us

    @property
    def syncs(self) -> bool:
        """Whether an answer has to wait until its record is on the disk: then only `record_synced` will do."""
        return self._journal.syncs

    def record(self, outcomes: Sequence[Outcome], call: Call) -> None:
        """
        Put *outcomes* into the journal, all or none; they are on record when this returns.

        Raise `RecordUnavailableError`: then nothing was acknowledged, and sending them again is right.
        """
        self._append(outcomes, call)
        for _ in outcomes:
            self._counters.count_outcome()

    def record_synced(self, outcomes: Sequence[Outcome], call: Call) -> Turns[None]:
        """Do what `record` does, and wait for the disk as well."""
        unsynced = self._append(outcomes, call)
        try:
            yield unsynced
        except RecordUnavailableError as error:
            self._counters.count_failure(error.metadata["cause"])
            raise
        for _ in outcomes:
            self._counters.count_outcome()

    def _append(self, outcomes: Sequence[Outcome], call: Call) -> Unsynced | None:
        now = self._clock_us()
        records = [self._wire.outcome_record(outcome, now, call.caller, call.tenant_id) for outcome in outcomes]
        try:
            return self._journal.append_many(records)
        except RecordUnavailableError as error:
            self._counters.count_failure(error.metadata["cause"])
            raise
