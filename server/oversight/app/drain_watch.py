"""The keeper's way from journals to the store, and what it says about how far that has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from oversight.app.handover import write_drained_us
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import JournalFormatError, JournalUnreadableError, OversightError
from oversight.journal.drain import Drain, DrainReport
from oversight.storage.protocols import SnapshotStore

__all__ = ["DrainState", "DrainWatch"]

_log = logging.getLogger(__name__)


class DrainState(NamedTuple):
    """
    How far the drain has come; `problem` says why the store takes nothing at the moment, or is empty.

    `pending_*` and `oldest_us` are as of `counted_at_us`; 0: nothing was counted yet.
    """

    drained_through_us: int = 0
    pending_records: int = 0
    pending_bytes: int = 0
    oldest_us: int | None = None
    problem: str = ""
    counted_at_us: int = 0


class DrainWatch:
    """
    Drains a slice at a time; `state` is replaced by one assignment, for any thread to read.

    A slice ends with the batch during which *slice_s* seconds of *clock* have passed, so that a long backlog keeps
    neither the counts nor a stop waiting; *clock_us* gives microseconds since 1970. `hurries`: the last slice left
    something that the next can take at once.
    """

    def __init__(
        self,
        run: Path,
        drain: Drain,
        store: SnapshotStore,
        outbox: SnapshotOutbox,
        *,
        clock_us: Callable[[], int],
        slice_s: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = DrainState()
        self.hurries = False
        self._run = run
        self._drain = drain
        self._store = store
        self._outbox = outbox
        self._clock_us = clock_us
        self._slice_s = slice_s
        self._clock = clock

    def step(self) -> bool:
        """Drain a slice; return whether nothing is left. What cannot be drained stays where it is."""
        self.hurries = False
        # Each on its own: what waits is counted while the store is away, and an unreadable snapshot holds up no record.
        steps = (self._drain_slice, self._count, lambda: self._outbox.send(self._store))
        problem = next(filter(None, [_try(step) for step in steps]), "")
        if problem and problem != self.state.problem:
            _log.error("records wait in the journals: %s", problem)
        if self.state.problem and not problem:
            _log.info("records reach the store again")
        self.state = self.state._replace(problem=problem)
        return not problem and self.state.pending_records == 0

    def _drain_slice(self) -> None:
        end_s = self._clock() + self._slice_s
        try:
            self._note(self._drain.run_once(lambda: self._clock() >= end_s))
        except (JournalFormatError, JournalUnreadableError):
            self.hurries = self._drain.more  # one folder's problem does not slow the others down
            raise
        self.hurries = self._drain.more

    def _note(self, report: DrainReport) -> None:
        if report.torn_frames:
            _log.warning("%d places in journals could not be read; the segments are kept as *.torn", report.torn_frames)
        if report.conflicts:
            _log.warning("%d outcomes came again with other facts; both are kept", report.conflicts)
        # Also lower: then the clock was set back, and the old mark would hide what is still to be drained.
        if report.watermark_us != self.state.drained_through_us:
            write_drained_us(self._run, report.watermark_us)
            self.state = self.state._replace(drained_through_us=report.watermark_us)

    def _count(self) -> None:
        counted_at_us = self._clock_us()
        pending = self._drain.pending()
        self.state = self.state._replace(
            pending_records=pending.records,
            pending_bytes=pending.bytes,
            oldest_us=pending.oldest_us,
            counted_at_us=counted_at_us,
        )


def _try(step: Callable[[], object]) -> str:
    """Return what kept *step* from being done, or ""."""
    try:
        step()
    except (OversightError, OSError) as error:
        return str(error)
    return ""
