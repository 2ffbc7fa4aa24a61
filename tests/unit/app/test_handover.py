"""Files that processes hand to each other."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from oversight.app.handover import (
    clear_run,
    file_stamp,
    read_drained_us,
    run_folder,
    write_drained_us,
    write_file,
)


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path) -> None:
    """Workers read while the controller writes, many times a second."""
    path = tmp_path / "file"
    contents = {bytes([letter]) * 100_000 for letter in b"ab"}
    write_file(path, min(contents))
    done = threading.Event()

    def write() -> None:
        for _ in range(150):
            for content in contents:
                write_file(path, content)
        done.set()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    for thread in threads:
        thread.join()

    assert seen <= contents
    assert [path] == list(tmp_path.iterdir()), "nothing half-written is left behind"


@pytest.mark.parametrize("durable", [True, False])
def test_files_are_for_their_owner_alone(tmp_path: Path, durable: bool) -> None:
    """Workers execute what is in one of them."""
    write_file(tmp_path / "file", b"x", durable=durable)

    assert (b"x", 0o600) == ((tmp_path / "file").read_bytes(), stat.S_IMODE((tmp_path / "file").stat().st_mode))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """A full disk must not take away what was in force."""
    target = tmp_path / "folder"
    target.mkdir()

    with pytest.raises(OSError, match="Is a directory"):
        write_file(target, b"x")

    assert [target] == list(tmp_path.iterdir())


def test_a_new_run_removes_what_an_earlier_one_said_and_nothing_else(tmp_path: Path) -> None:
    """A heartbeat of yesterday must not look like one; what others put there is theirs."""
    clear_run(tmp_path)
    run = run_folder(tmp_path)
    assert 0o700 == stat.S_IMODE(run.stat().st_mode)
    ours = [
        "snapshot.bin",
        "controller.json",
        "keeper.json",
        "supervisor.json",
        "worker-0.0.json",
        "worker-17.2.json",
        "drained.json",
    ]
    for name in (*ours, "snapshot.bin.12.34.partial", "stops.json"):
        (run / name).touch()

    clear_run(tmp_path)

    assert ["stops.json"] == [path.name for path in run.iterdir()]


def test_a_replaced_file_has_another_stamp(tmp_path: Path) -> None:
    """One look at the folder's entry tells whether to read."""
    path = tmp_path / "file"
    assert file_stamp(path) is None
    write_file(path, b"x")
    first = file_stamp(path)

    write_file(path, b"x")

    assert first is not None
    assert first != file_stamp(path)
    assert file_stamp(path) == file_stamp(path)


def test_the_drains_mark_comes_across(tmp_path: Path) -> None:
    """It is what lets a read say NOT_FOUND."""
    write_drained_us(tmp_path, 1_800_000_000_000_000)

    assert 1_800_000_000_000_000 == read_drained_us(tmp_path, lambda: 1_800_000_000_000_000)


def test_a_mark_that_lies_ahead_says_nothing(tmp_path: Path) -> None:
    """The clock was set back: what is decided now lies before the mark, and is not in the store yet all the same."""
    write_drained_us(tmp_path, 1_800_000_000_000_001)

    assert 0 == read_drained_us(tmp_path, lambda: 1_800_000_000_000_000)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"drained_through_us": null}'])
def test_without_a_readable_mark_nothing_is_known_to_be_stored(tmp_path: Path, text: str | None) -> None:
    """Then a read says: perhaps later."""
    if text is not None:
        (tmp_path / "drained.json").write_text(text)

    assert 0 == read_drained_us(tmp_path)
