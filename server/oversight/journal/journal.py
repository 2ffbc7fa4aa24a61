"""The journal of one worker: a reply leaves after its record is here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from oversight.errors import RecordUnavailableError
from oversight.journal.failures import unavailable
from oversight.journal.framing import frame
from oversight.journal.group_commit import GroupCommit, Waiting
from oversight.journal.probe import probe, short_write
from oversight.journal.protocols import Unsynced
from oversight.journal.segments import OpenSegment, OsFiles, SegmentFiles, name_segment, segments

__all__ = ["Journal"]

_LOOKS_AGAIN_S = 0.25
_PROBE_BYTES = 4096
_STOPS_WITHIN_S = 2.0


class Journal:
    """
    Append-only segment files in *folder*, which is this worker's alone; thread-safe.

    A record is one `os.write` of a framed message: it survives `kill -9` from then on. With *sync* it also survives a
    power loss, from when the `Unsynced` that the append returns says so; *count_sync* is told how many syncs were made
    and how many calls were told. A segment is closed at *segment_bytes*, or after *segment_age_s* seconds at the next
    append or `tend`; a longer record has one to itself. Where segments not yet drained hold *max_bytes*, nothing more
    is recorded until the drain has removed some. *clock* gives seconds since 1970; *files* are the calls that write.
    Nothing is made before the first append, so a journal that cannot be written keeps no worker from starting.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int,
        segment_age_s: float,
        max_bytes: int,
        sync: bool = False,
        count_sync: Callable[[int, int], None] = lambda _syncs, _calls: None,
        clock: Callable[[], float] = time.time,
        files: SegmentFiles | None = None,
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segment_age_s = segment_age_s
        self._max_bytes = max_bytes
        self._clock = clock
        self._files = files or OsFiles()
        self._lock = threading.Lock()
        self._closed = False
        self._segment: OpenSegment | None = None
        # What all segments held when last looked at, plus what was appended since: never too low. Not known: no room.
        self._total = max_bytes
        self._looked_s: float | None = None
        self._problem = ""
        self._failures = 0
        self._probe_bytes = _PROBE_BYTES
        self._commit = (
            GroupCommit(folder, self._files, detach=self._detach, count=count_sync, clock=clock) if sync else None
        )

    @property
    def syncs(self) -> bool:
        """Whether records have to reach the disk before a reply leaves."""
        return self._commit is not None

    @property
    def problem(self) -> str:
        """Why nothing can be recorded at the moment, or empty; what was found last, at an append or a `tend`."""
        return self._problem or (self._commit.problem if self._commit else "")

    def append(self, payload: bytes) -> Unsynced | None:
        """
        Put one record into the journal; when this returns, it survives the process.

        Raises `RecordUnavailableError`: then nothing of it is in the journal.
        """
        return self._write(frame(payload))

    def append_many(self, payloads: Sequence[bytes]) -> Unsynced | None:
        """
        Put records into the journal in one frame: all of them or, if this raises, none.

        One frame, because whole frames of a write that was cut short would pass for records until it is taken back.
        """
        return self._write(frame(b"".join(payloads))) if payloads else None

    def tend(self) -> None:
        """
        Do what no append may come for; to be called some times a second, by one thread that may wait.

        Closes a segment that has become old. While nothing can be recorded, tries whether it can again, so that
        `problem` ends without a call.
        """
        with self._lock:
            if self._closed:
                return
            segment = self._segment
            if segment is not None and segment.length and not self._is_young(segment, self._clock()):
                self._leave()
        if self.problem and not (self._commit and self._commit.is_syncing):
            self.check()

    def check(self) -> None:
        """Find out whether records can be written, and set `problem`; may wait for the disk, and leaves no record."""
        with self._lock:
            failures = self._failures
        try:
            with self._lock:
                self._make_room(self._probe_bytes, self._clock())
            probe(self._folder, self._files, self._probe_bytes, sync=self.syncs)
        except (OSError, RecordUnavailableError) as error:
            with self._lock:
                self._problem = str(error if isinstance(error, RecordUnavailableError) else unavailable(error))
            return
        with self._lock:
            if failures == self._failures:
                self._leave()  # what failed there may fail there again
                self._problem = ""
                if self._commit is not None:
                    self._commit.forget_problem()

    def close(self) -> None:
        """Close the segment, so that the drain may remove it; nothing can be appended afterwards."""
        with self._lock:
            stops = not self._closed
            self._closed = True
            self._leave()
        if self._commit is not None and stops:
            self._commit.stop(_STOPS_WITHIN_S)

    def _write(self, data: bytes) -> Unsynced | None:
        size = len(data)
        segment: OpenSegment | None = None
        with self._lock:
            try:
                now_s = self._clock()
                if self._total + size > self._max_bytes:
                    self._make_room(size, now_s)
                segment = self._segment_for(size, now_s)
                written = self._files.write(segment.descriptor, data)
                if written != size:
                    raise short_write(written, size)
            except (OSError, RecordUnavailableError) as error:
                if segment is not None:
                    self._take_back(segment)
                raise self._note(error, size) from None
            segment.length += size
            self._total += size
            if self._problem:
                self._problem = ""
            return segment.unsynced

    def _note(self, error: OSError | RecordUnavailableError, size_bytes: int) -> RecordUnavailableError:
        failure = error if isinstance(error, RecordUnavailableError) else unavailable(error)
        self._problem = str(failure)
        self._failures += 1
        self._probe_bytes = max(_PROBE_BYTES, size_bytes)
        return failure

    def _segment_for(self, size_bytes: int, now_s: float) -> OpenSegment:
        """Return the open segment; begin a new one if it is full or old."""
        if self._closed:
            raise RecordUnavailableError("the journal is closed: the server is stopping", cause="CLOSED")
        segment = self._segment
        if segment is not None and (
            not segment.length
            or (segment.length + size_bytes <= self._segment_bytes and self._is_young(segment, now_s))
        ):
            return segment
        begun = OpenSegment(self._files.create(self._folder / name_segment(self._folder)), now_s)
        if self._commit is not None:
            begun.unsynced = Waiting(self._commit, begun)
        self._leave()
        self._segment = begun
        return begun

    def _is_young(self, segment: OpenSegment, now_s: float) -> bool:
        # A clock that was set back also closes it, else it might stay open for hours.
        return 0 <= now_s - segment.begun_s < self._segment_age_s

    def _leave(self) -> None:
        """Close the open segment as it is, synced first where that is wanted; the drain takes it from here."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if self._commit is not None:
            self._commit.leave(segment)
            return
        # Linux has given the descriptor up even where close reports an error.
        with suppress(OSError):
            self._files.close(segment.descriptor)

    def _detach(self, segment: OpenSegment, failure: RecordUnavailableError) -> None:
        """Append no more to a *segment* that could not be synced."""
        with self._lock:
            segment.failure = failure
            self._failures += 1
            if self._segment is segment:
                self._leave()

    def _take_back(self, segment: OpenSegment) -> None:
        """Remove what a failed write may have left behind; a segment that cannot be cut is not written to again."""
        try:
            self._files.truncate(segment.descriptor, segment.length)
        except OSError:
            self._leave()

    def _make_room(self, size_bytes: int, now_s: float) -> None:
        """Look whether the drain has removed segments, at most a few times a second; raise if there is no room yet."""
        if self._looked_s is None:
            for folder in (self._folder.parent, self._folder):
                folder.mkdir(mode=0o700, exist_ok=True)
        if self._looked_s is None or not 0 <= now_s - self._looked_s < _LOOKS_AGAIN_S:
            self._look(now_s)
        if self._total + size_bytes > self._max_bytes:
            if self._segment is not None and self._segment.length:
                self._leave()  # only what is closed can be removed
            raise RecordUnavailableError(
                f"the journal holds {self._total:,} bytes that are not in the store yet, and may hold "
                f"{self._max_bytes:,} (setting journal_max_bytes): is the store down? See `oversight status`",
                cause="LIMIT_REACHED",
            )

    def _look(self, now_s: float) -> None:
        total = 0
        for path in segments(self._folder):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        self._total, self._looked_s = total, now_s
