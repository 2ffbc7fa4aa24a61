"""Files of rows by their names: text or Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oversight.cli.parquet_rows import ParquetRows
from oversight.cli.rows import RowFile, Rows

__all__ = ["open_rows"]


def open_rows(path: Path, wanted: Callable[[str], bool] = bool) -> Rows:
    """Return the rows of *path*, of a Parquet file only the columns that *wanted* takes; raise UsageError in words."""
    return ParquetRows(path, wanted) if path.suffix.lower() == ".parquet" else RowFile(path)
