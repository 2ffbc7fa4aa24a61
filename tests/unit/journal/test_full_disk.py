"""A journal on a disk that is really full."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from journal_fakes import Told, read_all
from oversight.errors import RecordUnavailableError
from oversight.journal.journal import Journal

SIZE_BYTES = 1 << 20
_MNT_DETACH = 2  # mount(2), umount2(2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of one MiB; the test is skipped where none can be mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "small"
    folder.mkdir()
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"size=%d" % SIZE_BYTES):
        reason = os.strerror(ctypes.get_errno())
        pytest.skip(f"no small file system could be mounted ({reason}): this needs root and CAP_SYS_ADMIN")
    yield folder
    assert 0 == libc.umount2(bytes(folder), _MNT_DETACH)


@pytest.mark.parametrize("sync", [False, True], ids=["os", "always"])
def test_on_a_full_disk_acknowledged_records_are_all_there(small_disk: Path, sync: bool) -> None:
    """What is refused is said to be, leaves nothing behind, and ends when there is room again (P5)."""
    journal = Journal(small_disk / "worker-0", segment_bytes=1 << 18, segment_age_s=60, max_bytes=1 << 30, sync=sync)
    filler = small_disk / "somebody else's"
    filler.write_bytes(bytes(SIZE_BYTES // 2))
    acknowledged: list[bytes] = []
    causes: set[str] = set()
    refused = 0

    def append(count: int) -> None:
        nonlocal refused
        for number in range(count):
            record = b"%6d" % number + bytes(994)
            try:
                unsynced = journal.append(record)
                assert unsynced is None or Told(unsynced).error is None
                acknowledged.append(record)
            except RecordUnavailableError as error:
                causes.add(error.metadata["cause"])
                refused += 1

    append(1_000)
    journal.tend()
    assert refused > 0
    assert causes <= {"ENOSPC", "SHORT_WRITE"}
    assert len(acknowledged) > 400
    assert "disk full" in journal.problem or "No space left on device" in journal.problem
    filler.unlink()
    journal.tend()
    assert "" == journal.problem
    refused = 0
    append(100)

    assert 0 == refused
    assert acknowledged == read_all(small_disk / "worker-0")
    journal.close()
