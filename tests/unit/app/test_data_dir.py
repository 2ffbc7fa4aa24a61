"""The data folder and its one user."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from oversight.app.data_dir import LOCK_NAME, DataDirLock, make_private_folder, mark_clock
from oversight.errors import DataDirInUseError, StartError


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Keys and records are in it."""
    make_private_folder(tmp_path / "a" / "data")

    assert 0o700 == stat.S_IMODE((tmp_path / "a" / "data").stat().st_mode)


def test_an_existing_folder_stays_as_its_owner_made_it(tmp_path: Path) -> None:
    """A group that may read backups is no business of ours."""
    tmp_path.chmod(0o750)

    make_private_folder(tmp_path)

    assert 0o750 == stat.S_IMODE(tmp_path.stat().st_mode)


def test_a_folder_that_cannot_be_made_is_said_with_the_setting(tmp_path: Path) -> None:
    """The path may be a typing error."""
    (tmp_path / "file").touch()

    with pytest.raises(StartError, match=r"file/data cannot be made: .*--data-dir \(OVERSIGHT_DATA_DIR\)"):
        make_private_folder(tmp_path / "file" / "data")


def test_the_second_user_learns_who_the_first_is(tmp_path: Path) -> None:
    """With the pid it can be stopped, with the address it can be used instead."""
    with DataDirLock(tmp_path, "127.0.0.1:50051"), pytest.raises(DataDirInUseError) as caught:
        DataDirLock(tmp_path, "127.0.0.1:50061")

    said = str(caught.value)
    assert f"the server with pid {os.getpid()} that listens on 127.0.0.1:50051" in said
    assert str(tmp_path) in said


def test_the_address_can_be_corrected(tmp_path: Path) -> None:
    """Port 0 becomes known only after the folder is ours."""
    with DataDirLock(tmp_path, "127.0.0.1:0") as lock:
        lock.write("127.0.0.1:41234")

        assert {"pid": os.getpid(), "listen": "127.0.0.1:41234"} == json.loads((tmp_path / LOCK_NAME).read_text())


def test_a_holder_that_has_not_yet_said_who_it_is_counts_too(tmp_path: Path) -> None:
    """Two starts in the same millisecond."""
    with DataDirLock(tmp_path, "127.0.0.1:50051"):
        (tmp_path / LOCK_NAME).write_text("")

        with pytest.raises(DataDirInUseError, match="another server that is just starting"):
            DataDirLock(tmp_path, "127.0.0.1:50051")


def test_a_released_folder_can_be_used_again(tmp_path: Path) -> None:
    """The file stays, the claim does not."""
    with DataDirLock(tmp_path, "127.0.0.1:50051"):
        pass

    with DataDirLock(tmp_path, "127.0.0.1:50061"):
        assert "127.0.0.1:50061" == json.loads((tmp_path / LOCK_NAME).read_text())["listen"]


def test_a_lock_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A read-only volume, for instance."""
    (tmp_path / LOCK_NAME).mkdir()

    with pytest.raises(StartError, match=r"serve\.lock cannot be written"):
        DataDirLock(tmp_path, "127.0.0.1:50051")


def test_a_folder_of_simulated_times_may_be_simulated_again(tmp_path: Path) -> None:
    """What stands in it was never real."""
    (tmp_path / "keys").mkdir()
    mark_clock(tmp_path, simulated=True)
    (tmp_path / "records.db").touch()
    mark_clock(tmp_path, simulated=True)


@pytest.mark.parametrize("name", ["records.db", "control.db", "journal"])
def test_what_is_on_record_by_the_machines_time_is_not_judged_by_another(tmp_path: Path, name: str) -> None:
    """Retention would remove it; also where it was simulated at first and real since."""
    mark_clock(tmp_path, simulated=True)
    (tmp_path / name).touch()
    mark_clock(tmp_path, simulated=False)
    with pytest.raises(StartError, match=rf"has records by the machine's time \({name}\), and simulated_clock"):
        mark_clock(tmp_path, simulated=True)
