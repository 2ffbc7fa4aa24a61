"""How far each segment of a folder has been drained, kept in a small file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from oversight.journal.framing import masked_crc

__all__ = ["FILE_NAME", "Position", "read_positions", "write_positions"]

FILE_NAME = "position.json"
"""In each worker's folder."""


class Position(NamedTuple):
    """How far a segment has been drained (bytes), and how many torn frames were passed over on the way."""

    offset: int = 0
    torn_frames: int = 0


def read_positions(folder: Path) -> dict[str, Position]:
    """
    Return the position of each segment by file name.

    Empty if the file is missing or does not read: everything is then drained from the start, and what the store has
    already is left out by its key.
    """
    try:
        document = json.loads((folder / FILE_NAME).read_bytes())
        found = document["segments"]
        if document["crc32c"] != masked_crc(_dump(found)):
            return {}
        return {name: Position(offset, torn) for name, (offset, torn) in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_positions(folder: Path, positions: Mapping[str, Position]) -> None:
    """Replace the file at once (a reader sees the old one or the new one); raises OSError."""
    text = _dump(dict(positions))
    unnamed = folder / f"{FILE_NAME}.new"
    descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b'{"v":1,"segments":%b,"crc32c":%d}\n' % (text, masked_crc(text)))
    unnamed.rename(folder / FILE_NAME)


def _dump(positions: object) -> bytes:
    return json.dumps(positions, separators=(",", ":"), sort_keys=True).encode("ascii")
