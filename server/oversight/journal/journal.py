"""The journal of one worker: a reply leaves after its record is here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from oversight.errors import RecordUnavailableError
from oversight.journal.framing import frame
from oversight.journal.segments import OsFiles, SegmentFiles, name_segment, segments

__all__ = ["Journal"]

_LOOKS_AGAIN_S = 0.25


class Journal:
    """
    Append-only segment files in *folder*, which is this worker's alone; thread-safe.

    A record is one `os.write` of a framed message: it survives `kill -9` from then on (not a power loss). A segment is
    closed at *segment_bytes* or after *segment_age_s* seconds, at the next append; a longer record has one to itself.
    Where segments not yet drained hold *max_bytes*, nothing more is recorded until the drain has removed some. *clock*
    gives seconds since 1970; *files* are the calls that write. Nothing is made before the first append, so a journal
    that cannot be written keeps no worker from starting.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int,
        segment_age_s: float,
        max_bytes: int,
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
        self._descriptor: int | None = None
        self._length = 0
        self._begun_s = 0.0
        # What all segments held when last looked at, plus what was appended since: never too low.
        self._total = 0
        self._looked_s: float | None = None

    def append(self, payload: bytes) -> None:
        """
        Put one record into the journal; when this returns, it survives the process.

        Raises `RecordUnavailableError`: then nothing of it is in the journal.
        """
        self._write(frame(payload))

    def append_many(self, payloads: Sequence[bytes]) -> None:
        """
        Put records into the journal in one frame: all of them or, if this raises, none.

        One frame, because whole frames of a write that was cut short would pass for records until it is taken back.
        """
        if payloads:
            self._write(frame(b"".join(payloads)))

    def close(self) -> None:
        """Close the segment, so that the drain may remove it; nothing can be appended afterwards."""
        with self._lock:
            self._closed = True
            self._abandon()

    def _write(self, data: bytes) -> None:
        # What a later `record_sync = always` waits for, it waits for after this lock, in a group.
        with self._lock:
            now_s = self._clock()
            descriptor = self._segment_for(len(data), now_s)
            if self._total + len(data) > self._max_bytes:
                self._make_room(len(data), now_s)
            try:
                written = self._files.write(descriptor, data)
            except OSError as error:
                self._take_back(descriptor)
                raise _unavailable(error) from error
            if written != len(data):
                self._take_back(descriptor)
                raise RecordUnavailableError(
                    f"the journal took {written:,} of {len(data):,} bytes; is the disk full? See `oversight status`"
                )
            self._length += written
            self._total += written

    def _segment_for(self, size_bytes: int, now_s: float) -> int:
        """Return the open segment's descriptor; begin a new segment if this one is full or old."""
        if self._closed:
            raise RecordUnavailableError("the journal is closed: the server is stopping")
        full = self._length > 0 and self._length + size_bytes > self._segment_bytes
        # A clock that was set back also closes it, else it might stay open for hours.
        fresh = 0 <= now_s - self._begun_s < self._segment_age_s or self._length == 0
        if self._descriptor is not None and not full and fresh:
            return self._descriptor
        try:
            begun = self._begin_segment(now_s)
        except OSError as error:
            raise _unavailable(error) from error
        self._abandon()
        self._descriptor, self._length, self._begun_s = begun, 0, now_s
        return begun

    def _begin_segment(self, now_s: float) -> int:
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        if self._looked_s is None:
            self._look(now_s)
        return self._files.create(self._folder / name_segment(self._folder))

    def _abandon(self) -> None:
        """Close the open segment as it is; the drain takes it from here."""
        if self._descriptor is not None:
            # Linux has given the descriptor up even where close reports an error.
            with suppress(OSError):
                self._files.close(self._descriptor)
            self._descriptor = None

    def _take_back(self, descriptor: int) -> None:
        """Remove what a failed write may have left behind; a segment that cannot be cut is not written to again."""
        try:
            self._files.truncate(descriptor, self._length)
        except OSError:
            self._abandon()

    def _make_room(self, size_bytes: int, now_s: float) -> None:
        """Look whether the drain has removed segments, at most a few times a second; raise if there is no room yet."""
        if self._looked_s is None or not 0 <= now_s - self._looked_s < _LOOKS_AGAIN_S:
            try:
                self._look(now_s)
            except OSError as error:
                raise _unavailable(error) from error
        if self._total + size_bytes > self._max_bytes:
            raise RecordUnavailableError(
                f"the journal holds {self._total:,} bytes that are not in the store yet, and may hold "
                f"{self._max_bytes:,} (setting journal_max_bytes): is the store down? See `oversight status`"
            )

    def _look(self, now_s: float) -> None:
        total = 0
        for path in segments(self._folder):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        self._total, self._looked_s = total, now_s


def _unavailable(error: OSError) -> RecordUnavailableError:
    # Without the path: this text may go to a caller.
    words = os.strerror(error.errno) if error.errno else type(error).__name__
    return RecordUnavailableError(f"the journal cannot be written: {words}. See `oversight status`")
