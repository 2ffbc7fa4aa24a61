"""A wall clock that a test sets while the server runs, seen by the server alone."""

from __future__ import annotations

import mmap
import shutil
import subprocess
from pathlib import Path
from struct import Struct

__all__ = ["CannotSetClockError", "SettableClock"]

_SOURCE = Path(__file__).with_name("clock_shim.c")
_OFFSET_NS = Struct("=q")


class CannotSetClockError(Exception):
    """The shim cannot be built here; the text says why."""


class SettableClock:
    """
    The clock of every process that is started with `environment`; *folder* holds what is built for it.

    Raises `CannotSetClockError` where there is no C compiler.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise CannotSetClockError("there is no C compiler")
        library, offset = folder / "clock_shim.so", folder / "clock_offset"
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise CannotSetClockError(built.stderr.strip())
        offset.write_bytes(_OFFSET_NS.pack(0))
        with offset.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), _OFFSET_NS.size)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIM": str(offset)}

    def set(self, offset_s: float) -> None:
        """Set the clock so many seconds ahead of the machine's, from the next look on."""
        _OFFSET_NS.pack_into(self._offset, 0, round(offset_s * 1e9))
