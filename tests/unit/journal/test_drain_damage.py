"""The drain before bytes that are no record: torn, forged, of another version, or gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contract.memory_store import MemoryStore
from contract.samples import COUNT, DECODE, NOW_US, a_payload, a_request
from journal_fakes import IO_ERROR, Clock, FaultyFiles, damage, files_in, stored
from oversight.errors import JournalFormatError, JournalUnreadableError, RecordUnavailableError, StoreUnavailableError
from oversight.journal.drain import Drain, DrainReport
from oversight.journal.framing import frame
from oversight.journal.journal import Journal
from oversight.journal.segments import segments

MakeJournal = Callable[..., Journal]
SIZE = len(frame(a_payload(1)))


def test_a_torn_tail_is_reported_and_kept_aside(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore, files: FaultyFiles
) -> None:
    """Bytes that nobody can read are not ours to delete."""
    journal = make_journal()
    journal.append(a_payload(1))
    journal.close()
    (path,) = segments(root / "worker-0")
    content = path.read_bytes() + frame(a_payload(2))[:-1]
    path.write_bytes(content)

    assert DrainReport(decisions=1, torn_frames=1, watermark_us=NOW_US) == drain.run_once()

    assert [1] == stored(store)
    assert [".json", ".torn"] == files_in(root / "worker-0")
    assert content == path.with_suffix(".torn").read_bytes()
    assert DrainReport(watermark_us=NOW_US) == drain.run_once(), "reported once"


def test_damage_in_a_growing_segment_is_remembered_until_it_closes(
    root: Path, make_journal: MakeJournal, store: MemoryStore, clock: Clock
) -> None:
    """The segment must be kept aside even if the drain restarts in between."""
    journal = make_journal()
    for number in range(1, 4):
        journal.append(a_payload(number))
    damage(segments(root / "worker-0")[0], SIZE + 100)
    expected = DrainReport(decisions=2, torn_frames=1, watermark_us=NOW_US)
    assert expected == Drain(root, store, decode=DECODE, count=COUNT, clock=clock).run_once()

    journal.append(a_payload(4))
    journal.close()
    report = Drain(root, store, decode=DECODE, count=COUNT, clock=clock).run_once()

    assert DrainReport(decisions=1, watermark_us=NOW_US) == report
    assert [1, 3, 4] == stored(store)
    assert [".json", ".torn"] == files_in(root / "worker-0")


def test_damage_is_not_forgotten_when_the_store_fails_right_after(
    root: Path, make_journal: MakeJournal, store: MemoryStore, clock: Clock
) -> None:
    """Else the segment would be removed as if nothing were wrong with it."""
    journal = make_journal()
    for number in range(1, 6):
        journal.append(a_payload(number))
    journal.close()
    damage(segments(root / "worker-0")[0], 100)

    class FailsLater(MemoryStore):
        def add(self, decisions, outcomes):  # type: ignore[no-untyped-def]  # as MemoryStore's
            self.down = len(self.batches) == 1
            return super().add(decisions, outcomes)

    with pytest.raises(StoreUnavailableError):
        Drain(root, FailsLater(), decode=DECODE, count=COUNT, batch_records=2, clock=clock).run_once()
    Drain(root, store, decode=DECODE, count=COUNT, batch_records=2, clock=clock).run_once()

    assert [4, 5] == stored(store)
    assert [".json", ".torn"] == files_in(root / "worker-0")


def test_a_suspect_tail_of_a_growing_segment_holds_the_watermark_back(
    root: Path, make_journal: MakeJournal, drain: Drain, clock: Clock
) -> None:
    """As long as it may be an acknowledged record, nobody may be told that it does not exist."""
    journal = make_journal()
    journal.append(a_payload(1))
    drain.run_once()
    journal.append(a_payload(2))
    damage(segments(root / "worker-0")[0], SIZE + 100)
    clock.now_s += 1

    assert DrainReport(watermark_us=NOW_US) == drain.run_once()


def test_a_record_of_a_newer_version_stops_its_worker_only_and_nothing_is_lost(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore, clock: Clock
) -> None:
    """After a rollback of the software; the records wait for the version that can read them."""
    journal = make_journal("worker-0")
    journal.append(a_payload(1))
    journal.append(b"\x1a\x02\x0a\x00")  # a kind of record that this version does not know
    journal.append(a_payload(2))
    make_journal("worker-1").append(a_payload(3))
    clock.now_s += 1
    for _ in range(2):
        with pytest.raises(
            JournalFormatError,
            match=rf"{segments(root / 'worker-0')[0]}, before byte \d+: .* start the version of the server",
        ):
            drain.run_once()

    assert [1, 3] == stored(store)
    assert 1 == len(segments(root / "worker-0"))
    assert 2 == drain.pending().records
    assert drain.pending().oldest_us is None


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_drained(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """One bad sector must not stop every worker's records."""
    make_journal("worker-1").append(a_payload(1))
    (root / "worker-0" / "000000000001-a.journal").mkdir(parents=True)

    with pytest.raises(JournalUnreadableError, match=r"worker-0/000000000001-a\.journal: Is a directory; see to it"):
        drain.run_once()

    assert [1] == stored(store)


class DrainedWhileShort(FaultyFiles):
    """A disk that is full nine tenths into a write, and a drain that looks at just that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.look: Callable[[], object] | None = None

    def write(self, descriptor: int, data: bytes) -> int:
        """Write most of *data* and drain, or write all of it."""
        if self.look is None:
            return super().write(descriptor, data)
        written = super().write(descriptor, data[: len(data) * 9 // 10])
        self.look()
        return written


def test_a_refused_batch_leaves_nothing_and_costs_nothing(root: Path, drain: Drain, store: MemoryStore) -> None:
    """Its first records were whole on the disk when the drain looked; nobody was ever told of them."""
    files = DrainedWhileShort()
    journal = Journal(root / "worker-0", segment_bytes=1 << 20, segment_age_s=60, max_bytes=1 << 30, files=files)
    journal.append(a_payload(1))
    files.look = drain.run_once

    with pytest.raises(RecordUnavailableError):
        journal.append_many([a_payload(number) for number in range(100, 105)])

    files.look = None
    for number in range(2, 9):
        journal.append(a_payload(number))
    drain.run_once()
    journal.close()
    drain.run_once()
    assert list(range(1, 9)) == stored(store)
    assert [] == segments(root / "worker-0")


def test_bytes_of_a_caller_that_look_like_a_frame_hold_nobody_up(
    root: Path, make_journal: MakeJournal, files: FaultyFiles, drain: Drain, store: MemoryStore
) -> None:
    """32 bytes are enough for one: what they hold must neither pass for a record nor stop those behind it."""
    forged = frame(b"\xff" * 16)
    assert 32 == len(forged)
    journal = make_journal()
    journal.append(a_payload(1))
    files.short_by, files.truncate_error = 3, IO_ERROR
    with pytest.raises(RecordUnavailableError):
        journal.append(a_payload(2, a_request(2, draft_sha256=forged.hex())))
    files.short_by, files.truncate_error = None, 0
    journal.append(a_payload(3))
    journal.close()

    report = drain.run_once()

    assert [1, 3] == stored(store)
    assert report.torn_frames > 0
    assert [".torn"] == [path.suffix for path in (root / "worker-0").iterdir() if path.suffix != ".json"]
