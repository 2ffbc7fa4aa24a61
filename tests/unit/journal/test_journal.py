"""The journal: what it promises when all is well, and what it does when nothing is."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from journal_fakes import DISK_FULL, IO_ERROR, Clock, FaultyFiles, read_all
from oversight.errors import RecordUnavailableError
from oversight.journal.framing import OVERHEAD_BYTES
from oversight.journal.journal import Journal
from oversight.journal.segments import segments

MakeJournal = Callable[..., Journal]


def test_a_record_is_in_the_file_when_append_returns(root: Path, make_journal: MakeJournal, files: FaultyFiles) -> None:
    """Nothing is buffered: a kill right after the reply loses nothing (P1)."""
    journal = make_journal()

    journal.append(b"first")
    journal.append(b"second")

    assert [b"first", b"second"] == read_all(root / "worker-0")
    assert [OVERHEAD_BYTES + 5, OVERHEAD_BYTES + 6] == files.writes, "one write a record"


def test_many_records_are_one_frame(root: Path, make_journal: MakeJournal, files: FaultyFiles) -> None:
    """All or none of a batch, also for whoever reads while a write that was cut short is taken back."""
    journal = make_journal()

    journal.append_many([b"a", b"b", b"c"])
    journal.append_many([])

    assert [b"abc"] == read_all(root / "worker-0")
    assert [OVERHEAD_BYTES + 3] == files.writes


def test_folders_and_files_are_private(root: Path, make_journal: MakeJournal) -> None:
    """They hold pseudonyms and attributes of customers."""
    make_journal().append(b"record")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (root, root / "worker-0", *segments(root / "worker-0"))]
    assert [0o700, 0o700, 0o600] == modes
    assert [] == list((root / "worker-0").glob("*.new"))


def test_nothing_is_made_before_the_first_record(root: Path, make_journal: MakeJournal) -> None:
    """A journal that cannot be written must not keep a worker from starting."""
    make_journal()

    assert not root.exists()


def test_a_segment_is_closed_when_it_is_full(root: Path, make_journal: MakeJournal) -> None:
    """The drain can only give disk space back by whole segments."""
    journal = make_journal(segment_bytes=3 * (OVERHEAD_BYTES + 10))

    for number in range(7):
        journal.append(b"record %3d" % number)

    assert [3, 3, 1] == [path.stat().st_size // (OVERHEAD_BYTES + 10) for path in segments(root / "worker-0")]
    assert [b"record %3d" % number for number in range(7)] == read_all(root / "worker-0")


def test_a_record_longer_than_a_segment_has_one_to_itself(root: Path, make_journal: MakeJournal) -> None:
    """A segment's size is a time to close, not a limit of what can be recorded."""
    journal = make_journal(segment_bytes=100)

    for payload in (b"short", b"x" * 500, b"short again"):
        journal.append(payload)

    assert [b"short", b"x" * 500, b"short again"] == read_all(root / "worker-0")
    assert 3 == len(segments(root / "worker-0"))


@pytest.mark.parametrize("step_s", [60.0, -5.0], ids=["old", "clock set back"])
def test_a_segment_is_closed_when_it_is_old(root: Path, make_journal: MakeJournal, clock: Clock, step_s: float) -> None:
    """Personal parts must not lie in a half-empty file for ever."""
    journal = make_journal(segment_age_s=60)
    journal.append(b"a")
    clock.now_s += 59.0
    journal.append(b"b")
    clock.now_s += -59.0 + step_s

    journal.append(b"c")

    assert 2 == len(segments(root / "worker-0"))
    assert [b"a", b"b", b"c"] == read_all(root / "worker-0")


def test_a_restarted_worker_begins_a_segment_that_sorts_behind(root: Path, make_journal: MakeJournal) -> None:
    """The old one may end in a torn record, and the order of records is the order of names."""
    make_journal().append(b"before")
    make_journal().append(b"after")

    first, second = segments(root / "worker-0")
    assert [b"before", b"after"] == read_all(root / "worker-0")
    assert ("000000000001-", "000000000002-") == (first.name[:13], second.name[:13])


