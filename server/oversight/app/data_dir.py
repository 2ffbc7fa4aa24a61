"""The data folder: made for its owner alone, and used by one server at a time."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from oversight.errors import DataDirInUseError, StartError

__all__ = ["DataDirLock", "make_private_folder", "mark_clock", "protect_folders"]

LOCK_NAME = "serve.lock"
_PRIVATE = ("run", "keys", "journal", "snapshots", "stops")
_RECORDS = ("records.db", "control.db", "journal")
_SIMULATED = "simulated"
"""The file that tells that all times on record here were simulated."""


def make_private_folder(path: Path) -> None:
    """Make *path* and its parents, closed to other users; an existing folder stays as it is. Raise `StartError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise StartError(
            f"the data folder {path} cannot be made: {problem.strerror}; choose another with --data-dir "
            "(OVERSIGHT_DATA_DIR)"
        ) from problem


def protect_folders(data_dir: Path) -> None:
    """
    Close the folders that workers trust, where an earlier run or somebody else made them; raise `StartError`.

    What stands in `run` is executed: whoever could write there could decide.
    """
    _check_owner(data_dir)
    if stat.S_IMODE(data_dir.stat().st_mode) & 0o022:
        raise StartError(
            f"the data folder {data_dir} can be written to by other users; take that away (chmod go-w) or choose "
            "another with --data-dir (OVERSIGHT_DATA_DIR)"
        )
    if (data_dir / "run").is_symlink():
        raise StartError(f"{data_dir / 'run'} is a link; move it away, a new folder is made")
    for folder in (data_dir / name for name in _PRIVATE):
        # Anything but a folder is found out by whoever needs one; a journal that cannot be written stops nobody.
        if folder.is_dir():
            _check_owner(folder)
            folder.chmod(0o700)


def mark_clock(data_dir: Path, *, simulated: bool) -> None:
    """
    Put on record which clock the times in the folder are from; call it with the folder claimed.

    Raise `StartError` for a simulated clock where something is on record by the machine's: retention would remove it,
    and thresholds and tokens would expire, by a time that is not real.
    """
    mark = data_dir / _SIMULATED
    if not simulated:
        # From now on not all of them are.
        mark.unlink(missing_ok=True)
        return
    if mark.exists():
        return
    found = [name for name in _RECORDS if (data_dir / name).exists()]
    if found:
        raise StartError(
            f"the data folder {data_dir} has records by the machine's time ({', '.join(found)}), and simulated_clock "
            "(--simulated-clock, OVERSIGHT_SIMULATED_CLOCK) is set: what is on record would expire by a time that is "
            "not real; choose an empty folder with --data-dir (OVERSIGHT_DATA_DIR)"
        )
    mark.write_text("All times on record in this folder are simulated.\n", encoding="utf-8")


def _check_owner(folder: Path) -> None:
    if folder.stat().st_uid != os.geteuid():
        raise StartError(f"{folder} belongs to another user; give it to the one that serves, or move it away")


class DataDirLock:
    """
    The claim of one server on a data folder; it ends with the process, however that ends.

    Raise `DataDirInUseError`, naming the server that has the folder.
    """

    def __init__(self, data_dir: Path, listen: str) -> None:
        path = data_dir / LOCK_NAME
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise StartError(
                f"{path} cannot be written: {problem.strerror}; choose another data folder with --data-dir "
                "(OVERSIGHT_DATA_DIR)"
            ) from problem
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            holder = _describe_holder(os.read(self._file, 4096))
            os.close(self._file)
            raise DataDirInUseError(
                f"the data folder {data_dir.resolve()} is in use by {holder}; stop that one, or choose another folder "
                "with --data-dir (OVERSIGHT_DATA_DIR)"
            ) from problem
        except OSError as problem:
            os.close(self._file)
            raise StartError(
                f"{path} cannot be locked: {problem.strerror}; the data folder must be on a local file system"
            ) from problem
        self.write(listen)

    def write(self, listen: str) -> None:
        """Say in the lock file who holds it and where that one listens."""
        text = json.dumps({"pid": os.getpid(), "listen": listen}).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)

    def release(self) -> None:
        """Let the folder go."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _describe_holder(text: bytes) -> str:
    try:
        holder = json.loads(text)
        return f"the server with pid {int(holder['pid'])} that listens on {holder['listen']}"
    except (ValueError, KeyError, TypeError):
        return "another server that is just starting"
