"""The position file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oversight.journal.position import FILE_NAME, Position, read_positions, write_positions

POSITIONS = {"000000000001-aa.journal": Position(120, 1), "000000000002-bb.journal": Position(7)}


def test_positions_are_read_back(tmp_path: Path) -> None:
    """A restart goes on where the drain was."""
    write_positions(tmp_path, {"old.journal": Position(1)})
    write_positions(tmp_path, POSITIONS)

    assert POSITIONS == read_positions(tmp_path)
    assert [FILE_NAME] == [path.name for path in tmp_path.iterdir()]
    assert 1 == json.loads((tmp_path / FILE_NAME).read_bytes())["v"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 40, b"{", b"[]", b"{}", b'"x"', b'{"v":1,"segments":{"a":[1,2,3]},"crc32c":0}'],
)
def test_a_file_that_does_not_read_means_from_the_start(tmp_path: Path, content: bytes) -> None:
    """Repeating is harmless, skipping is not."""
    (tmp_path / FILE_NAME).write_bytes(content)

    assert {} == read_positions(tmp_path)


def test_a_missing_file_means_from_the_start(tmp_path: Path) -> None:
    """So does a new folder."""
    assert {} == read_positions(tmp_path)


def test_an_altered_number_is_noticed(tmp_path: Path) -> None:
    """A position too far ahead would skip records that were acknowledged."""
    write_positions(tmp_path, POSITIONS)
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content.replace(b"[120,", b"[920,"))

    assert {} == read_positions(tmp_path)
