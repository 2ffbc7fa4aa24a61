"""The clock of the processes; whatever is tested with another takes it as an argument."""

from __future__ import annotations

import mmap
import time
from pathlib import Path

from oversight.errors import StartError

__all__ = ["now_us", "read_simulated_us", "use_simulated_clock"]

_SIZE_BYTES = 8
_simulated: mmap.mmap | None = None
"""The page of the simulated clock; a process has one clock, as it has one real time."""


def now_us() -> int:
    """Return the time in microseconds since 1970 (UTC): the machine's, or the simulated one."""
    return time.time_ns() // 1_000 if _simulated is None else _read(_simulated[:])


def use_simulated_clock(path: Path | None) -> None:
    """
    Let `now_us` return what stands in the file *path* from now on, in this process; None: the machine's time.

    The file has 8 bytes, microseconds since 1970 (UTC) as a little-endian signed integer, and is mapped into memory:
    whoever writes it in place sets the clock of every process at once. Raises `StartError` for a file that is not so.
    """
    global _simulated
    _simulated = None if path is None else _map(path)


def read_simulated_us(path: Path) -> int | None:
    """Return the time that the simulated clock *path* shows; None where it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return _read(content) if len(content) == _SIZE_BYTES else None


def _read(content: bytes) -> int:
    return int.from_bytes(content, "little", signed=True)


def _map(path: Path) -> mmap.mmap:
    problem = f"the simulated clock {path} (setting simulated_clock)"
    try:
        with path.open("rb") as file:
            page = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise StartError(f"{problem} cannot be read: {error}") from error
    if len(page) != _SIZE_BYTES:
        raise StartError(f"{problem} has {len(page)} bytes; expected {_SIZE_BYTES}: microseconds since 1970 (UTC)")
    return page
