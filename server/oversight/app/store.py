"""Where the store of a data folder is."""

from __future__ import annotations

from pathlib import Path

from oversight.storage.sqlite import file_url

__all__ = ["WRITER", "store_url"]

WRITER = "local"
"""Name of the one writer of the embedded store, and of its hash chains."""


def store_url(data_dir: Path) -> str:
    """Return the URL of the records' database."""
    return file_url(data_dir / "records.db")
