"""Rows of Parquet files: the same values as JSON has, and no more memory for a larger file."""

from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oversight.cli.mapping import ColumnMap, Message, takes
from oversight.cli.parquet_rows import ParquetRows
from oversight.cli.row_files import open_rows
from oversight.cli.rows import MAX_LINE_CHARS, BrokenRow, Row, RowFile
from oversight.errors import InvalidRequestError, UsageError

NOON = dt.datetime(2025, 6, 1, 12, 30, 0, 250_000, tzinfo=dt.UTC)
LONGEST_GROWTH_KB = 16 * 1024


@pytest.fixture
def written(tmp_path):
    """Write columns as a Parquet file."""

    def write(columns: dict[str, Any], name: str = "m.parquet", **options: Any) -> Path:
        path: Path = tmp_path / name
        pq.write_table(pa.table(columns), path, **options)
        return path

    return write


def rows_of(path: Path, **options: Any) -> list[Row | BrokenRow]:
    """Return every row of the file."""
    with ParquetRows(path, **options) as rows:
        return list(rows)


def message_of(path: Path) -> Message:
    """Return the only row as a message."""
    with open_rows(path, takes({})) as rows:
        columns = ColumnMap({}, columns=rows.columns, typed=rows.typed)
        [row] = rows
        assert isinstance(row, Row)
        return columns.read(row)


def test_rows_have_numbers_and_values_and_null_is_absent(written):
    """As in JSON Lines; a number is the row's, as the file has no lines."""
    path = written({"intent": ["a", None], "response_confidence": [0.5, 1.0], "human_requested": [True, None]})
    assert [
        Row(1, {"intent": "a", "response_confidence": 0.5, "human_requested": True}),
        Row(2, {"intent": None, "response_confidence": 1.0, "human_requested": None}),
    ] == rows_of(path)
    with open_rows(path) as rows:
        assert ("row", True, 3) == (rows.unit, rows.typed, len(rows.columns))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([NOON], pa.timestamp("us", "Europe/Berlin")), NOON),
        (pa.array([1_748_781_000_250_000_007], pa.timestamp("ns", "UTC")), NOON),
        (pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ms")), NOON.replace(tzinfo=None)),
        (pa.array([NOON.date()]), "2025-06-01"),
        (pa.array([dt.time(12, 30)]), "12:30:00"),
        (pa.array([Decimal("0.97")]), 0.97),
        (pa.array([Decimal("25000.00")]), 25_000),
        (pa.array([Decimal(12_345_678_901_234_567_890)]), 12_345_678_901_234_567_890),
        (pa.array(["vip"]).dictionary_encode(), "vip"),
        (pa.array([2**63], pa.uint64()), 2**63),
        (pa.array([0.5], pa.float16()), 0.5),
        (pa.array([b"\xff"]), b"\xff"),
        (pa.nulls(1), None),
        (pa.array([["pii", "tone"]]), ["pii", "tone"]),
        (pa.array([{"plan": "gold", "years": Decimal("7.5"), "none": None}]), {"plan": "gold", "years": 7.5}),
        (pa.array([[("plan", "gold")]], pa.map_(pa.string(), pa.string())), {"plan": "gold"}),
        (pa.array([None], pa.map_(pa.string(), pa.string())), None),
    ],
    ids=str,
)
def test_values_are_as_json_has_them(written, column, expected):
    """What a field makes of a value must not depend on the format of the file."""
    assert [Row(1, {"column": expected})] == rows_of(written({"column": column}))


