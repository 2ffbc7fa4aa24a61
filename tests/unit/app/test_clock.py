"""The clock of the processes, real or simulated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oversight.app.clock import now_us, read_simulated_us, use_simulated_clock
from oversight.errors import StartError

NOW_US = 1_767_571_200_000_000


@pytest.fixture(autouse=True)
def real_again() -> Iterator[None]:
    """No other test must live in simulated time."""
    yield
    use_simulated_clock(None)


def clock_file(folder: Path, at_us: int = NOW_US) -> Path:
    """Return a clock that shows *at_us*."""
    path = folder / "clock"
    path.write_bytes(at_us.to_bytes(8, "little", signed=True))
    return path


def test_without_a_setting_it_is_the_machines() -> None:
    """Records must not be dated by anything else."""
    before_us = time.time_ns() // 1_000

    assert before_us <= now_us() <= time.time_ns() // 1_000


def test_it_shows_what_is_written_in_place_at_once(tmp_path: Path) -> None:
    """One write sets the clock of every process that has the file mapped."""
    path = clock_file(tmp_path)
    use_simulated_clock(path)
    assert NOW_US == now_us()

    with path.open("r+b") as file:
        file.write((NOW_US + 1).to_bytes(8, "little", signed=True))

    assert NOW_US + 1 == now_us()
    assert NOW_US + 1 == read_simulated_us(path)


@pytest.mark.parametrize("content", [None, b"", b"1234567", b"123456789"])
def test_a_file_that_is_no_clock_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A server that dated its records by chance bytes would be found out too late."""
    path = tmp_path / "clock"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(StartError, match=r"the simulated clock .*/clock \(setting simulated_clock\)"):
        use_simulated_clock(path)

    assert read_simulated_us(path) is None
