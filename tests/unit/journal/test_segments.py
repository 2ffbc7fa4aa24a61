"""Segment files: names and locks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from oversight.journal.segments import OsFiles, is_closed, name_segment, segments, worker_folders


def test_only_folders_are_workers_and_only_segments_are_drained(tmp_path: Path) -> None:
    """Whatever else lies there is left alone."""
    for name in ("worker-1", "worker-0", "gone-for-good"):
        (tmp_path / name).mkdir()
    (tmp_path / "note.txt").touch()
    folder = tmp_path / "worker-0"
    for name in ("000000000002-b.journal", "000000000001-a.journal", "000000000003-c.torn", "position.json", "x.new"):
        (folder / name).touch()

    assert ["gone-for-good", "worker-0", "worker-1"] == [path.name for path in worker_folders(tmp_path)]
    assert ["000000000001-a.journal", "000000000002-b.journal"] == [path.name for path in segments(folder)]
    assert name_segment(folder).startswith("000000000004-")
    assert [] == worker_folders(tmp_path / "missing")


def test_a_segment_is_closed_when_its_writer_has_closed_it(tmp_path: Path) -> None:
    """Only then may the drain remove it."""
    files = OsFiles()
    writer = files.create(tmp_path / "1.journal")
    reader = os.open(tmp_path / "1.journal", os.O_RDONLY)
    try:
        assert not is_closed(reader)
        files.close(writer)
        assert is_closed(reader)
    finally:
        os.close(reader)


def test_a_segment_that_cannot_get_its_name_leaves_nothing_behind(tmp_path: Path) -> None:
    """A retry every call must not fill the folder with empty files."""
    (tmp_path / "1.journal").mkdir()

    with pytest.raises(IsADirectoryError) as caught:
        OsFiles().create(tmp_path / "1.journal")

    assert errno.EISDIR == caught.value.errno
    assert ["1.journal"] == [path.name for path in tmp_path.iterdir()]
