"""Files that a command writes: whole or not at all, and for their owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oversight.errors import UsageError

__all__ = ["check_place", "whole_file"]


def check_place(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before anything is asked of a server; raises `UsageError`."""
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.absolute().parent}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """
    Give the name of an empty file to write to, which becomes *path* at the end, once it is on the disk.

    Where writing fails or is interrupted, whatever was at *path* before is there still, and nothing else.
    """
    # Readable by this user alone: whoever may read records need not be everybody on this machine.
    number, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.", suffix=".unfinished")
    unfinished = Path(name)
    try:
        try:
            yield unfinished
            os.fsync(number)
        finally:
            os.close(number)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