def test_typed_columns_become_the_fields_of_a_request(written):
    """A history out of a warehouse needs no conversion first."""
    path = written(
        {
            "request_id": pa.array([17]),
            "intent": ["order_status"],
            "response_confidence": pa.array([Decimal("0.97")]),
            "amount_minor": pa.array([Decimal("25000.00")]),
            "signal_time": pa.array([NOON], pa.timestamp("us", "UTC")),
            "draft_sha256": pa.array([b"d" * 32], pa.binary(32)),
            "guardrails": pa.array([[]], pa.list_(pa.string())),
            "attributes": pa.array([{"plan": "gold", "none": None}]),
            "attributes.years": pa.array([7]),
            "attributes.text": pa.array(["7"]),
            "correct": [False],
        }
    )
    assert Message(
        1,
        {
            "request_id": "17",
            "intent": "order_status",
            "response_confidence": 0.97,
            "amount_minor": 25_000,
            "signal_time": NOON,
            "draft_sha256": b"d" * 32,
            "guardrails": [],
            "attributes": {"plan": "gold", "years": 7, "text": "7"},
        },
        {"verdict": "rejected", "label_basis": "census"},
    ) == message_of(path)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("signal_time", pa.array([NOON.replace(tzinfo=None)]), "signal_time: .* names no zone"),
        ("signal_time", pa.array([NOON.date()]), "signal_time: '2025-06-01' names no zone"),
        ("intent", pa.array([b"x"]), "intent: .* is not text"),
        ("intent", pa.array([{"name": "x"}]), "intent: .* is not text"),
        ("response_confidence", pa.array([[0.5]]), "response_confidence: .* is not a number"),
        ("amount_minor", pa.array([Decimal("0.5")]), "amount_minor: .* is not a whole number"),
        ("csat", pa.array([NOON]), "csat: .* is not a number"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_by_its_field(written, column, values, words):
    """Guessing what was meant would decide about something else."""
    with pytest.raises(InvalidRequestError, match=words):
        message_of(written({column: values}))


def test_columns_that_nothing_reads_are_not_read(written):
    """Texts and embeddings are most of such a file, and whatever is wrong with them is nobody's concern."""
    path = written({"intent": ["x"], "far": pa.array([2**60], pa.timestamp("us", "UTC")), "attributes.a": [1]})
    assert [Row(1, {"intent": "x", "attributes.a": 1})] == rows_of(path, wanted=takes({}))
    assert [Row(1, {})] == rows_of(path, wanted=lambda _: False)
    with open_rows(path, takes({"language": "far"})) as rows:
        [row] = rows
    assert isinstance(row, BrokenRow)


def test_a_cell_that_cannot_be_read_costs_only_its_row(written):
    """A timestamp of the year 38,000 is a mistake of whoever wrote it."""
    path = written(
        {
            "a": ["1", "2", "x" * (MAX_LINE_CHARS + 1), "4"],
            "when": pa.array([0, 2**60, None, 0], pa.timestamp("us", "UTC")),
        }
    )
    first, far, long, last = rows_of(path)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert (Row(1, {"a": "1", "when": epoch}), Row(4, {"a": "4", "when": epoch})) == (first, last)
    assert isinstance(far, BrokenRow)
    assert (2, True) == (far.line, far.problem.startswith("when: the value cannot be read: "))
    assert BrokenRow(3, "a: longer than 1,048,576 characters") == long


def test_a_file_that_is_damaged_in_the_middle_is_a_broken_row_there(written):
    """What came before is used, and that there is no more is said."""
    text = [hashlib.sha256(bytes([number % 256])).hexdigest() + f"{number}" for number in range(3_000)]
    path = written({"a": text}, row_group_size=1_000, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[len(content) * 5 // 9 : len(content) * 6 // 9] = b"\0" * (len(content) * 6 // 9 - len(content) * 5 // 9)
    path.write_bytes(content)
    *rows, last = rows_of(path)
    assert [Row(number + 1, {"a": text[number]}) for number in range(len(rows))] == rows
    assert len(rows) >= 500
    assert isinstance(last, BrokenRow)
    assert (len(rows) + 1, True) == (last.line, last.problem.startswith("the file cannot be read any further"))


def test_the_position_reaches_the_size(written):
    """The progress bar must end at its end, also where there is nothing to do."""
    path = written({"a": range(2_000)})
    with ParquetRows(path) as rows:
        positions = [rows.position_bytes for _ in rows]
        assert (path.stat().st_size, rows.size_bytes) == (rows.size_bytes, positions[-1])
        assert sorted(positions) == positions
    with ParquetRows(written({"a": pa.array([], pa.int64())})) as rows:
        assert [] == list(rows)
        assert rows.size_bytes == rows.position_bytes


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a Parquet file: "), (b'{"intent": "x"}\n' * 9, "not a Parquet file: ")],
)
def test_what_only_claims_to_be_parquet_is_refused(tmp_path, content, words):
    """A renamed file is the commonest mistake."""
    (tmp_path / "m.parquet").write_bytes(content)
    with pytest.raises(UsageError, match=words):
        open_rows(tmp_path / "m.parquet")


def test_a_missing_file_and_a_folder_are_said_in_words(tmp_path):
    """Some programs write a folder of that name."""
    (tmp_path / "folder.parquet").mkdir()
    for name, words in (("none.parquet", "No such file"), ("folder.parquet", "Is a directory")):
        with pytest.raises(UsageError, match=rf"{name}: {words}"):
            open_rows(tmp_path / name)


def test_a_name_of_two_columns_is_refused(tmp_path):
    """Nobody could say which of the two decides."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(UsageError, match="more than one column 'a'"):
        open_rows(tmp_path / "m.parquet")


def test_a_mapped_column_must_be_in_the_file(written):
    """The file says what it has, so a typing error need not run for an hour."""
    with open_rows(written({"score": [0.5]})) as rows, pytest.raises(UsageError, match="did you mean 'score'"):
        ColumnMap({"response_confidence": "scor"}, columns=rows.columns, typed=rows.typed)


def test_without_the_library_it_is_said_what_to_install(written, monkeypatch):
    """It is an extra: most have no use for it."""
    path = written({"a": [1]})
    # What Python itself puts there for a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'oversightd\[parquet\]'"):
        open_rows(path)


def test_other_names_are_files_of_text(tmp_path):
    """One function opens them all."""
    (tmp_path / "m.csv").write_text("a\n1\n")
    with open_rows(tmp_path / "m.csv") as rows:
        assert isinstance(rows, RowFile)
        assert ("line", False, ("a",)) == (rows.unit, rows.typed, rows.columns)


def test_a_large_file_is_read_in_the_same_memory_as_a_small_one(written):
    """One group of rows may be the whole file, as many programs write it."""
    code = (
        "import sys; from pathlib import Path; from oversight.cli.parquet_rows import ParquetRows\n"
        "with ParquetRows(Path(sys.argv[1])) as rows: print(sum(1 for _ in rows))\n"
        "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    peaks_kb = []
    for count in (10_000, 200_000):
        text = [f"{number:064x}" for number in range(1_000)]
        path = written(
            {"a": text * (count // 1_000), "b": text * (count // 1_000)},
            name=f"{count}.parquet",
            row_group_size=count,
            use_dictionary=False,
            compression="none",
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        rows, peak_kb = map(int, done.stdout.split())
        assert count == rows
        peaks_kb.append(peak_kb)
    assert path.stat().st_size > 2 * LONGEST_GROWTH_KB * 1024 * 0.75
    assert peaks_kb[1] - peaks_kb[0] < LONGEST_GROWTH_KB