def test_no_name_comes_again(root: Path, make_journal: MakeJournal) -> None:
    """A position kept for a segment long gone must not be taken for one in a new segment: that would skip records."""
    make_journal().append(b"before")
    (first,) = segments(root / "worker-0")
    first.unlink()

    make_journal().append(b"after")

    assert first.name not in [path.name for path in segments(root / "worker-0")]


def test_threads_may_append_at_once(root: Path, make_journal: MakeJournal) -> None:
    """Eight threads decide in each worker."""
    journal = make_journal(segment_bytes=4096)

    def append(thread: int) -> None:
        for number in range(200):
            journal.append(b"%d-%d" % (thread, number))

    threads = [threading.Thread(target=append, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    found = read_all(root / "worker-0")
    assert sorted(b"%d-%d" % (thread, number) for thread in range(4) for number in range(200)) == sorted(found)
    for one in range(4):
        own = [record for record in found if record.startswith(b"%d-" % one)]
        assert [b"%d-%d" % (one, number) for number in range(200)] == own


def test_a_closed_journal_refuses(root: Path, make_journal: MakeJournal) -> None:
    """A call that is late at a stop must get a raised tier, not a lost record."""
    journal = make_journal()
    journal.append(b"record")
    journal.close()
    journal.close()

    with pytest.raises(RecordUnavailableError, match="closed"):
        journal.append(b"late")

    assert [b"record"] == read_all(root / "worker-0")


def break_short(files: FaultyFiles) -> None:
    files.short_by = 3


def break_disk_full(files: FaultyFiles) -> None:
    files.write_error = DISK_FULL


def break_io(files: FaultyFiles) -> None:
    files.write_error = IO_ERROR


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (break_short, r"took 21 of 24 bytes; is the disk full\?"),
        (break_disk_full, "No space left on device. See `oversight status`"),
        (break_io, "Input/output error. See `oversight status`"),
    ],
)
def test_a_failed_write_is_taken_back_and_said(
    root: Path, make_journal: MakeJournal, files: FaultyFiles, fault: Callable[[FaultyFiles], None], words: str
) -> None:
    """What was not acknowledged is not there, what was is, and the next append finds a clean end (P5)."""
    journal = make_journal()
    journal.append(b"before")
    fault(files)
    for _ in range(3):
        with pytest.raises(RecordUnavailableError, match=words) as caught:
            journal.append(b"lost one")
    assert str(root) not in str(caught.value), "the text may go to a caller"

    assert [b"before"] == read_all(root / "worker-0")
    files.short_by, files.write_error = None, 0
    journal.append(b"after")

    assert [b"before", b"after"] == read_all(root / "worker-0")
    assert 1 == len(segments(root / "worker-0"))


def test_a_batch_that_fails_leaves_nothing_behind(root: Path, make_journal: MakeJournal, files: FaultyFiles) -> None:
    """Its whole records are not acknowledged either."""
    journal = make_journal()
    files.short_by = OVERHEAD_BYTES
    with pytest.raises(RecordUnavailableError):
        journal.append_many([b"a", b"b", b"c"])
    files.short_by = None

    journal.append(b"d")

    assert [b"d"] == read_all(root / "worker-0")


def test_a_segment_that_cannot_be_cut_is_not_written_to_again(
    root: Path, make_journal: MakeJournal, files: FaultyFiles
) -> None:
    """A whole record behind a torn one would be hard to tell from damage."""
    journal = make_journal()
    journal.append(b"before")
    files.write_error = files.truncate_error = files.close_error = IO_ERROR
    with pytest.raises(RecordUnavailableError):
        journal.append(b"lost")
    files.write_error = files.truncate_error = files.close_error = 0

    journal.append(b"after")

    torn, fresh = segments(root / "worker-0")
    assert torn.stat().st_size > OVERHEAD_BYTES + len(b"before")
    assert fresh.stat().st_size == OVERHEAD_BYTES + len(b"after")


