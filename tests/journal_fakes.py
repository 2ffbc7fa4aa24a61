"""A clock and a file layer that a test of the journal holds in its hand."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from queue import SimpleQueue

from contract.memory_store import MemoryStore
from oversight.errors import RecordUnavailableError
from oversight.journal.protocols import Unsynced
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import OsFiles, segments


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return self.now_s


class FaultyFiles(OsFiles):
    """`SegmentFiles` of the operating system with the faults of a bad day."""

    def __init__(self) -> None:
        self.short_by: int | None = None
        self.write_error = 0
        self.truncate_error = 0
        self.create_error = 0
        self.close_error = 0
        self.sync_error = 0
        self.sync_folder_error = 0
        self.sync_breaks: BaseException | None = None
        self.writes: list[int] = []
        self.log: list[str] = []
        self.disk_answers = threading.Event()
        self.disk_answers.set()
        self.disk_asked = threading.Semaphore(0)

    def create(self, path: Path) -> int:
        """Fail with `create_error`, or create."""
        self.log.append("create")
        self._fail(self.create_error)
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write all but `short_by` bytes, fail with `write_error` after half of them, or write."""
        self.log.append("write")
        if self.write_error:
            os.write(descriptor, data[: len(data) // 2])
            self._fail(self.write_error)
        if self.short_by is not None:
            data = data[: -self.short_by]
        written = super().write(descriptor, data)
        self.writes.append(written)
        return written

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Fail with `truncate_error`, or truncate."""
        self.log.append("truncate")
        self._fail(self.truncate_error)
        super().truncate(descriptor, size_bytes)

    def sync(self, descriptor: int) -> None:
        """Wait for `disk_answers`, then fail with `sync_error` or `sync_breaks`, or sync."""
        self.log.append("sync")
        self.disk_asked.release()
        assert self.disk_answers.wait(10), "the disk was held for too long"
        self._fail(self.sync_error)
        if self.sync_breaks is not None:
            raise self.sync_breaks
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Fail with `sync_folder_error`, or sync."""
        self.log.append(f"sync {folder.name}")
        self._fail(self.sync_folder_error)
        super().sync_folder(folder)

    def close(self, descriptor: int) -> None:
        """Close, and fail with `close_error` even so, as Linux does."""
        self.log.append("close")
        super().close(descriptor)
        self._fail(self.close_error)

    @staticmethod
    def _fail(number: int) -> None:
        if number:
            raise OSError(number, os.strerror(number))


class Told:
    """What a call that waits for the disk is told, which is None where its record is there."""

    def __init__(self, unsynced: Unsynced | None) -> None:
        """Wait for *unsynced*."""
        assert unsynced is not None
        self._errors: SimpleQueue[RecordUnavailableError | None] = SimpleQueue()
        unsynced.when_synced(self._errors.put)

    @property
    def error(self) -> RecordUnavailableError | None:
        """Wait for what comes, and return it."""
        return self._errors.get(timeout=10)

    @property
    def yet(self) -> bool:
        """Whether it has come."""
        return not self._errors.empty()


DISK_FULL = errno.ENOSPC
IO_ERROR = errno.EIO


def read_all(folder: Path) -> list[bytes]:
    """Return what all segments hold, and insist that nothing else is in them."""
    found: list[bytes] = []
    for path in segments(folder):
        with SegmentReader(path, 0) as reader:
            found += [entry.payload for entry in reader]
            assert path.stat().st_size == reader.position, f"{path.name} has bytes that are no record"
            assert reader.take_torn() == 0
    return found


def stored(store: MemoryStore) -> list[int]:
    """Return the numbers of the decisions in *store*, sorted."""
    return sorted(int(decision_id, 16) for decision_id in store.decisions)


def files_in(folder: Path) -> list[str]:
    """Return the suffixes of the files in *folder*, sorted."""
    return sorted(path.suffix for path in folder.iterdir())


def damage(path: Path, at: int) -> None:
    """Change the byte at *at*."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)
