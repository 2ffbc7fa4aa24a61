"""What journals still hold of a person who was erased from the store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from oversight.journal.framing import OVERHEAD_BYTES
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import TORN_SUFFIX, segments, worker_folders

__all__ = ["blank_torn", "find_segments"]


def find_segments(root: Path, word: str) -> list[Path]:
    """
    Return the segments under *root* in which *word* stands, also in records that are drained.

    The drain removes each once it is closed and in the store. Raises OSError.
    """
    wanted = word.encode("utf-8")
    return [path for folder in worker_folders(root) for path in segments(folder) if wanted in _read(path)]


def blank_torn(root: Path, word: str) -> list[Path]:
    """
    Overwrite with zeros what belongs to *word* in segments kept aside as `*.torn`; return those files.

    A whole frame in which it stands is blanked (it is in the store), and a stretch between whole frames in which it
    stands (nobody can read that). What of a stretch is so damaged that *word* cannot be found in it stays. Raises
    OSError.
    """
    wanted = word.encode("utf-8")
    found = []
    for folder in worker_folders(root):
        for path in sorted(folder.glob(f"*{TORN_SUFFIX}")):
            if wanted in _read(path):
                _blank(path, wanted)
                found.append(path)
    return found


def _blank(path: Path, wanted: bytes) -> None:
    content = path.read_bytes()
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for begin, end in _stretches(path, len(content)):
            if wanted in content[begin:end]:
                os.pwrite(file, bytes(end - begin), begin)
        os.fsync(file)
    finally:
        os.close(file)


def _stretches(path: Path, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every whole frame, and of what lies between them."""
    done = 0
    with SegmentReader(path, 0) as reader:
        for entry in reader:
            begin = entry.end - OVERHEAD_BYTES - len(entry.payload)
            if begin > done:
                yield done, begin
            yield begin, entry.end
            done = entry.end
    if done < size:
        yield done, size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # drained meanwhile
        return b""
