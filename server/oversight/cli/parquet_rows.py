"""
Rows of a Parquet file, a few hundred at a time, so that a file of any size is read in the same small memory.

The library that reads it is large, and needed by nobody else: it is the extra `parquet`, and loaded here only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Self

from oversight.cli.rows import MAX_LINE_CHARS, BrokenRow, Row
from oversight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetRows"]

_ROWS_AT_ONCE = 512
_BUFFER_BYTES = 1024 * 1024


class _Unreadable:
    """Stands for a cell that is no value of Python, and says why."""

    __slots__ = ("problem",)

    def __init__(self, problem: str) -> None:
        self.problem = problem


class ParquetRows:
    """
    An open Parquet file; a context manager and an iterator of `Row` and `BrokenRow`.

    Values are as JSON has them: null is None, decimals are numbers, dates and times of day ISO 8601 text, structs and
    maps objects. Timestamps are datetimes and binary cells bytes. Only the columns that *wanted* takes are read. Raises
    UsageError where the library is not installed, the file cannot be read, or a name stands for two columns.
    """

    typed = True
    unit = "row"

    def __init__(self, path: Path, wanted: Callable[[str], bool] = bool) -> None:
        try:
            import pyarrow.parquet  # a large library, and an extra
        except ImportError as error:
            raise UsageError(
                f"{path}: reading Parquet takes pyarrow, which is not installed: pip install 'oversightd[parquet]'"
            ) from error
        try:
            # Opened before, because the system's words for what is wrong are shorter than pyarrow's.
            path.open("rb").close()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        try:
            # Read in pieces: by itself pyarrow would fetch whole columns of a row group.
            self._file = pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        except (OSError, pyarrow.ArrowException) as error:
            raise UsageError(f"{path}: not a Parquet file: {error}") from error
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            self.close()
            raise UsageError(f"{path}: the file has more than one column {', '.join(map(repr, twice))}")
        self._read = [name for name in self.columns if wanted(name)]
        self.size_bytes = path.stat().st_size
        self._row = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def position_bytes(self) -> int:
        """How much of `size_bytes` has been read, as far as rows tell."""
        rows = self._file.metadata.num_rows
        return self.size_bytes * self._row // rows if rows else self.size_bytes

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        import pyarrow as pa  # loaded already, see above

        try:
            # One thread: the machine is shared with the server that decides.
            batches = self._file.iter_batches(_ROWS_AT_ONCE, columns=self._read, use_threads=False)
            for batch in batches:
                cells = [_column_values(name, column) for name, column in zip(self._read, batch.columns, strict=True)]
                # Without columns zip has no rows either: a file of which nothing is wanted.
                for values in zip(*cells, strict=True) if cells else [()] * batch.num_rows:
                    self._row += 1
                    yield _row(self._row, dict(zip(self._read, values, strict=True)))
        except (OSError, pa.ArrowException) as error:
            yield BrokenRow(self._row + 1, f"the file cannot be read any further: {error}")


def _row(number: int, values: dict[str, object]) -> Row | BrokenRow:
    for name, value in values.items():
        if type(value) is _Unreadable:
            return BrokenRow(number, value.problem)
        if type(value) is str and len(value) > MAX_LINE_CHARS:
            return BrokenRow(number, f"{name}: longer than {MAX_LINE_CHARS:,} characters")
    return Row(number, values)


def _column_values(name: str, column: pa.Array) -> list[object]:
    """Return the values of *column*, in place of one that Python cannot have an `_Unreadable`."""
    import pyarrow as pa  # loaded already, see above

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # Python's datetimes end at microseconds; what is lost is less than any clock is wrong by.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        values = [_cell_value(name, cell) for cell in column]
    if pa.types.is_primitive(kind) and not pa.types.is_temporal(kind) and not pa.types.is_decimal(kind):
        return values
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values
    if pa.types.is_map(kind):
        values = [dict(value) if isinstance(value, list) else value for value in values]
    return [_as_json(value) for value in values]


def _cell_value(name: str, cell: pa.Scalar) -> object:
    import pyarrow as pa  # loaded already, see above

    try:
        return cell.as_py()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        return _Unreadable(f"{name}: the value cannot be read: {error}")


def _as_json(value: object) -> object:
    """Return *value* as JSON has it, but for timestamps and bytes, which JSON has not."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | time) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        # A struct has all its members in every row; those that a row has not are null.
        return {name: _as_json(item) for name, item in value.items() if item is not None}
    return [_as_json(item) for item in value] if isinstance(value, list) else value
