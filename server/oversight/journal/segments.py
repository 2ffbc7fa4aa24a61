"""
Segment files: their names, their locks, and the calls that write them.

A segment belongs to a process as long as that process holds an exclusive flock on it; the kernel gives the lock up
with the process, however it ends. So a segment whose lock is free will never grow again. That a newer segment exists
says less: a restarted worker may overlap its predecessor for a moment.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Protocol

from oversight.errors import RecordUnavailableError
from oversight.journal.protocols import Unsynced

__all__ = [
    "SUFFIX",
    "TORN_SUFFIX",
    "OpenSegment",
    "OsFiles",
    "SegmentFiles",
    "is_closed",
    "name_segment",
    "segments",
    "worker_folders",
]

SUFFIX = ".journal"
"""Of segments."""

TORN_SUFFIX = ".torn"
"""Of segments kept aside because bytes in them could not be read."""

_NEW_SUFFIX = ".new"
_DIGITS = 12


def worker_folders(root: Path) -> list[Path]:
    """Return the folders of workers under *root*, also of those gone for good; none if it does not exist."""
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def segments(folder: Path) -> list[Path]:
    """Return the segments in *folder*, oldest first."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))


def name_segment(folder: Path) -> str:
    """
    Return the name of a new segment: sorts behind every other in *folder*.

    The random part makes sure that a name never comes again, so that a position kept for a segment long gone is never
    taken for one in a new segment.
    """
    numbers = [path.name[:_DIGITS] for path in folder.iterdir() if path.name.endswith((SUFFIX, TORN_SUFFIX))]
    number = max((int(text) for text in numbers if text.isdecimal()), default=0) + 1
    return f"{number:0{_DIGITS}d}-{secrets.token_hex(4)}{SUFFIX}"


def is_closed(descriptor: int) -> bool:
    """Return whether no process will ever write to the open segment again."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class OpenSegment:
    """
    A segment that is appended to.

    `length` bytes are records, `synced` of them are known to be on the disk. `begun_s` is in seconds since 1970.
    `unsynced` stands for what is not on the disk, None where nobody waits for that. `failure` says why the segment can
    be trusted no more.
    """

    __slots__ = ("begun_s", "descriptor", "failure", "length", "synced", "unsynced")

    def __init__(self, descriptor: int, begun_s: float) -> None:
        self.descriptor = descriptor
        self.begun_s = begun_s
        self.length = 0
        self.synced = 0
        self.unsynced: Unsynced | None = None
        self.failure: RecordUnavailableError | None = None


class SegmentFiles(Protocol):
    """The calls by which a journal writes; each raises OSError."""

    def create(self, path: Path) -> int:
        """Make the segment *path*, locked for this process, and return its descriptor."""
        ...

    def write(self, descriptor: int, data: bytes) -> int:
        """Append *data* in one write and return how many bytes were written."""
        ...

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Cut the segment to *size_bytes*."""
        ...

    def sync(self, descriptor: int) -> None:
        """Bring what was written to the segment to the disk, with what is needed to read it back."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Bring the names in *folder* to the disk."""
        ...

    def close(self, descriptor: int) -> None:
        """Close the segment and give up its lock."""
        ...


class OsFiles:
    """`SegmentFiles` of the operating system."""

    def create(self, path: Path) -> int:
        """Make the segment *path* (mode 0600), locked for this process, and return its descriptor."""
        # Locked before it has its name: to a drain, a segment without a lock is a dead worker's and may be removed.
        unnamed = path.with_suffix(_NEW_SUFFIX)
        descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
        except OSError:
            os.close(descriptor)
            unnamed.unlink(missing_ok=True)
            raise
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        """Append *data* in one write and return how many bytes were written."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Cut the segment to *size_bytes*."""
        os.ftruncate(descriptor, size_bytes)

    def sync(self, descriptor: int) -> None:
        """Bring what was written to the segment to the disk, with what is needed to read it back."""
        os.fdatasync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        """Bring the names in *folder* to the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self, descriptor: int) -> None:
        """Close the segment and give up its lock."""
        os.close(descriptor)
