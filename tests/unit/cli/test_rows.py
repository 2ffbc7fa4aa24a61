"""Rows of a file, whatever is wrong with some of them."""

import gzip

import pytest

from oversight.cli.rows import MAX_LINE_CHARS, BrokenRow, Row, RowFile
from oversight.errors import UsageError


def rows_of(path):
    """Return every row of the file."""
    with RowFile(path) as rows:
        return list(rows)


@pytest.fixture
def written(tmp_path):
    """Write a file of a name and bytes."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_json_lines_come_with_their_line_numbers(written):
    """A blank line is no row, and counts as a line all the same."""
    path = written("m.jsonl", '{"a": 1}\n\n{"a": null}')
    assert [Row(1, {"a": 1}), Row(3, {"a": None})] == rows_of(path)


def test_gzip_is_unpacked_on_the_way(written):
    """Replay files are large; nobody should have to unpack them."""
    assert [Row(1, {"a": 1})] == rows_of(written("m.jsonl.gz", gzip.compress(b'{"a": 1}\n')))


def test_csv_values_are_text_by_column(written):
    """What a cell means is the field's business, not the file's."""
    path = written("m.CSV", '\ufeffa, b\r\n1,\r\n\r\n"x\ny",2\r\n')
    assert [Row(2, {"a": "1", "b": ""}), Row(4, {"a": "x\ny", "b": "2"})] == rows_of(path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{nope", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "' + b"x" * (2 * MAX_LINE_CHARS) + b'"}', "longer than 1,048,576 characters"),
    ],
    ids=["syntax", "no object", "too deep", "not utf-8", "too long"],
)
def test_a_broken_line_costs_only_itself(written, line, problem):
    """Row 2 of 11,680 must not end the run, and must be found again."""
    first, broken, last = rows_of(written("m.jsonl", b'{"a": 1}\n' + line + b'\n{"a": 3}\n'))
    assert (Row(1, {"a": 1}), Row(3, {"a": 3})) == (first, last)
    assert isinstance(broken, BrokenRow)
    assert broken.line == 2
    assert broken.problem.startswith(problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"1,2,3", "3 values for 2 columns"),
        (b"1", "1 values for 2 columns"),
        (b'"1"x,2', "not CSV"),
        (b"\xff,2", "not UTF-8"),
        (b"x" * (MAX_LINE_CHARS + 1), "longer than"),
        (b"x" * 200_000 + b",1", "not CSV: field larger than field limit"),
    ],
    ids=["too many", "too few", "quotes", "not utf-8", "too long", "large cell"],
)
def test_a_broken_csv_line_costs_only_itself(written, line, problem):
    """CSV from spreadsheets is broken in ways of its own."""
    first, broken, last = rows_of(written("m.csv", b"a,b\n1,2\n" + line + b"\n5,6\n"))
    assert (Row(2, {"a": "1", "b": "2"}), Row(4, {"a": "5", "b": "6"})) == (first, last)
    assert isinstance(broken, BrokenRow)
    assert broken.line == 3
    assert broken.problem.startswith(problem)


def test_a_gzip_that_ends_early_is_a_broken_row_at_its_end(written):
    """A truncated download must be noticed, and what it has must be used."""
    whole = gzip.compress(b"".join(b'{"a": %d, "b": "%d"}\n' % (i, i * 7919) for i in range(5_000)))
    *rows, last = rows_of(written("m.jsonl.gz", whole[: len(whole) // 2]))
    assert len(rows) > 100
    assert isinstance(last, BrokenRow)
    assert last.problem.startswith("the file cannot be read any further")


def test_what_only_claims_to_be_gzip_is_a_broken_row(written):
    """A renamed file is the commonest mistake."""
    [row] = rows_of(written("m.jsonl.gz", '{"a": 1}\n'))
    assert isinstance(row, BrokenRow)
    assert "Not a gzipped file" in row.problem


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.parquet", b"", "expected a name ending in .jsonl"),
        ("m", b"", "expected a name ending in .jsonl"),
        ("m.gz", b"", "expected a name ending in .jsonl"),
        ("m.csv", b"a,b,a\n", "the header names 'a' more than once"),
        ("m.csv", b"\xff,b\n", "the header is not UTF-8"),
        ("m.csv", b'"a"x\n', "the header cannot be read"),
        ("m.csv.gz", b"a,b\n", "the header cannot be read: Not a gzipped file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_anything_is_decided(written, name, content, words):
    """No half of a file is replayed under wrong columns."""
    with pytest.raises(UsageError, match=words):
        RowFile(written(name, content))


def test_a_missing_file_and_a_folder_are_said_in_words(tmp_path):
    """The path as typed is in the message."""
    (tmp_path / "folder.csv").mkdir()
    for name, words in (("none.csv", "No such file"), ("folder.csv", "Is a directory")):
        with pytest.raises(UsageError, match=words):
            RowFile(tmp_path / name)


def test_an_empty_file_has_no_rows(written):
    """Empty is not an error of reading; that nothing was decided is said elsewhere."""
    assert ([], []) == (rows_of(written("m.csv", "")), rows_of(written("m.jsonl", "")))


def test_the_position_reaches_the_size(written):
    """The progress bar of a zipped file must end at its end."""
    path = written("m.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000))
    with RowFile(path) as rows:
        assert len(list(rows)) == 1000
        assert path.stat().st_size == rows.size_bytes == rows.position_bytes
