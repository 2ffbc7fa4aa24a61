"""The drain: brings what the journals hold into the store, and removes what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from oversight.errors import JournalFormatError, JournalUnreadableError
from oversight.journal.folder import Decode, Pending, WorkerFolder, naming
from oversight.journal.position import Position
from oversight.journal.reader import Entry, SegmentReader
from oversight.journal.segments import worker_folders
from oversight.storage.protocols import RecordStore
from oversight.storage.records import DecisionRecord, OutcomeRecord

__all__ = ["Drain", "DrainReport", "Pending"]


class DrainReport(NamedTuple):
    """
    What was done since the last report, in records; and how far the store has come.

    `torn_frames` are places in segments that could not be read; each such segment is kept as `*.torn`. Everything
    appended before `watermark_us` (microseconds since 1970, UTC; 0 is unknown) is in the store.
    """

    decisions: int = 0
    outcomes: int = 0
    conflicts: int = 0
    duplicates: int = 0
    torn_frames: int = 0
    watermark_us: int = 0


class Drain:
    """
    Drains every folder under *root*, also of workers gone for good, into *store*; for one thread of one process.

    *decode* reads a payload, or raises `JournalFormatError`. *batch_records* go into one transaction; *clock* gives
    seconds since 1970. A segment is removed only after the store's commit, and only when no process can write to it any
    more. Dying anywhere between repeats work, not records.
    """

    def __init__(
        self,
        root: Path,
        store: RecordStore,
        *,
        decode: Decode,
        batch_records: int = 500,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._decode = decode
        self._store = store
        self._batch_records = batch_records
        self._clock = clock
        self._known: dict[Path, WorkerFolder] = {}
        # Kept until it is returned: what a pass did before it failed is in the next report.
        self._report = DrainReport()

    def run_once(self) -> DrainReport:
        """
        Drain what is there now and return what was done.

        Raises `StoreUnavailableError` if the store does not answer and, after draining all that can be,
        `JournalFormatError` or `JournalUnreadableError` for a folder that cannot be read to its end. Nothing is lost
        then; the next call goes on from there.
        """
        # Before the first look: what is appended while we read may be missed and must not count as drained.
        started_us = int(self._clock() * 1e6)
        whole = True
        problem: JournalFormatError | JournalUnreadableError | None = None
        for folder in self._folders():
            try:
                whole = self._drain_folder(folder) and whole
            except (JournalFormatError, JournalUnreadableError) as error:
                problem = problem or error
        if problem is not None:
            raise problem
        if whole:
            self._report = self._report._replace(watermark_us=started_us)
        report, self._report = self._report, DrainReport(watermark_us=self._report.watermark_us)
        return report

    def pending(self) -> Pending:
        """Return what is not in the store yet; raises `JournalUnreadableError`."""
        found = [folder.pending() for folder in self._folders()]
        return Pending(
            sum(one.records for one in found),
            sum(one.bytes for one in found),
            min((one.oldest_us for one in found if one.oldest_us is not None), default=None),
        )

    def _folders(self) -> list[WorkerFolder]:
        with naming(self._root):
            paths = worker_folders(self._root)
        self._known = {path: self._known.get(path) or WorkerFolder(path, self._decode) for path in paths}
        return list(self._known.values())

    def _drain_folder(self, folder: WorkerFolder) -> bool:
        """Drain a folder; return whether all that was there is in the store."""
        whole = True
        try:
            for segment in folder.segments():
                with naming(segment), suppress(FileNotFoundError):
                    whole = self._drain_segment(folder, segment) and whole
        finally:
            folder.save()
        return whole

    def _drain_segment(self, folder: WorkerFolder, segment: Path) -> bool:
        with SegmentReader(segment, folder.position(segment).offset) as reader:
            while entries := reader.read(self._batch_records):
                self._store_entries(folder, segment, reader, entries)
            self._advance(folder, segment, reader, end=reader.position, records=0)
        if reader.closed:
            folder.remove(segment)
        return reader.whole

    def _store_entries(
        self, folder: WorkerFolder, segment: Path, reader: SegmentReader, entries: Sequence[Entry]
    ) -> None:
        """Store a batch; where one entry does not decode, store those before it and raise `JournalFormatError`."""
        records: list[DecisionRecord | OutcomeRecord] = []
        problem: JournalFormatError | None = None
        end = done = 0
        for entry in entries:
            try:
                records += self._decode(entry.payload)
            except JournalFormatError as error:
                # Behind torn bytes a caller's own may pass for a frame: they are torn as well. But a frame in its place
                # was written by somebody.
                if not entry.resumed:
                    problem = JournalFormatError(f"{segment}, before byte {entry.end}: {error}")
                    break
            end = entry.end
            done += 1
        added = self._store.add(
            [record for record in records if isinstance(record, DecisionRecord)],
            [record for record in records if isinstance(record, OutcomeRecord)],
        )
        sums = (had + more for had, more in zip(self._report, added, strict=False))
        self._report = DrainReport(*sums, *self._report[len(added) :])
        if end:
            self._advance(folder, segment, reader, end=end, records=done)
        if problem is not None:
            raise problem

    def _advance(self, folder: WorkerFolder, segment: Path, reader: SegmentReader, *, end: int, records: int) -> None:
        torn_frames = reader.take_torn()
        folder.advance(segment, Position(end, folder.position(segment).torn_frames + torn_frames), records)
        self._report = self._report._replace(torn_frames=self._report.torn_frames + torn_frames)
