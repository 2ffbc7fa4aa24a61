"""Whose hash chains a replica writes: in a database that replicas share, each has its own."""

from __future__ import annotations

import re
import secrets

from oversight.app.handover import write_file
from oversight.errors import KeyFileError
from oversight.settings import Settings

__all__ = ["EMBEDDED", "make_writer", "read_writer"]

EMBEDDED = "local"
"""Name of the one writer of the embedded store."""

_FILE = "writer"
_NAME = re.compile(r"[0-9a-f]{32}")


def make_writer(settings: Settings) -> None:
    """
    Draw this replica's name once, 128 random bits, and keep it in the data folder; raises `KeyFileError`.

    It is no secret. A data folder that is lost costs nothing: the next name begins chains of its own.
    """
    path = settings.data_dir / _FILE
    if not settings.store or path.exists():
        return
    try:
        write_file(path, f"{secrets.token_hex(16)}\n".encode(), durable=True)
    except OSError as problem:
        raise KeyFileError(f"the name of this replica ({path}) cannot be written: {problem.strerror}") from problem


def read_writer(settings: Settings) -> str:
    """Return the name under which this replica writes records; raises `KeyFileError`."""
    if not settings.store:
        return EMBEDDED
    path = settings.data_dir / _FILE
    try:
        name = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as problem:
        raise KeyFileError(f"the name of this replica ({path}) cannot be read: {problem}") from problem
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"{path} must hold the name of this replica, 32 hex digits; remove the file for a new one")
    return name
