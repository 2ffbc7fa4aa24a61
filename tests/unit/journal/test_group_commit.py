"""Group commit: who waits for the disk is told the truth about it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.memory_store import MemoryStore
from contract.samples import a_payload
from journal_fakes import IO_ERROR, Clock, FaultyFiles, Told, read_all, stored
from oversight.errors import RecordUnavailableError
from oversight.journal.drain import Drain
from oversight.journal.framing import OVERHEAD_BYTES
from oversight.journal.journal import Journal
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import segments
from serving import wait_until

MakeJournal = Callable[..., Journal]


class Counts:
    """What is counted of syncs."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.syncs = 0
        self.calls = 0

    def __call__(self, syncs: int, calls: int) -> None:
        """Count on."""
        self.syncs += syncs
        self.calls += calls


def test_nobody_waits_for_the_disk_unless_that_is_set(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """The default survives the process, not the kernel, and costs nothing."""
    journal = make_journal()

    assert not journal.syncs
    assert journal.append(b"a") is None
    assert journal.append_many([b"b", b"c"]) is None
    journal.close()
    assert "sync" not in " ".join(files.log)


def test_a_call_is_told_after_its_record_is_on_the_disk(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """That is the promise (P2)."""
    journal = make_journal(sync=True)
    files.disk_answers.clear()

    told = Told(journal.append(b"record"))

    assert files.disk_asked.acquire(timeout=10)
    assert not told.yet, "the disk has not answered"
    files.disk_answers.set()
    assert told.error is None
    assert ["write", "sync"] == [step for step in files.log if step in ("write", "sync")]


def test_a_new_segment_has_its_name_on_the_disk_first(
    make_journal: MakeJournal, root: Path, files: FaultyFiles
) -> None:
    """A file that no folder names is as lost as one that was never written; each folder was new once, too."""
    journal = make_journal(sync=True, segment_bytes=OVERHEAD_BYTES + 10)
    for number in range(3):
        assert Told(journal.append(b"record %d" % number)).error is None

    folders = ["sync worker-0", "sync journal", f"sync {root.parent.name}"]
    first, later = ["create", "write", *folders, "sync"], ["create", "write", "sync worker-0", "sync"]
    # A segment that is left is closed by the other thread, at any time.
    assert [*first, *later, *later] == [step for step in files.log if step != "close"]


def test_calls_that_come_during_a_sync_share_the_next(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """The disk is what is slow; a hundred callers need no hundred syncs."""
    counts = Counts()
    journal = make_journal(sync=True, count_sync=counts)
    files.disk_answers.clear()
    first = Told(journal.append(b"first"))
    assert files.disk_asked.acquire(timeout=10)
    others = [Told(journal.append(b"%d" % number)) for number in range(20)]
    files.disk_answers.set()

    assert [None] * 21 == [told.error for told in (first, *others)]

    wait_until(lambda: counts.calls == 21)
    assert 2 == counts.syncs
    assert 2 == files.log.count("sync")


def test_a_record_that_was_synced_with_another_needs_no_sync(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """What is on the disk already is not brought there again."""
    journal = make_journal(sync=True)
    first, second = journal.append(b"a"), journal.append(b"b")

    assert Told(first).error is None
    assert Told(second).error is None

    assert 1 == files.log.count("sync")


def test_a_segment_is_on_the_disk_before_it_is_left(make_journal: MakeJournal, files: FaultyFiles, root: Path) -> None:
    """Its last calls may still wait; and once it is closed the drain may take it away."""
    journal = make_journal(sync=True, segment_bytes=OVERHEAD_BYTES + 10)
    first = journal.append(b"first")
    second = journal.append(b"second")
    assert Told(second).error is None
    wait_until(lambda: "close" in files.log)

    assert files.log.index("sync") < files.log.index("close")
    assert Told(first).error is None, "it is told also when the segment is closed already"
    journal.close()
    assert [b"first", b"second"] == read_all(root / "worker-0")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"sync_error": IO_ERROR}, "does not reach the disk: Input/output error"),
        ({"sync_error": errno.ENOSPC}, "does not reach the disk: No space left on device"),
        ({"sync_folder_error": IO_ERROR}, "does not reach the disk: Input/output error"),
        ({"sync_breaks": ValueError("not a disk's error")}, "does not reach the disk: ValueError"),
    ],
)
def test_all_that_wait_for_a_sync_that_fails_are_told(
    make_journal: MakeJournal, files: FaultyFiles, fault: dict[str, object], words: str
) -> None:
    """None of them may be answered quietly, and the thread that tells them has to go on."""
    journal = make_journal(sync=True)
    vars(files).update(fault)

    waiting = [journal.append(b"%d" % number) for number in range(3)]
    errors = [Told(unsynced).error for unsynced in waiting]

    assert [True] * 3 == [error is not None and words in str(error) for error in errors]
    assert 3 == len({id(error) for error in errors}), "each has one of its own to raise"
    assert words in journal.problem
    vars(files).update(dict.fromkeys(fault, 0) | {"sync_breaks": None})
    assert Told(journal.append(b"after")).error is None
    assert "" == journal.problem


