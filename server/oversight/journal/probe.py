"""Trying whether a journal that could not record can again, with nobody waiting for the answer."""

from __future__ import annotations

from pathlib import Path

from oversight.errors import RecordUnavailableError
from oversight.journal.segments import SegmentFiles

__all__ = ["PROBE", "probe", "short_write"]

PROBE = "probe.tmp"
"""Name of the file that is written; no segment is called so."""


def probe(folder: Path, files: SegmentFiles, size_bytes: int, *, sync: bool) -> None:
    """
    Do in *folder* what failed: make a file, write *size_bytes*, and with *sync* bring them to the disk; remove it.

    A file of its own, because a reader of the segment might take what is written for a record. Raises OSError and
    `RecordUnavailableError`.
    """
    path = folder / PROBE
    # One may be left over from a process that was killed.
    for name in (path, path.with_suffix(".new")):
        name.unlink(missing_ok=True)
    descriptor = files.create(path)
    try:
        written = files.write(descriptor, bytes(size_bytes))
        if written != size_bytes:
            raise short_write(written, size_bytes)
        if sync:
            files.sync(descriptor)
    finally:
        path.unlink(missing_ok=True)
        files.close(descriptor)


def short_write(written: int, size_bytes: int) -> RecordUnavailableError:
    """Return the refusal to record for a write of which the disk took only a part."""
    return RecordUnavailableError(
        f"the journal took {written:,} of {size_bytes:,} bytes; is the disk full? See `oversight status`",
        cause="SHORT_WRITE",
    )
