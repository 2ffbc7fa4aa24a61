"""What a RecordOutcome means: put the facts on record; what they are worth is found later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oversight.decisions import Call, Recorder, Wire
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

    def record(self, outcomes: Sequence[Outcome], call: Call) -> None:
        """
        Put *outcomes* into the journal, all or none; they are on record when this returns.

        Raise `RecordUnavailableError`: then nothing was acknowledged, and sending them again is right.
        """
        now = self._clock_us()
        self._journal.append_many([self._wire.outcome_record(outcome, now, call.caller) for outcome in outcomes])
        for _ in outcomes:
            self._counters.count_outcome()
