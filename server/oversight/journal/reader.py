"""Reading a segment from a position: what is whole, what is not there yet, and what is broken."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from oversight.journal.framing import OVERHEAD_BYTES, BadFrame, find_frame, read_frame
from oversight.journal.segments import is_closed

__all__ = ["Entry", "SegmentReader"]

_CHUNK_BYTES = 1024 * 1024


class Entry(NamedTuple):
    """
    One frame of a segment and where it ends.

    `resumed`: found by its checksums alone, behind bytes that could not be read; what a caller sent may look like it.
    """

    payload: bytes
    end: int
    resumed: bool = False


class SegmentReader:
    """
    Iterates over what a segment holds at this moment, from *position* (bytes); a context manager; raises OSError.

    `closed`: no process will write to it again. Bytes that cannot be read are passed over, up to the next whole frame,
    and counted. At the end of a segment that is still open they are a record being written, and are left for the next
    reader; `whole` is False if their checksum looked wrong.
    """

    def __init__(self, path: Path, position: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # In this order: what a closed segment holds is then all it ever will.
            self.closed = is_closed(self._descriptor)
            self._size = os.fstat(self._descriptor).st_size
        except OSError:
            os.close(self._descriptor)
            raise
        self.position = position if position <= self._size else 0
        self.whole = True
        self._torn_frames = 0
        self._buffer = b""
        self._at = 0
        self._checked_again = -1
        self._resumed = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Entry:
        """Return the next entry; `position` is then its end."""
        while True:
            found = read_frame(self._buffer, self._at)
            if not isinstance(found, BadFrame):
                resumed, self._resumed = self._resumed, False
                step = OVERHEAD_BYTES + len(found)
                self._at += step
                self.position += step
                return Entry(found, self.position, resumed)
            if not self._fill(found) and not self._pass_over(found):
                raise StopIteration

    def take_torn(self) -> int:
        """Return how many places could not be read since the last time this was asked."""
        torn_frames, self._torn_frames = self._torn_frames, 0
        return torn_frames

    def _fill(self, bad: BadFrame) -> bool:
        """Read on if the frame goes beyond what has been read; return whether there was more."""
        behind = self.position + len(self._buffer) - self._at
        if bad is BadFrame.TORN or behind >= self._size:
            return False
        more = os.pread(self._descriptor, min(_CHUNK_BYTES, self._size - behind), behind)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)

    def _pass_over(self, bad: BadFrame) -> bool:
        """Go to the next whole frame and count what lies before it; return False at the end, or at the tail."""
        if self.position >= self._size:
            return False
        self._load_rest()
        following = find_frame(self._buffer, 1)
        if not self.closed:
            if following is None:
                self.whole = bad is BadFrame.PARTIAL
                return False
            # A writer that takes back a short write may change bytes while we read them, but never those before a
            # whole frame. So one more look, now that there is one, tells what they really are.
            if self._checked_again != self.position:
                self._checked_again = self.position
                self._load_rest()
                return True
        self._torn_frames += 1
        self._resumed = True
        self._at = len(self._buffer) if following is None else following
        self.position += self._at
        return True

    def _load_rest(self) -> None:
        self._buffer = os.pread(self._descriptor, self._size - self.position, self.position)
        self._at = 0
