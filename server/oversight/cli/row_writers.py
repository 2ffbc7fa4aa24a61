"""Rows into a file, as JSON Lines or Parquet: all of them, or no file."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from oversight.cli.whole_file import check_place, whole_file
from oversight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Column", "RowWriter", "check_out", "writing"]

Column = str
"""`text`, `number`, `count`, `flag`, `time`, `texts` (a list) or `json` (an object or a list of objects)."""

_ROWS_AT_ONCE = 1_000
_SUFFIXES = (".jsonl", ".parquet")


class RowWriter(ABC):
    """Takes rows one by one; `rows` counts them."""

    rows = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Add *row*, whose values are as JSON has them, by the names of the columns; one that is missing is null."""
        self._write(row)
        self.rows += 1

    @abstractmethod
    def _write(self, row: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""


def check_out(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is asked of a server; raises `UsageError`."""
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(_SUFFIXES)}")
    check_place("--out", path)
    if path.suffix.lower() == ".parquet":
        _load_pyarrow(path)


@contextmanager
def writing(path: Path, columns: Mapping[str, Column]) -> Iterator[RowWriter]:
    """Give a writer of *columns* to *path*, in the format of its name; the file is there whole or not at all."""
    with whole_file(path) as unfinished:
        writer = _open(path, unfinished, columns)
        try:
            yield writer
        finally:
            writer.close()


def _open(path: Path, unfinished: Path, columns: Mapping[str, Column]) -> RowWriter:
    if path.suffix.lower() == ".parquet":
        return _Parquet(path, unfinished, columns)
    return _JsonLines(unfinished.open("w", encoding="utf-8"), columns)


class _JsonLines(RowWriter):
    def __init__(self, file: TextIO, columns: Mapping[str, Column]) -> None:
        self._file = file
        self._columns = columns

    def _write(self, row: Mapping[str, Any]) -> None:
        shown = {name: row.get(name) for name in self._columns}
        self._file.write(json.dumps(shown, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class _Parquet(RowWriter):
    def __init__(self, path: Path, unfinished: Path, columns: Mapping[str, Column]) -> None:
        parquet = _load_pyarrow(path)
        self._columns = columns
        self._schema = _schema(columns)
        self._writer = parquet.ParquetWriter(unfinished, self._schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []

    def _write(self, row: Mapping[str, Any]) -> None:
        self._waiting.append({name: _cell(kind, row.get(name)) for name, kind in self._columns.items()})
        if len(self._waiting) == _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa  # loaded already, see above

        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting.clear()


def _load_pyarrow(path: Path) -> Any:
    try:
        import pyarrow.parquet  # a large library, and an extra
    except ImportError as error:
        raise UsageError(
            f"{path}: writing Parquet takes pyarrow, which is not installed: pip install 'oversightd[parquet]'"
        ) from error
    return pyarrow.parquet


def _schema(columns: Mapping[str, Column]) -> pa.Schema:
    import pyarrow as pa  # loaded already, see above

    kinds = {
        "text": pa.string(),
        "number": pa.float64(),
        "count": pa.int64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "texts": pa.list_(pa.string()),
        "json": pa.string(),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in columns.items()])


def _cell(kind: Column, value: Any) -> Any:
    """Return *value* as its column has it: times as datetimes, what has a shape of its own as JSON."""
    if value is None:
        return None
    if kind == "time":
        return datetime.fromisoformat(value)
    return json.dumps(value, ensure_ascii=False) if kind == "json" else value
