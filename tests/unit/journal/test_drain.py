"""The drain: everything once, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.memory_store import DiedError, MemoryStore
from contract.samples import COUNT, DECODE, NOW_US, a_payload, an_id, an_outcome, an_outcome_payload
from journal_fakes import Clock, files_in, stored
from oversight.errors import StoreUnavailableError
from oversight.journal.drain import Drain, DrainReport, Pending
from oversight.journal.framing import frame
from oversight.journal.journal import Journal
from oversight.journal.position import FILE_NAME
from oversight.journal.segments import segments
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url

MakeJournal = Callable[..., Journal]
SIZE = len(frame(a_payload(1)))


def test_what_was_appended_is_in_the_store(make_journal: MakeJournal, drain: Drain, store: MemoryStore) -> None:
    """Of every worker, decisions and outcomes, in batches."""
    first, second = make_journal("worker-0"), make_journal("worker-1")
    for number in range(1, 5):
        first.append(a_payload(number))
    second.append(a_payload(9))
    second.append(an_outcome_payload(an_outcome(9)))
    second.append(an_outcome_payload(an_outcome(9)))
    second.append(an_outcome_payload(an_outcome(9, verdict=4)))

    report = drain.run_once()

    assert DrainReport(decisions=5, outcomes=1, conflicts=1, duplicates=1, watermark_us=NOW_US) == report
    assert [1, 2, 3, 4, 9] == stored(store)
    assert 3 == max(store.batches)


def test_nothing_there_is_drained_in_no_time(root: Path, drain: Drain, store: MemoryStore) -> None:
    """A new server has no journals yet, and an idle one does not disturb the store."""
    assert DrainReport(watermark_us=NOW_US) == drain.run_once()
    assert (Pending(), []) == (drain.pending(), store.batches)
    assert not root.exists()


def test_a_growing_segment_is_drained_from_where_the_last_pass_ended(
    make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """Reading it from the start each time would cost more with each record."""
    journal = make_journal()
    for number in range(1, 4):
        journal.append(a_payload(number))
        assert DrainReport(decisions=1, watermark_us=NOW_US) == drain.run_once()

    assert [1, 2, 3] == stored(store)


def test_a_segment_is_removed_when_it_is_drained_and_closed(
    root: Path, make_journal: MakeJournal, drain: Drain
) -> None:
    """Neither before (it may grow) nor never (the disk fills)."""
    journal = make_journal()
    journal.append(a_payload(1))
    drain.run_once()
    assert [".journal", ".json"] == files_in(root / "worker-0")

    journal.close()
    drain.run_once()

    assert [".json"] == files_in(root / "worker-0")


def test_full_segments_are_removed_while_the_worker_goes_on(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """Only the one being written stays."""
    journal = make_journal(segment_bytes=2 * SIZE + 10)
    for number in range(1, 8):
        journal.append(a_payload(number))
    assert 4 == len(segments(root / "worker-0"))

    drain.run_once()

    assert 1 == len(segments(root / "worker-0"))
    journal.append(a_payload(8))
    drain.run_once()
    assert list(range(1, 9)) == stored(store)


DYING_WORKER = """
import os, signal, sys
from pathlib import Path
from contract.samples import a_payload
from oversight.journal.journal import Journal
journal = Journal(Path(sys.argv[1]), segment_bytes=1 << 20, segment_age_s=60, max_bytes=1 << 30)
for number in range(1, 6):
    journal.append(a_payload(number))
