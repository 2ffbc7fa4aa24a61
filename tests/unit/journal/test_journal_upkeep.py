"""What a journal does for itself: closing what is old, and finding out whether it can record again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.samples import a_payload
from journal_fakes import DISK_FULL, IO_ERROR, Clock, FaultyFiles, read_all
from oversight.errors import RecordUnavailableError
from oversight.journal.drain import Drain
from oversight.journal.framing import OVERHEAD_BYTES
from oversight.journal.journal import Journal
from oversight.journal.segments import is_closed, segments

MakeJournal = Callable[..., Journal]


def is_free(path: Path) -> bool:
    """Return whether the drain may remove a segment."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return is_closed(descriptor)
    finally:
        os.close(descriptor)


def test_a_full_journal_is_closed_so_that_the_drain_can_make_room(
    root: Path, make_journal: MakeJournal, clock: Clock, drain: Drain
) -> None:
    """A segment that may grow is never removed: without this the worker would refuse until the segment is old."""
    journal = make_journal(segment_bytes=4_000, max_bytes=4_000)
    payload = a_payload(1)
    journal.append(payload)
    with pytest.raises(RecordUnavailableError, match="journal_max_bytes"):
        journal.append(b"x" * 3_900)
    drain.run_once()
    assert [] == segments(root / "worker-0")
    clock.now_s += 0.25

    journal.append(b"x" * 3_900)

    assert [b"x" * 3_900] == read_all(root / "worker-0")


def test_an_old_segment_is_closed_without_another_record(root: Path, make_journal: MakeJournal, clock: Clock) -> None:
    """At night nobody calls, and what the drain has stored must not lie in a file until the morning."""
    journal = make_journal(segment_age_s=60)
    journal.tend()
    journal.append(b"a")
    journal.tend()
    assert not is_free(segments(root / "worker-0")[0])
    clock.now_s += 60
    journal.tend()

    assert is_free(segments(root / "worker-0")[0])
    journal.close()
    journal.tend()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"short_by": 3}, "is the disk full"),
        ({"write_error": DISK_FULL}, "No space left on device"),
        ({"write_error": IO_ERROR}, "Input/output error"),
        ({"create_error": DISK_FULL}, "No space left on device"),
    ],
)
def test_what_keeps_records_from_being_written_is_known_until_it_is_over(
    root: Path, make_journal: MakeJournal, files: FaultyFiles, fault: dict[str, int], words: str
) -> None:
    """Health and status follow it, and must find the way back while no call comes."""
    journal = make_journal()
    assert "" == journal.problem
    vars(files).update(fault)
    with pytest.raises(RecordUnavailableError):
        journal.append(b"lost")
    assert words in journal.problem
    journal.tend()
    assert words in journal.problem

    files.short_by, files.write_error, files.create_error = None, 0, 0
    journal.tend()

    assert "" == journal.problem
    journal.append(b"after")
    assert [b"after"] == read_all(root / "worker-0")
    assert [] == [path for path in (root / "worker-0").iterdir() if path.suffix != ".journal"]


def test_a_record_that_is_written_ends_the_problem(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """Nothing needs to be tried where calls do."""
    journal = make_journal()
    files.write_error = IO_ERROR
    with pytest.raises(RecordUnavailableError):
        journal.append(b"lost")
    files.write_error = 0

    journal.append(b"written")

    assert "" == journal.problem


def test_a_try_is_as_large_as_what_failed(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """The rest of a block is no room for a record."""
    journal = make_journal()
    files.short_by = 3
    with pytest.raises(RecordUnavailableError):
        journal.append(b"x" * 9_000)
    files.short_by = None
    files.writes.clear()

    journal.tend()

    assert [9_000 + OVERHEAD_BYTES] == files.writes


def test_a_journal_can_be_checked_before_the_first_record(
    root: Path, make_journal: MakeJournal, files: FaultyFiles
) -> None:
    """A worker that is not to serve without records must know at its start."""
    journal = make_journal()
    files.write_error = DISK_FULL
    journal.check()
    assert "No space left on device" in journal.problem
    files.write_error = 0
    journal.check()

    assert "" == journal.problem
    assert [] == list((root / "worker-0").iterdir())


def test_the_limit_is_a_problem_until_the_drain_has_made_room(
    root: Path, make_journal: MakeJournal, clock: Clock
) -> None:
    """The disk is well then; what is missing is the store."""
    journal = make_journal(segment_bytes=10_000, max_bytes=10_000)
    journal.append(b"x" * 9_000)
    with pytest.raises(RecordUnavailableError, match="journal_max_bytes"):
        journal.append(b"x" * 9_000)
    clock.now_s += 1
    journal.tend()
    assert "journal_max_bytes" in journal.problem
    segments(root / "worker-0")[0].unlink()
    clock.now_s += 1

    journal.tend()

    assert "" == journal.problem