def test_a_segment_whose_sync_failed_is_not_trusted_again(
    make_journal: MakeJournal, files: FaultyFiles, root: Path
) -> None:
    """The kernel reports a failed write-back once: the next fdatasync would succeed over a hole."""
    journal = make_journal(sync=True)
    assert Told(journal.append(b"safe")).error is None
    files.sync_error = IO_ERROR
    lost, late = journal.append(b"lost"), journal.append(b"late")
    assert Told(lost).error is not None
    files.sync_error = 0

    assert Told(late).error is not None, "it is in the same segment"
    assert Told(journal.append(b"after")).error is None

    assert [b"safe", b"after"] == read_all(root / "worker-0")
    assert 2 == len(segments(root / "worker-0"))


def test_the_drain_bears_it_that_what_it_has_stored_is_cut_off(
    make_journal: MakeJournal, files: FaultyFiles, root: Path, drain: Drain, store: MemoryStore
) -> None:
    """It does not wait for the disk: the store may know of more than was answered, never of less."""
    journal = make_journal(sync=True)
    assert Told(journal.append(a_payload(1))).error is None
    files.disk_answers.clear()
    lost = Told(journal.append(a_payload(2)))
    assert files.disk_asked.acquire(timeout=10)
    drain.run_once()
    files.sync_error = IO_ERROR
    files.disk_answers.set()
    assert lost.error is not None
    files.sync_error = 0
    assert Told(journal.append(a_payload(3))).error is None
    journal.close()

    report = drain.run_once()

    assert 0 == report.torn_frames
    assert [1, 2, 3] == stored(store)
    assert [] == segments(root / "worker-0")


def test_a_segment_that_is_left_may_fail_as_well(make_journal: MakeJournal, files: FaultyFiles, root: Path) -> None:
    """Its calls wait for the same thread, and its descriptor is closed once."""
    journal = make_journal(sync=True, segment_bytes=OVERHEAD_BYTES + 10)
    files.disk_answers.clear()
    blocked = Told(journal.append(b"0"))
    assert files.disk_asked.acquire(timeout=10)
    left, current = journal.append(b"0123456789"), journal.append(b"9876543210")
    told = [Told(left), Told(current)]
    files.sync_error = files.truncate_error = IO_ERROR
    files.disk_answers.set()

    assert [False] * 3 == [one.error is None for one in (blocked, *told)]

    files.sync_error = files.truncate_error = 0
    assert Told(journal.append(b"after")).error is None
    journal.close()
    assert files.log.count("create") == files.log.count("close")
    with SegmentReader(segments(root / "worker-0")[-1], 0) as reader:
        assert [b"after"] == [entry.payload for entry in reader]


def test_a_call_that_cannot_be_told_costs_no_other(make_journal: MakeJournal, caplog: pytest.LogCaptureFixture) -> None:
    """One thread tells all of them."""
    journal = make_journal(sync=True)
    unsynced = journal.append(b"a")
    assert unsynced is not None

    def broken(_error: RecordUnavailableError | None) -> None:
        raise RuntimeError("broken")

    unsynced.when_synced(broken)

    assert Told(journal.append(b"b")).error is None
    assert "a call was not told" in caplog.text


def test_the_way_back_is_found_without_a_call(make_journal: MakeJournal, files: FaultyFiles, clock: Clock) -> None:
    """Whoever answers NOT_SERVING gets no calls that would show that all is well again."""
    journal = make_journal(sync=True)
    files.sync_error = IO_ERROR
    assert Told(journal.append(b"lost")).error is not None
    journal.tend()
    assert "Input/output error" in journal.problem
    files.sync_error = 0

    journal.tend()

    assert "" == journal.problem
    assert Told(journal.append(b"after")).error is None


def test_a_disk_that_does_not_answer_is_a_problem(make_journal: MakeJournal, files: FaultyFiles, clock: Clock) -> None:
    """A sync may hang for ever; nobody is told anything then, so somebody has to notice."""
    journal = make_journal(sync=True)
    files.disk_answers.clear()
    told = Told(journal.append(b"a"))
    assert files.disk_asked.acquire(timeout=10)
    assert "" == journal.problem
    clock.now_s += 6

    assert "the disk has not taken the journal's records for 6 s" == journal.problem
    journal.tend()  # which must not wait for the disk itself
    files.disk_answers.set()
    assert told.error is None
    wait_until(lambda: not journal.problem)


def test_a_journal_that_is_closed_has_told_everybody(make_journal: MakeJournal, files: FaultyFiles) -> None:
    """Calls that are under way at a stop get their answer."""
    journal = make_journal(sync=True)
    told = [Told(journal.append(b"%d" % number)) for number in range(5)]

    journal.close()

    assert [True] * 5 == [one.yet for one in told]
    assert [None] * 5 == [one.error for one in told]
    assert "close" == files.log[-1]