print("acknowledged", flush=True)
signal.pause()
"""


def test_the_journal_of_a_worker_killed_and_gone_for_good_is_drained_and_removed(
    root: Path, drain: Drain, store: MemoryStore
) -> None:
    """`--workers` may be fewer at the next start (P7), and a kill must lose nothing (P1)."""
    root.mkdir()
    tests = str(Path(__file__).parents[2])
    worker = subprocess.Popen(
        [sys.executable, "-c", DYING_WORKER, str(root / "worker-7")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": tests},
    )
    with worker:
        assert worker.stdout is not None
        assert "acknowledged" == worker.stdout.readline().strip()
        drain.run_once()
        assert 1 == len(segments(root / "worker-7")), "its worker lives"
        worker.send_signal(signal.SIGKILL)

    drain.run_once()

    assert [1, 2, 3, 4, 5] == stored(store)
    assert [] == segments(root / "worker-7")


def test_dying_between_commit_and_removal_repeats_harmlessly(
    tmp_path: Path, root: Path, make_journal: MakeJournal
) -> None:
    """Nothing is recorded twice (P4), in the store that ships."""
    journal = make_journal()
    for number in range(1, 8):
        journal.append(a_payload(number))
    journal.append(an_outcome_payload(an_outcome(1)))
    journal.close()
    sql = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")

    class DiesAfterCommit:
        def add(self, *records: object) -> object:
            sql.add(*records)  # type: ignore[arg-type]  # handed on as they are
            raise DiedError

    for _ in range(2):
        with pytest.raises(DiedError):
            Drain(root, DiesAfterCommit(), decode=DECODE, count=COUNT, batch_records=3).run_once()  # type: ignore[arg-type]  # never returns

    report = Drain(root, sql, decode=DECODE, count=COUNT, batch_records=3).run_once()
    found = [sql.find_decision(an_id(number)) for number in range(1, 8)]
    sql.close()

    assert (4, 1, 3, 0) == (report.decisions, report.outcomes, report.duplicates, report.conflicts)
    assert [1, 0, 0, 0, 0, 0, 0] == [len(one.outcomes) if one else -1 for one in found]
    assert [] == segments(root / "worker-0")


def test_dying_before_the_segment_is_removed_repeats_harmlessly(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """The position file may be older than the store by any number of batches."""
    journal = make_journal()
    for number in range(1, 8):
        journal.append(a_payload(number))
    store.dies = True
    with pytest.raises(DiedError):
        drain.run_once()
    store.dies = False

    assert DrainReport(decisions=4, duplicates=3, watermark_us=NOW_US) == drain.run_once()
    assert [1, 2, 3, 4, 5, 6, 7] == stored(store)


def test_while_the_store_is_down_nothing_is_lost_and_then_everything_arrives_once(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore, clock: Clock
) -> None:
    """Deciding goes on without the store (P3)."""
    journal = make_journal(segment_bytes=2 * SIZE + 10)
    journal.append(a_payload(1))
    drain.run_once()
    store.down = True
    for number in range(2, 7):
        journal.append(a_payload(number))
        with pytest.raises(StoreUnavailableError):
            drain.run_once()
    assert Pending(5, 5 * SIZE, NOW_US + 2) == drain.pending()
    store.down = False
    clock.now_s += 1

    assert DrainReport(decisions=5, watermark_us=NOW_US + 1_000_000) == drain.run_once()
    assert [1, 2, 3, 4, 5, 6] == stored(store)
    assert Pending() == drain.pending()


def test_what_a_pass_did_before_it_failed_is_in_the_next_report(
    make_journal: MakeJournal, root: Path, clock: Clock
) -> None:
    """Counters must add up whatever happens."""

    class FailsOnce(MemoryStore):
        def add(self, decisions, outcomes):  # type: ignore[no-untyped-def]  # as MemoryStore's
            self.down = len(self.batches) == 1 and not self.down
            return super().add(decisions, outcomes)

    store = FailsOnce()
    journal = make_journal()
    for number in range(1, 6):
        journal.append(a_payload(number))
    drain = Drain(root, store, decode=DECODE, count=COUNT, batch_records=3, clock=clock)
    with pytest.raises(StoreUnavailableError):
        drain.run_once()

    assert DrainReport(decisions=5, watermark_us=NOW_US) == drain.run_once()


def test_the_watermark_is_from_before_the_first_look(make_journal: MakeJournal, root: Path) -> None:
    """What is appended while the drain reads may be missed; nobody must then conclude that it does not exist."""
    times = iter([1.0, 2.0, 3.0])
    store = MemoryStore()
    drain = Drain(root, store, decode=DECODE, count=COUNT, clock=lambda: next(times))

    assert [1_000_000, 2_000_000] == [drain.run_once().watermark_us, drain.run_once().watermark_us]


@pytest.mark.parametrize("broken", ["missing", "garbage", "too far"])
def test_without_a_position_file_everything_is_drained_again(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore, clock: Clock, broken: str
) -> None:
    """It only saves work; the keys in the store make repeats harmless."""
    journal = make_journal()
    for number in range(1, 5):
        journal.append(a_payload(number))
    drain.run_once()
    journal.append(a_payload(5))
    file = root / "worker-0" / FILE_NAME
    if broken == "missing":
        file.unlink()
    else:
        file.write_bytes(b"\0" * 60 if broken == "garbage" else file.read_bytes().replace(b"[", b"[9"))

    restarted = Drain(root, store, decode=DECODE, count=COUNT, clock=clock)

    assert DrainReport(decisions=1, duplicates=4, watermark_us=NOW_US) == restarted.run_once()


def test_with_its_position_file_a_restart_repeats_nothing(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore, clock: Clock
) -> None:
    """Restarts are cheap."""
    journal = make_journal()
    journal.append(a_payload(1))
    drain.run_once()
    journal.append(a_payload(2))

    assert (
        DrainReport(decisions=1, watermark_us=NOW_US)
        == Drain(root, store, decode=DECODE, count=COUNT, clock=clock).run_once()
    )


def test_a_position_file_that_cannot_be_written_keeps_no_record_from_the_store(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """On a full disk above all, the drain must go on: it makes room."""
    journal = make_journal()
    (root / "worker-0" / f"{FILE_NAME}.new").mkdir(parents=True)
    for number in (1, 2):
        journal.append(a_payload(number))
        assert 1 == drain.run_once().decisions

    assert [1, 2] == stored(store)


def test_two_processes_in_one_folder_are_both_drained(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """A restarted worker may overlap its predecessor for a moment: a newer segment closes no older one."""
    older, newer = make_journal("worker-0"), make_journal("worker-0")
    older.append(a_payload(1))
    newer.append(a_payload(2))
    drain.run_once()
    older.append(a_payload(3))
    newer.append(a_payload(4))

    assert DrainReport(decisions=2, watermark_us=NOW_US) == drain.run_once()
    assert [1, 2, 3, 4] == stored(store)


def test_pending_counts_what_is_behind_the_position(
    root: Path, make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """How blind we are, told in records, bytes and age (P8)."""
    first, second = make_journal("worker-0", segment_bytes=2 * SIZE + 10), make_journal("worker-1")
    for number in (3, 4, 5):
        first.append(a_payload(number))
    second.append(a_payload(2))
    assert Pending(4, 4 * SIZE, NOW_US + 2) == drain.pending()
    first.append(a_payload(6))
    assert Pending(5, 5 * SIZE, NOW_US + 2) == drain.pending()

    store.dies = True
    with pytest.raises(DiedError):
        drain.run_once()
    store.dies = False
    drain.run_once()

    assert Pending() == drain.pending()
    first.append(a_payload(7))
    first.append(a_payload(8))
    assert Pending(2, 2 * SIZE, NOW_US + 7) == drain.pending()


def test_each_record_of_a_batch_is_pending(root: Path, make_journal: MakeJournal, drain: Drain) -> None:
    """A caller that sends batches is not a hundred times less behind."""
    journal = make_journal(segment_bytes=1 << 20)
    journal.append(an_outcome_payload(an_outcome(1), received_at_us=7))
    journal.append_many([a_payload(number) for number in range(1, 6)])
    journal.append_many([a_payload(6), an_outcome_payload(an_outcome(6))])
    content = segments(root / "worker-0")[0].stat().st_size
    assert Pending(8, content, 7) == drain.pending()

    left = [(drain.run_once(lambda: True), drain.pending().records)[1] for _ in range(3)]

    assert [2, 0, 0] == left, "a batch of 3 ends with the frame that fills it"


def test_a_long_backlog_is_counted_in_steps(root: Path, drain: Drain) -> None:
    """After a start the drain must not wait until millions are counted."""
    (root / "worker-0").mkdir(parents=True)
    one = frame(an_outcome_payload(an_outcome(1), received_at_us=7))
    for number in (1, 2):
        (root / "worker-0" / f"00000000000{number}-a.journal").write_bytes(one * 60_000)

    seen = [drain.pending() for _ in range(4)]

    expected = [Pending(count, count * len(one), 7) for count in (50_000, 100_000, 120_000, 120_000)]
    assert expected == seen


def test_a_long_backlog_is_drained_in_steps_a_batch_of_each_worker_in_turn(
    make_journal: MakeJournal, drain: Drain, store: MemoryStore
) -> None:
    """A stop or a count waits for one step, and nobody's new decisions wait for another's backlog."""
    busy, idle = make_journal("worker-0", segment_bytes=4 * SIZE), make_journal("worker-1")
    for number in range(1, 8):
        busy.append(a_payload(number))
    idle.append(a_payload(9))

    assert (4, True) == (drain.run_once(lambda: True).decisions, drain.more)
    assert [1, 2, 3, 9] == stored(store)
    idle.append(a_payload(10))
    assert (2, True) == (drain.run_once(lambda: True).decisions, drain.more)
    assert (3, False) == (drain.run_once().decisions, drain.more)
    assert [*range(1, 8), 9, 10] == stored(store)


def test_the_watermark_moves_only_when_all_that_was_there_is_in_the_store(
    make_journal: MakeJournal, drain: Drain, clock: Clock
) -> None:
    """In steps as well, and also while a worker goes on writing."""
    journal, other = make_journal("worker-0"), make_journal("worker-1")
    for number in range(1, 5):
        journal.append(a_payload(number))
    other.append(a_payload(9))
    seen = []
    for _ in range(4):
        seen.append(drain.run_once(lambda: True).watermark_us - NOW_US)
        clock.now_s += 1
        journal.append(a_payload(int(clock.now_s) % 1000 + 100))

    assert [-NOW_US, 0, 2_000_000, 3_000_000] == seen


def test_the_watermark_goes_back_with_the_clock(make_journal: MakeJournal, drain: Drain, clock: Clock) -> None:
    """Whoever decides now lies before the old one; also where it happens in the middle of a backlog."""
    journal = make_journal()
    for number in range(1, 8):
        journal.append(a_payload(number))
    drain.run_once()
    for number in range(11, 18):
        journal.append(a_payload(number))
    clock.now_s += 10
    drain.run_once(lambda: True)
    clock.now_s -= 3_600

    assert 0 == drain.run_once().watermark_us, "what was begun by the old clock tells nothing"
    assert NOW_US - 3_590_000_000 == drain.run_once().watermark_us


def test_pending_falls_batch_by_batch(root: Path, make_journal: MakeJournal, clock: Clock) -> None:
    """The gauge must follow while a long backlog is drained."""
    journal = make_journal(segment_bytes=1 << 20)
    for number in range(1, 8):
        journal.append(a_payload(number))
    seen: list[Pending] = []

    class Watched(MemoryStore):
        def add(self, decisions, outcomes):  # type: ignore[no-untyped-def]  # as MemoryStore's
            seen.append(watched.pending())
            return super().add(decisions, outcomes)

    watched = Drain(root, Watched(), decode=DECODE, count=COUNT, batch_records=3, clock=clock)
    watched.run_once()

    assert [Pending(left, left * SIZE, NOW_US + 8 - left) for left in (7, 4, 1)] == seen


def test_a_drain_that_follows_a_writer_gets_every_record_once(root: Path, store: MemoryStore) -> None:
    """They run at the same time on the same file, for months."""
    journal = Journal(root / "worker-0", segment_bytes=64_000, segment_age_s=60, max_bytes=1 << 30)
    count = 2_000

    def write() -> None:
        for number in range(count):
            journal.append(a_payload(number))
        journal.close()

    writer = threading.Thread(target=write)
    drain = Drain(root, store, decode=DECODE, count=COUNT)
    totals = [0, 0, 0]
    deadline_s = time.monotonic() + 30
    writer.start()
    while totals[0] < count and time.monotonic() < deadline_s:
        report = drain.run_once()
        totals = [totals[0] + report.decisions, totals[1] + report.duplicates, totals[2] + report.torn_frames]
    writer.join(timeout=30)

    assert [count, 0, 0] == totals
    assert list(range(count)) == stored(store)
