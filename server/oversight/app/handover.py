"""
What the processes of one server tell each other: small files in the data folder's `run`, replaced by atomic rename.

A reader sees the old file or the new one, never a part; a file that is missing or unreadable is as if nothing had been
said. Files carry no promise beyond the life of the server: what lasts (rule source, records) stands elsewhere.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from oversight.app.clock import now_us

__all__ = [
    "clear_run",
    "file_stamp",
    "read_drained_us",
    "run_folder",
    "write_drained_us",
    "write_file",
]

_DRAINED_NAME = "drained.json"
_OWN_FILES = (
    "snapshot.bin",
    "drained.json",
    "supervisor.json",
    "controller.json",
    "keeper.json",
    "labelled.json",
    "worker-*.json",
    "*.partial",
)


def run_folder(data_dir: Path) -> Path:
    """Return the folder of the hand-over files."""
    return data_dir / "run"


def clear_run(data_dir: Path) -> None:
    """Make the folder, or remove from it what an earlier run of the server left."""
    folder = run_folder(data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    for pattern in _OWN_FILES:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def write_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put *content* at *path* whole; with *durable* it outlives a power loss. Raises OSError."""
    # Two threads of one process may write the same file.
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_native_id()}.partial")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever the file is replaced; None while there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def write_drained_us(run: Path, drained_us: int) -> None:
    """Say that everything appended before *drained_us* is in the store. Raises OSError."""
    write_file(run / _DRAINED_NAME, json.dumps({"drained_through_us": drained_us}).encode())


def read_drained_us(run: Path, clock_us: Callable[[], int] = now_us) -> int:
    """
    Return the time before which everything is in the store; 0 while nothing is known.

    Nothing is known either where that time is still to come: the clock was set back since.
    """
    try:
        drained_us = int(json.loads((run / _DRAINED_NAME).read_bytes())["drained_through_us"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return drained_us if drained_us <= clock_us() else 0
