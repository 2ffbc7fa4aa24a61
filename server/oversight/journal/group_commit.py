"""Group commit: one fdatasync for all calls whose records wait for the disk (setting `record_sync = always`)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from oversight.errors import RecordUnavailableError
from oversight.journal.failures import unavailable
from oversight.journal.protocols import Done
from oversight.journal.segments import OpenSegment, SegmentFiles

__all__ = ["GroupCommit", "Waiting"]

_SLOW_S = 5.0
_log = logging.getLogger(__name__)


class _Order(NamedTuple):
    """Something to do once *segment* is synced: tell a call, or (None) close the segment."""

    segment: OpenSegment
    done: Done | None


class Waiting:
    """`Unsynced` records of a segment."""

    __slots__ = ("_commit", "_segment")

    def __init__(self, commit: GroupCommit, segment: OpenSegment) -> None:
        self._commit = commit
        self._segment = segment

    def when_synced(self, done: Done) -> None:
        """Call *done* when everything written to the segment before this call is on the disk, or will never be."""
        self._commit.order(self._segment, done)


class GroupCommit:
    """
    Syncs segments in a thread of its own.

    While one sync is under way, those who come meanwhile gather for the next. A segment whose sync failed is never
    synced again: Linux reports a failed write-back once and may have dropped the data, so that the next fdatasync would
    succeed over a hole (PostgreSQL's "fsyncgate", 2018; Rebello et al., "Can Applications Recover from fsync
    Failures?", USENIX ATC 2020). It gets its `failure`, *detach* sees to it that nothing is appended to it any more,
    and it is cut to what was synced before. *count* is told how many
    syncs were made, and how many calls were told; *clock* gives seconds.
    """

    def __init__(
        self,
        folder: Path,
        files: SegmentFiles,
        *,
        detach: Callable[[OpenSegment, RecordUnavailableError], None],
        count: Callable[[int, int], None],
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._files = files
        self._detach = detach
        self._count = count
        self._clock = clock
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._folder_named = False
        self._began_s: float | None = None
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why records do not reach the disk at the moment, or empty."""
        began_s = self._began_s
        if began_s is not None and (waited_s := self._clock() - began_s) > _SLOW_S:
            return f"the disk has not taken the journal's records for {waited_s:.0f} s"
        return self._problem

    @property
    def is_syncing(self) -> bool:
        """Whether a sync is under way."""
        return self._began_s is not None

    def forget_problem(self) -> None:
        """Take note that records reach the disk again."""
        self._problem = ""

    def order(self, segment: OpenSegment, done: Done) -> None:
        """Call *done* when everything appended to *segment* before this call is on the disk, or will never be."""
        self._orders.put(_Order(segment, done))

    def leave(self, segment: OpenSegment) -> None:
        """Close *segment*, to which nothing is appended any more, once it is on the disk."""
        self._orders.put(_Order(segment, None))

    def stop(self, timeout_s: float) -> bool:
        """Do what was ordered, and end; return whether that was done within *timeout_s*."""
        self._orders.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            taken = [self._orders.get()]
            while not self._orders.empty():
                taken.append(self._orders.get())
            goes_on = None not in taken
            self._commit([order for order in taken if order is not None])

    def _commit(self, orders: list[_Order]) -> None:
        syncs = 0
        for segment in dict.fromkeys(order.segment for order in orders):
            # Read before the sync: what is appended meanwhile may be in it or not.
            length = segment.length
            if segment.failure is None and segment.synced != length:
                self._began_s = self._clock()
                self._sync(segment, length)
                self._began_s = None
                syncs += 1
        calls = 0
        for segment, done in orders:
            if done is None:
                # Linux has given the descriptor up even where close reports an error.
                with suppress(OSError):
                    self._files.close(segment.descriptor)
            else:
                calls += 1
                _tell(done, segment.failure)
        self._count(syncs, calls)

    def _sync(self, segment: OpenSegment, length: int) -> None:
        try:
            if not segment.synced:
                self._sync_names()
            self._files.sync(segment.descriptor)
        except Exception as error:  # noqa: BLE001 - whatever it is, calls wait for this thread
            self._give_up(segment, error)
        else:
            segment.synced = length
            self._problem = ""

    def _sync_names(self) -> None:
        """Sync the folder, so that a new segment has its name after a power loss; at the first, also those above."""
        self._files.sync_folder(self._folder)
        if not self._folder_named:
            for folder in (self._folder.parent, self._folder.parent.parent):
                self._files.sync_folder(folder)
            self._folder_named = True

    def _give_up(self, segment: OpenSegment, error: Exception) -> None:
        if not isinstance(error, OSError):
            _log.error("a sync of the journal failed", exc_info=error)
        failure = unavailable(error, "does not reach the disk")
        self._problem = str(failure)
        self._detach(segment, failure)
        # Nobody is told that what is behind here was recorded.
        with suppress(OSError):
            self._files.truncate(segment.descriptor, segment.synced)


def _tell(done: Done, failure: RecordUnavailableError | None) -> None:
    # One for each call: it is raised there, and would gather the traces of all of them.
    error = None if failure is None else RecordUnavailableError(str(failure), **failure.metadata)
    try:
        done(error)
    except Exception:  # noqa: BLE001 - the other calls of the group wait for this thread
        _log.exception("a call was not told that its record is on the disk")
