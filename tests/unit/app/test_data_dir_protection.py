"""Folders that are trusted like the program itself are closed to others before anything in them is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from oversight.app.data_dir import protect_folders
from oversight.errors import StartError


@pytest.mark.parametrize("name", ["run", "keys", "journal", "snapshots"])
def test_a_folder_that_others_could_write_to_is_closed(tmp_path: Path, name: str) -> None:
    """What stands in `run` is executed by the workers."""
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0o777)

    protect_folders(tmp_path)

    assert 0o700 == stat.S_IMODE((tmp_path / name).stat().st_mode)


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_data_folder_that_others_could_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """They could replace the folders in it."""
    tmp_path.chmod(mode)

    with pytest.raises(StartError, match=r"can be written to by other users; take that away \(chmod go-w\)"):
        protect_folders(tmp_path)


def test_a_link_in_place_of_what_is_executed_is_refused(tmp_path: Path) -> None:
    """It leads where somebody else decides."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StartError, match="run is a link; move it away"):
        protect_folders(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("name", ["", "run"])
def test_a_folder_of_another_user_is_refused(tmp_path: Path, name: str) -> None:
    """Its owner can put anything there at any time."""
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / name, 65534, 65534)

    with pytest.raises(StartError, match="belongs to another user"):
        protect_folders(tmp_path)
