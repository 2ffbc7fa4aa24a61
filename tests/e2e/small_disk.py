"""A file system that is soon full: really mounted, and unmounted whatever happens."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CannotMountError", "SmallDisk", "small_disk"]


class CannotMountError(Exception):
    """This machine lets the tests mount nothing; the text says why."""


class SmallDisk:
    """A mounted folder that can be filled to its last byte, and given room again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size_bytes in (1 << 16, 1 << 12, 1):
                try:
                    while file.write(b"\0" * size_bytes):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def make_room(self) -> None:
        """Take away what `fill` put there."""
        self._ballast.unlink()


@contextmanager
def small_disk(path: Path, size_bytes: int, *, owner: int | None = None) -> Iterator[SmallDisk]:
    """
    Mount a tmpfs of *size_bytes* on *path* (mode 0700), which is made; *owner* is a user id.

    Raises `CannotMountError`. Who still has files open there keeps them after the end; nobody else finds them.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = f"size={size_bytes},mode=0700,uid={os.geteuid() if owner is None else owner}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "oversight-test", str(path)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotMountError("there is no mount command") from error
    if done.returncode:
        raise CannotMountError(done.stderr.strip())
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
