"""One worker's folder as the drain sees it: its segments, how far they are drained, what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from oversight.errors import JournalFormatError, JournalUnreadableError
from oversight.journal.position import Position, read_positions, write_positions
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import TORN_SUFFIX, segments
from oversight.storage.records import DecisionRecord, OutcomeRecord, recorded_at_us

__all__ = ["Count", "Decode", "Pending", "WorkerFolder", "naming"]

Decode = Callable[[bytes], list[DecisionRecord | OutcomeRecord]]
"""Returns the records that a frame's payload holds, or raises `JournalFormatError`."""

Count = Callable[[bytes], int]
"""Returns how many records a frame's payload holds, without reading them; never raises."""


class Pending(NamedTuple):
    """
    What is not in the store yet, as far as it has been counted.

    After a start with a long backlog the counts rise from call to call, so that none takes long. `oldest_us` is when
    the oldest was made, None if there is none or nobody can tell.
    """

    records: int = 0
    bytes: int = 0
    oldest_us: int | None = None


_FRAMES_A_COUNT = 50_000
"""About a tenth of a second."""


class _Counted(NamedTuple):
    """Up to where records were counted, where the last of them ends, and how many are not drained yet."""

    offset: int
    end: int
    records: int


class WorkerFolder:
    """The segments of one worker and how far each is drained; methods raise `JournalUnreadableError`."""

    def __init__(self, path: Path, decode: Decode, count: Count) -> None:
        self.path = path
        self._decode = decode
        self._count_in = count
        self._positions = read_positions(path)
        self._saved = dict(self._positions)
        self._counted: dict[str, _Counted] = {}
        self._to_count = 0
        # The oldest record's segment and offset, and its time: a batch is long to read and seldom another one.
        self._oldest: tuple[tuple[str, int], int | None] = ("", 0), None

    def segments(self) -> list[Path]:
        """Return the segments, oldest first."""
        with naming(self.path):
            found = segments(self.path)
        names = {path.name for path in found}
        self._positions = {name: self._positions[name] for name in self._positions if name in names}
        self._counted = {name: self._counted[name] for name in self._counted if name in names}
        return found

    def position(self, segment: Path) -> Position:
        """Return how far *segment* is drained."""
        return self._positions.get(segment.name, Position())

    def advance(self, segment: Path, position: Position, records: int) -> None:
        """Note that *segment* is drained up to *position*, *records* further than before."""
        self._positions[segment.name] = position
        counted = self._counted.pop(segment.name, None)
        if counted is not None and counted.offset > position.offset:
            self._counted[segment.name] = counted._replace(records=max(0, counted.records - records))

    def remove(self, segment: Path) -> None:
        """Remove a closed and drained *segment*; keep it aside where bytes in it could not be read."""
        with naming(segment):
            if self.position(segment).torn_frames:
                segment.rename(segment.with_suffix(TORN_SUFFIX))
            else:
                segment.unlink()

    def save(self) -> None:
        """Write the positions down where they have changed."""
        if self._positions != self._saved:
            # They only save work after a restart: a full disk must not keep records from the store.
            with suppress(OSError):
                write_positions(self.path, self._positions)
                self._saved = dict(self._positions)

    def pending(self) -> Pending:
        """Return what is not drained yet, after counting a bounded part of what is new."""
        records = size_bytes = 0
        oldest_us: int | None = None
        self._to_count = _FRAMES_A_COUNT
        for segment in self.segments():
            with naming(segment), suppress(FileNotFoundError):
                offset = self.position(segment).offset
                counted = self._count(segment, offset)
                size_bytes += max(0, counted.end - offset)
                if counted.records and not records:
                    oldest_us = self._time_of_next(segment, offset)
                records += counted.records
        return Pending(records, size_bytes, oldest_us)

    def _count(self, segment: Path, offset: int) -> _Counted:
        """Count what is behind *offset*; looks only at what was not counted before."""
        counted = self._counted.get(segment.name, _Counted(offset, offset, 0))
        if not self._to_count:
            return counted
        offset, end, records = counted
        with SegmentReader(segment, offset) as reader:
            for entry in islice(reader, self._to_count):
                records += self._count_in(entry.payload)
                end = entry.end
                self._to_count -= 1
            counted = self._counted[segment.name] = _Counted(reader.position, end, records)
        return counted

    def _time_of_next(self, segment: Path, offset: int) -> int | None:
        place = segment.name, offset
        if self._oldest[0] != place:
            self._oldest = place, self._read_time(segment, offset)
        return self._oldest[1]

    def _read_time(self, segment: Path, offset: int) -> int | None:
        with SegmentReader(segment, offset) as reader:
            for entry in islice(reader, 1):
                # A record that cannot be decoded is the drain's to report.
                with suppress(JournalFormatError):
                    return min(map(recorded_at_us, self._decode(entry.payload)))
        return None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an OSError into a `JournalUnreadableError` that names *path*."""
    try:
        yield
    except OSError as error:
        raise JournalUnreadableError(f"{path}: {error.strerror or type(error).__name__}; see to it by hand") from error
