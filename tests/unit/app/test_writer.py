"""Whose chains a replica writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.writer import EMBEDDED, make_writer, read_writer
from oversight.errors import KeyFileError
from oversight.settings import Settings

URL = "postgresql://u@127.0.0.1/d"


def test_the_embedded_store_has_one_writer_with_one_name(tmp_path: Path) -> None:
    """Its chains go on over every version of the server."""
    settings = Settings(data_dir=tmp_path)
    make_writer(settings)

    assert "local" == EMBEDDED == read_writer(settings)
    assert [] == list(tmp_path.iterdir())


def test_each_replica_of_a_shared_store_draws_a_name_once(tmp_path: Path) -> None:
    """Two that wrote one chain would hold each other up."""
    names = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        settings = Settings(data_dir=folder, store=URL)
        make_writer(settings)
        name = read_writer(settings)
        make_writer(settings)
        assert name == read_writer(settings)
        names.add(name)

    assert [32, 32] == [len(name) for name in names]


@pytest.mark.parametrize("text", ["", "local", "a" * 31, "G" * 32, "\xe9" * 32])
def test_a_name_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """A file that was cut off must not begin a chain under half a name."""
    (tmp_path / "writer").write_text(text, encoding="latin-1")

    with pytest.raises(KeyFileError, match="writer"):
        read_writer(Settings(data_dir=tmp_path, store=URL))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Before anything is answered."""
    with pytest.raises(KeyFileError, match="cannot be written: No such file"):
        make_writer(Settings(data_dir=tmp_path / "missing", store=URL))