def test_a_segment_that_cannot_be_begun_is_tried_again(
    root: Path, make_journal: MakeJournal, files: FaultyFiles
) -> None:
    """Out of file descriptors or inodes: a state, not an end."""
    journal = make_journal(segment_bytes=40)
    files.create_error = DISK_FULL
    with pytest.raises(RecordUnavailableError, match="No space left on device"):
        journal.append(b"first")
    files.create_error = 0
    journal.append(b"first")
    files.create_error = DISK_FULL
    with pytest.raises(RecordUnavailableError, match="No space left on device"):
        journal.append(b"second, for a segment of its own")
    files.create_error = 0

    journal.append(b"third, for a segment of its own")

    assert [b"first", b"third, for a segment of its own"] == read_all(root / "worker-0")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, make_journal: MakeJournal) -> None:
    """The worker then answers with raised tiers, and its operator reads why."""
    (tmp_path / "journal").write_text("a file where the folder belongs")

    with pytest.raises(RecordUnavailableError, match="File exists"):
        make_journal().append(b"record")


RECORD = b"x" * (100 - OVERHEAD_BYTES)


def test_a_full_journal_refuses_until_the_drain_has_removed_segments(
    root: Path, make_journal: MakeJournal, clock: Clock
) -> None:
    """A store that stays down must not fill the disk of the machine."""
    journal = make_journal(segment_bytes=200, max_bytes=400)
    for _ in range(4):
        journal.append(RECORD)
    for _ in range(3):
        with pytest.raises(
            RecordUnavailableError, match=r"holds 400 bytes .* may hold 400 \(setting journal_max_bytes"
        ):
            journal.append(RECORD)
    assert 4 == len(read_all(root / "worker-0")), "no empty segment for each refusal"
    assert 2 == len(segments(root / "worker-0"))

    segments(root / "worker-0")[0].unlink()
    with pytest.raises(RecordUnavailableError):
        journal.append(RECORD)
    clock.now_s += 0.25
    journal.append(RECORD)

    assert 3 == len(read_all(root / "worker-0"))


def test_the_limit_counts_what_an_earlier_process_left(root: Path, make_journal: MakeJournal) -> None:
    """A worker that restarts in a loop must not have the limit once each time."""
    earlier = make_journal()
    for _ in range(3):
        earlier.append(RECORD)
    journal = make_journal(max_bytes=400)

    journal.append(RECORD)

    with pytest.raises(RecordUnavailableError, match="holds 400 bytes"):
        journal.append(RECORD)


def test_a_folder_that_cannot_be_looked_at_keeps_the_limit(root: Path, make_journal: MakeJournal, clock: Clock) -> None:
    """Not knowing is no reason to go on."""
    journal = make_journal(max_bytes=200)
    journal.append_many([RECORD] * 2)
    (root / "worker-0").rename(root / "gone")
    clock.now_s += 1

    with pytest.raises(RecordUnavailableError, match="No such file"):
        journal.append(RECORD)


LIMITED = """
import resource, sys
from pathlib import Path
from oversight.errors import RecordUnavailableError
from oversight.journal.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
journal = Journal(Path(sys.argv[1]), segment_bytes=1 << 20, segment_age_s=60, max_bytes=1 << 30)
acknowledged = refused = 0
for number in range(30):
    try:
        journal.append(b"%4d" % number + b"x" * 996)
        acknowledged += 1
    except RecordUnavailableError:
        refused += 1
print(acknowledged, refused)
"""


def test_at_a_real_limit_of_the_file_size_acknowledged_records_are_all_there(root: Path) -> None:
    """The kernel writes short and then fails, as it does on a full disk."""
    root.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(root / "worker-0")], capture_output=True, text=True, timeout=30, check=True
    )

    assert "9 21" == done.stdout.strip()
    assert [b"%4d" % number + b"x" * 996 for number in range(9)] == read_all(root / "worker-0")
