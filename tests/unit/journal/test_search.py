"""What journals hold of one decision, found before the drain comes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from contract.memory_store import MemoryStore
from contract.samples import (
    COUNT,
    DECODE,
    a_payload,
    a_record,
    an_id,
    an_outcome,
    an_outcome_payload,
    an_outcome_record,
)
from journal_fakes import damage
from oversight.journal.drain import Drain
from oversight.journal.journal import Journal
from oversight.journal.search import JournalSearch, Waiting
from oversight.journal.segments import segments

Open = Callable[..., Journal]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def open_journal(root: Path) -> Iterator[Open]:
    """Return a function that opens a worker's journal; all of them close with the test."""
    opened: list[Journal] = []

    def open_one(name: str = "worker-0", segment_bytes: int = 1 << 20) -> Journal:
        root.mkdir(exist_ok=True)
        opened.append(Journal(root / name, segment_bytes=segment_bytes, segment_age_s=60, max_bytes=1 << 30))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


def find(root: Path, number: int, within_s: float = 5.0) -> Waiting:
    return JournalSearch(root, DECODE).find(an_id(number), within_s)


def test_a_decision_is_found_as_the_store_will_have_it(root: Path, open_journal: Open) -> None:
    """The reply has just left, and somebody asks: it is on record."""
    journal = open_journal()
    for number in (1, 2, 3):
        journal.append(a_payload(number))

    assert Waiting((a_record(2),)) == find(root, 2)
    assert Waiting() == find(root, 4)


def test_outcomes_are_found_beside_it_also_in_the_journal_of_another_worker(root: Path, open_journal: Open) -> None:
    """Decision and outcome may have gone to two workers, of which one is gone for good."""
    gone = open_journal("worker-7")
    gone.append(a_payload(1))
    gone.close()
    open_journal("worker-0").append_many(
        [an_outcome_payload(an_outcome(1)), an_outcome_payload(an_outcome(2, redecided_as=an_id(1)))]
    )

    assert Waiting((a_record(1),), (an_outcome_record(1),)) == find(root, 1)


def test_what_is_drained_is_left_to_the_store(root: Path, open_journal: Open) -> None:
    """It may have been erased there: a journal must not give it back, though its bytes are still in the segment."""
    journal = open_journal()
    journal.append(a_payload(1))
    Drain(root, MemoryStore(), decode=DECODE, count=COUNT).run_once()
    journal.append(a_payload(2))

    assert Waiting() == find(root, 1)
    assert Waiting((a_record(2),)) == find(root, 2)


def test_every_segment_is_searched(root: Path, open_journal: Open) -> None:
    """A backlog has many, and each larger than what is read at once."""
    journal = open_journal(segment_bytes=600_000)
    for number in range(1_500):
        journal.append(a_payload(number))

    assert 2 <= len(segments(root / "worker-0"))
    for number in (0, 700, 1_499):
        assert Waiting((a_record(number),)) == find(root, number)


def test_an_id_across_two_reads_is_found(root: Path, open_journal: Open) -> None:
    """Where the bytes are cut must make no difference."""
    journal = open_journal()
    sizes = len(a_payload(1)) + 16
    for number in range(256 * 1024 // sizes + 2):
        journal.append(a_payload(number))
        assert find(root, number).decisions if number > 256 * 1024 // sizes - 2 else True

    edge = 256 * 1024 // sizes
    assert [True] * 3 == [bool(find(root, number).decisions) for number in (edge - 1, edge, edge + 1)]


def test_a_search_that_takes_too_long_says_that_it_is_not_complete(root: Path, open_journal: Open) -> None:
    """Absence would be a lie, and the reader's second is over."""
    journal = open_journal()
    for number in range(3_000):
        journal.append(a_payload(number))
    times = iter([0.0, *[0.01] * 2, *[9.0] * 100])
    rests: list[float] = []

    search = JournalSearch(root, DECODE, clock=lambda: next(times), pause=rests.append)

    assert Waiting(complete=False) == search.find(an_id(9_999), 1.0)
    assert [0.001] * 2 == rests, "others go first now and then"


def test_a_second_search_waits_for_the_first_and_no_longer_than_its_own_time(root: Path, open_journal: Open) -> None:
    """Readers take turns: they must not take the CPU from whoever decides."""
    journal = open_journal()
    for number in range(2_000):
        journal.append(a_payload(number))
    inside: list[Waiting] = []

    def pause(_: float) -> None:
        if not inside:
            inside.append(search.find(an_id(1), 0.0))

    search = JournalSearch(root, DECODE, pause=pause)
    searching = Thread(target=search.find, args=(an_id(9_999), 5.0))
    searching.start()
    searching.join(10)

    assert [Waiting(complete=False)] == inside


def test_what_cannot_be_read_makes_it_incomplete_and_the_rest_is_searched(root: Path, open_journal: Open) -> None:
    """One bad segment must hide neither the others nor itself."""
    journal = open_journal()
    journal.append(a_payload(1))
    journal.close()
    open_journal("worker-1").append(a_payload(2))
    (segment,) = segments(root / "worker-0")
    newer = JournalSearch(root, DECODE)
    assert newer.find(an_id(1), 5.0).complete

    segment.chmod(0)
    (root / "worker-2").mkdir()
    (root / "worker-2" / "000000000001-aaaaaaaa.journal").mkdir()

    found = newer.find(an_id(2), 5.0)
    assert ((a_record(2),), False) == (found.decisions, found.complete)


def test_a_frame_of_a_newer_version_is_not_taken_for_absence(root: Path, open_journal: Open) -> None:
    """It has the id in it, and nobody here can read it."""
    open_journal().append(b"\xf2\x3f\x20" + an_id(1).encode())

    assert Waiting(complete=False) == find(root, 1)


def test_a_damaged_record_hides_no_other(root: Path, open_journal: Open) -> None:
    """Bytes that cannot be read are passed over, as the drain does."""
    journal = open_journal()
    for number in (1, 2, 3):
        journal.append(a_payload(number))
    journal.close()
    (segment,) = segments(root / "worker-0")
    damage(segment, 40)

    assert Waiting((a_record(3),)) == find(root, 3)


def test_without_a_journal_there_is_nothing(root: Path) -> None:
    """A folder that no server has used."""
    assert Waiting() == find(root, 1)
