"""The drain: brings what the journals hold into the store, and removes what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from oversight.errors import JournalFormatError, JournalUnreadableError
from oversight.journal.folder import Count, Decode, Pending, WorkerFolder, naming
from oversight.journal.position import Position
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import worker_folders
from oversight.storage.protocols import RecordStore
from oversight.storage.records import DecisionRecord, OutcomeRecord

__all__ = ["Drain", "DrainReport", "Pending"]

_Steps = Generator[None, None, bool]
"""Stores a batch at each step; returns whether all that was there at the first is in the store."""


class DrainReport(NamedTuple):
    """
    What was done since the last report, in records; and how far the store has come.

    `torn_frames` are places in segments that could not be read; each such segment is kept as `*.torn`. Everything
    appended before `watermark_us` (microseconds since 1970, UTC; 0 is unknown) is in the store. It goes back only when
    the clock does.
    """

    decisions: int = 0
    outcomes: int = 0
    conflicts: int = 0
    duplicates: int = 0
    torn_frames: int = 0
    watermark_us: int = 0


class _Pass(NamedTuple):
    """A way through all that a folder holds, which may take several calls; begun at `started_us`."""

    started_us: int
    steps: _Steps


class Drain:
    """
    Drains every folder under *root*, also of workers gone for good, into *store*; for one thread of one process.

    *decode* reads a payload, or raises `JournalFormatError`; *count* tells how many records are in one. As many as
    *batch_records*, and what is left of the last frame, go into one transaction; *clock* gives seconds since 1970. A
    segment is removed only after the store's commit, and only when no process can write to it any more. Dying anywhere
    between repeats work, not records.
    """

    def __init__(
        self,
        root: Path,
        store: RecordStore,
        *,
        decode: Decode,
        count: Count,
        batch_records: int = 2_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._decode = decode
        self._count = count
        self._store = store
        self._batch_records = batch_records
        self._clock = clock
        self._known: dict[Path, WorkerFolder] = {}
        self._passes: dict[Path, _Pass] = {}
        self._through_us: dict[Path, int] = {}
        self._begun_us = 0
        # Kept until it is returned: what a pass did before it failed is in the next report.
        self._report = DrainReport()

    def run_once(self, enough: Callable[[], bool] = lambda: False) -> DrainReport:
        """
        Drain what is there now, a batch of each folder in turn, until *enough* says so; return what was done.

        Raises `StoreUnavailableError` if the store does not answer and, after draining all that can be,
        `JournalFormatError` or `JournalUnreadableError` for a folder that cannot be read to its end. Nothing is lost
        then; the next call goes on from there.
        """
        # Before the first look: what is appended while we read may be missed and must not count as drained.
        started_us = int(self._clock() * 1e6)
        if started_us < self._begun_us:
            self._forget_times()
        self._begun_us = started_us
        folders = self._folders()
        for folder in folders:
            self._passes.setdefault(folder.path, _Pass(started_us, self._drain_folder(folder)))
        problem: JournalFormatError | JournalUnreadableError | None = None
        try:
            while self._passes:
                for path in list(self._passes):
                    try:
                        self._step(path)
                    except (JournalFormatError, JournalUnreadableError) as error:
                        problem = problem or error
                if enough():
                    break
        finally:
            for folder in folders:
                folder.save()
        if problem is not None:
            raise problem
        return self._take_report(min((self._through_us.get(folder.path, 0) for folder in folders), default=started_us))

    @property
    def more(self) -> bool:
        """Whether the last `run_once` left something behind that the next one can take at once."""
        return bool(self._passes)

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
        self._known = {path: self._known.get(path) or WorkerFolder(path, self._decode, self._count) for path in paths}
        return list(self._known.values())

    def _forget_times(self) -> None:
        """Let go of what was told by a clock that has been set back: by the new one it is still to come."""
        self._through_us.clear()
        self._passes = {path: one._replace(started_us=0) for path, one in self._passes.items()}
        self._report = self._report._replace(watermark_us=0)

    def _take_report(self, watermark_us: int) -> DrainReport:
        watermark_us = max(watermark_us, self._report.watermark_us)
        report = self._report._replace(watermark_us=watermark_us)
        self._report = DrainReport(watermark_us=watermark_us)
        return report

    def _step(self, path: Path) -> None:
        """Take one step in a folder; its pass ends with what it held, or with an error."""
        started_us, steps = self._passes.pop(path)
        try:
            next(steps)
        except StopIteration as end:
            if end.value:
                self._through_us[path] = started_us
        else:
            self._passes[path] = _Pass(started_us, steps)

    def _drain_folder(self, folder: WorkerFolder) -> _Steps:
        whole = True
        for number, segment in enumerate(folder.segments()):
            if number:
                yield
            with naming(segment), suppress(FileNotFoundError):
                whole = (yield from self._drain_segment(folder, segment)) and whole
        return whole

    def _drain_segment(self, folder: WorkerFolder, segment: Path) -> _Steps:
        with SegmentReader(segment, folder.position(segment).offset) as reader:
            records: list[DecisionRecord | OutcomeRecord] = []
            done = reader.position
            for entry in reader:
                try:
                    records += self._decode(entry.payload)
                except JournalFormatError as error:
                    # Behind torn bytes a caller's own may pass for a frame: they are torn as well. But a frame in its
                    # place was written by somebody.
                    if not entry.resumed:
                        self._store_records(folder, segment, reader, records, done)
                        raise JournalFormatError(f"{segment}, before byte {entry.end}: {error}") from error
                done = entry.end
                if len(records) >= self._batch_records:
                    self._store_records(folder, segment, reader, records, done)
                    records = []
                    yield
            self._store_records(folder, segment, reader, records, reader.position)
        if reader.closed:
            folder.remove(segment)
        return reader.whole

    def _store_records(
        self,
        folder: WorkerFolder,
        segment: Path,
        reader: SegmentReader,
        records: list[DecisionRecord | OutcomeRecord],
        end: int,
    ) -> None:
        """Store *records*, which is all of *segment* up to *end* that is not in the store."""
        if records:
            added = self._store.add(
                [record for record in records if isinstance(record, DecisionRecord)],
                [record for record in records if isinstance(record, OutcomeRecord)],
            )
            sums = (had + more for had, more in zip(self._report, added, strict=False))
            self._report = DrainReport(*sums, *self._report[len(added) :])
        torn_frames = reader.take_torn()
        folder.advance(segment, Position(end, folder.position(segment).torn_frames + torn_frames), len(records))
        self._report = self._report._replace(torn_frames=self._report.torn_frames + torn_frames)
