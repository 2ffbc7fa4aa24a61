"""
Rows of a file of messages, one at a time: here JSON Lines and CSV, either of them gzipped; Parquet in parquet_rows.

A file of any size is read in the same small memory, and a row that cannot be read is a value like any other, with its
line number: one broken line must not cost the rest.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self, cast

from oversight.errors import UsageError

__all__ = ["MAX_LINE_CHARS", "BrokenRow", "Row", "RowFile", "Rows"]

MAX_LINE_CHARS = 1_048_576
"""Longest line that is read; a longer one is a broken row."""

_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (from 1) and its values by column: text in CSV, elsewhere as JSON has them."""

    line: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, and why."""

    line: int
    problem: str


class Rows(Protocol):
    """
    An open file of rows.

    `columns` are the file's, empty where it names none; `typed` says whether values have types or are all text, `unit`
    what a row's number counts. `size_bytes` and `position_bytes` are bytes on disk, for progress.
    """

    columns: tuple[str, ...]
    typed: bool
    unit: str
    size_bytes: int

    @property
    def position_bytes(self) -> int:
        """How much of `size_bytes` has been read."""
        ...

    def __iter__(self) -> Iterator[Row | BrokenRow]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class RowFile:
    """
    An open file of JSON Lines or CSV; a context manager and an iterator of `Row` and `BrokenRow`.

    `columns` is a CSV file's header, empty for JSON Lines. `size_bytes` and `position_bytes` count bytes on disk, so
    that progress is known for gzipped files too. Raises UsageError where the name says no known format, the file cannot
    be read, or a CSV header is unusable.
    """

    unit = "line"

    def __init__(self, path: Path) -> None:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        zipped = suffixes[-1:] == [".gz"]
        named = suffixes[-2:-1] if zipped else suffixes[-1:]
        if not named or named[0] not in _FORMATS:
            endings = ".jsonl, .ndjson, .json or .csv, or one of these + .gz, or in .parquet"
            raise UsageError(f"{path}: expected a name ending in {endings}")
        try:
            self._raw: IO[bytes] = path.open("rb")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        self.size_bytes = path.stat().st_size
        unzipped = cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw)) if zipped else self._raw
        # Undecodable bytes become surrogates here and a broken row below, instead of ending the file.
        self._text = io.TextIOWrapper(unzipped, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._line = 0
        self._reader = csv.reader(self._lines(), strict=True)
        self._is_csv = _FORMATS[named[0]] == "csv"
        self.typed = not self._is_csv
        try:
            self.columns: tuple[str, ...] = self._header(path) if self._is_csv else ()
        except UsageError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._text.close()
        self._raw.close()

    @property
    def position_bytes(self) -> int:
        """How much of `size_bytes` has been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        try:
            yield from self._csv_rows() if self._is_csv else self._json_rows()
        except (EOFError, zlib.error, OSError) as error:
            yield BrokenRow(self._line + 1, f"the file cannot be read any further: {error}")

    def _lines(self) -> Iterator[str]:
        """Yield every line; in place of one that is too long or not UTF-8 stands its key in `_FAULTS`."""
        while line := self._text.readline(MAX_LINE_CHARS + 1):
            self._line += 1
            if len(line) > MAX_LINE_CHARS:
                self._skip_rest(line)
                yield f"{_TOO_LONG}\n"
            elif _is_utf8(line):
                yield line
            else:
                yield f"{_NOT_UTF8}\n"

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith("\n"):
            line = self._text.readline(MAX_LINE_CHARS)

    def _json_rows(self) -> Iterator[Row | BrokenRow]:
        for line in self._lines():
            if fault := _fault(line):
                yield BrokenRow(self._line, fault)
            elif line.strip():
                yield _json_row(self._line, line)

    def _csv_rows(self) -> Iterator[Row | BrokenRow]:
        while True:
            first_line = self._line + 1
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                yield BrokenRow(first_line, f"not CSV: {error}")
                continue
            if cells is None:
                return
            if cells:
                yield _csv_row(first_line, self.columns, cells)

    def _header(self, path: Path) -> tuple[str, ...]:
        try:
            header = tuple(name.strip() for name in next(self._reader, []))
        except (csv.Error, EOFError, zlib.error, OSError) as error:
            raise UsageError(f"{path}:1: the header cannot be read: {error}") from error
        if fault := _fault("".join(header)):
            raise UsageError(f"{path}:1: the header is {fault}")
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise UsageError(f"{path}:1: the header names {', '.join(map(repr, twice))} more than once")
        return header


# Both begin with NUL, which no text has: they survive the CSV reader, which would choke on the line itself.
_TOO_LONG = "\0too long"
_NOT_UTF8 = "\0not utf-8"
_FAULTS = {_TOO_LONG: f"longer than {MAX_LINE_CHARS:,} characters", _NOT_UTF8: "not UTF-8"}


def _fault(text: str) -> str:
    return next((words for key, words in _FAULTS.items() if key in text), "") if "\0" in text else ""


def _is_utf8(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_row(line: int, text: str) -> Row | BrokenRow:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(line, f"not JSON: {error}")
    if not isinstance(values, dict):
        return BrokenRow(line, "not a JSON object")
    return Row(line, values)


def _csv_row(line: int, header: tuple[str, ...], cells: list[str]) -> Row | BrokenRow:
    for cell in cells:
        if fault := _fault(cell):
            return BrokenRow(line, fault)
    if len(cells) != len(header):
        return BrokenRow(line, f"{len(cells)} values for {len(header)} columns")
    return Row(line, dict(zip(header, cells, strict=True)))
