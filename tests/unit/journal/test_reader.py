"""Reading segments, whole, growing and damaged."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from oversight.journal.framing import OVERHEAD_BYTES, frame
from oversight.journal.reader import Entry, SegmentReader

FIRST, SECOND, THIRD = (frame(payload) for payload in (b"first", b"second", b"third"))
Segment = Callable[[bytes], Path]


@pytest.fixture
def closed(tmp_path: Path) -> Segment:
    """Return a maker of a segment that no process writes to."""

    def make(content: bytes) -> Path:
        (tmp_path / "1.journal").write_bytes(content)
        return tmp_path / "1.journal"

    return make


@pytest.fixture
def growing(closed: Segment) -> Iterator[Segment]:
    """Return a maker of a segment that a process still holds."""
    held: list[int] = []

    def make(content: bytes) -> Path:
        path = closed(content)
        held.append(os.open(path, os.O_WRONLY))
        fcntl.flock(held[-1], fcntl.LOCK_EX)
        return path

    yield make
    for descriptor in held:
        os.close(descriptor)


def payloads(reader: SegmentReader, limit: int = 100) -> list[bytes]:
    return [entry.payload for entry in islice(reader, limit)]


def test_records_come_in_order_with_their_ends(closed: Segment) -> None:
    """The end of a record is where the next reader begins."""
    with SegmentReader(closed(FIRST + SECOND + THIRD), 0) as reader:
        assert [Entry(b"first", len(FIRST)), Entry(b"second", len(FIRST + SECOND))] == list(islice(reader, 2))
        assert [Entry(b"third", len(FIRST + SECOND + THIRD))] == list(islice(reader, 2))
        assert [] == list(islice(reader, 2))
    with SegmentReader(closed(FIRST + SECOND + THIRD), len(FIRST)) as reader:
        assert [b"second", b"third"] == payloads(reader)


def test_a_position_behind_the_end_means_from_the_start(closed: Segment) -> None:
    """Repeating is harmless, skipping is not."""
    with SegmentReader(closed(FIRST), 10_000) as reader:
        assert [b"first"] == payloads(reader)


def test_records_longer_than_a_read_come_whole(closed: Segment) -> None:
    """A batch may hold large attributes."""
    long = [bytes([number]) * 1_500_000 for number in range(1, 4)]

    with SegmentReader(closed(b"".join(map(frame, long))), 0) as reader:
        assert long == payloads(reader)
        assert 0 == reader.take_torn()


@pytest.mark.parametrize("kept", range(len(THIRD)))
def test_a_tail_that_is_cut_off_anywhere_costs_no_earlier_record(closed: Segment, growing: Segment, kept: int) -> None:
    """A kill in the middle of an append, at every byte: only what nobody was told is on record is missing."""
    content = FIRST + SECOND + THIRD[:kept]

    with SegmentReader(closed(content), 0) as reader:
        assert [b"first", b"second"] == payloads(reader)
        assert (1 if kept else 0) == reader.take_torn()
        assert (True, len(content)) == (reader.closed, reader.position)
    with SegmentReader(growing(content), 0) as reader:
        assert [b"first", b"second"] == payloads(reader)
        assert 0 == reader.take_torn(), "still being written"
        assert (False, len(FIRST + SECOND), True) == (reader.closed, reader.position, reader.whole)


@pytest.mark.parametrize("at", range(len(SECOND)))
def test_damage_in_the_middle_costs_only_the_damaged_record(closed: Segment, growing: Segment, at: int) -> None:
    """The records behind it were acknowledged too."""
    damaged = SECOND[:at] + bytes([SECOND[at] ^ 0x55]) + SECOND[at + 1 :]

    for segment in (closed, growing):
        with SegmentReader(segment(FIRST + damaged + THIRD), 0) as reader:
            assert [b"first", b"third"] == payloads(reader)
            assert 1 == reader.take_torn()
            assert 0 == reader.take_torn()


@pytest.mark.parametrize("garbage", [bytes(500) + b"\1", b"\xff" * 500, SECOND[:-1] * 3])
def test_garbage_at_the_end_is_passed_over_once_nobody_writes(
    closed: Segment, growing: Segment, garbage: bytes
) -> None:
    """A power loss leaves such bytes; in a segment that still grows they may yet become a record."""
    with SegmentReader(closed(FIRST + garbage), 0) as reader:
        assert [b"first"] == payloads(reader)
        assert 1 == reader.take_torn()
    with SegmentReader(growing(FIRST + garbage), 0) as reader:
        assert [b"first"] == payloads(reader)
        assert (0, False) == (reader.take_torn(), reader.whole), "the watermark must not pass this"
        assert len(FIRST) == reader.position


def test_a_short_write_taken_back_under_the_readers_eyes_loses_nothing(growing: Segment) -> None:
    """The reader saw half of a record that was taken back; what stands there now was acknowledged."""
    path = growing(FIRST + SECOND[:10])
    with SegmentReader(path, 0) as reader:
        assert [b"first"] == payloads(reader, limit=1)
        with path.open("r+b") as file:
            file.truncate(len(FIRST))
            file.seek(len(FIRST))
            file.write(THIRD + SECOND)

        assert [] == payloads(reader), "no more than was there at the start"

    with SegmentReader(path, reader.position) as reader:
        assert [b"third", b"second"] == payloads(reader)
        assert 0 == reader.take_torn()


def test_bytes_that_were_stale_are_looked_at_again(growing: Segment) -> None:
    """What looked damaged may have been a mixture of two moments; a record must not be passed over for that."""
    path = growing(FIRST + bytes(len(SECOND)) + THIRD)
    with SegmentReader(path, 0) as reader:
        assert [b"first"] == payloads(reader, limit=1)
        with path.open("r+b") as file:
            file.seek(len(FIRST))
            file.write(SECOND)

        assert [b"second", b"third"] == payloads(reader)
        assert 0 == reader.take_torn()


@pytest.mark.parametrize("blank", [1, OVERHEAD_BYTES, 500, 3_000_000])
def test_zeros_up_to_the_end_are_damage(closed: Segment, growing: Segment, blank: int) -> None:
    """After a power loss a file may end in zeros; records stood there, and somebody has to be told."""
    content = FIRST + SECOND + bytes(blank)

    with SegmentReader(closed(content), 0) as reader:
        assert [b"first", b"second"] == payloads(reader)
        assert (1, len(content)) == (reader.take_torn(), reader.position)
    with SegmentReader(growing(content), 0) as reader:
        assert [b"first", b"second"] == payloads(reader)
        assert (0, len(FIRST + SECOND)) == (reader.take_torn(), reader.position)


@pytest.mark.parametrize("hole", [1, OVERHEAD_BYTES, 500, 3_000_000])
def test_zeros_before_a_record_are_damage(closed: Segment, growing: Segment, hole: int) -> None:
    """Something stood there, and is lost."""
    for segment in (closed, growing):
        with SegmentReader(segment(FIRST + bytes(hole) + THIRD), 0) as reader:
            assert [b"first", b"third"] == payloads(reader)
            assert 1 == reader.take_torn()


def test_a_record_cut_off_before_zeros_is_damage(closed: Segment, growing: Segment) -> None:
    """A worker that was killed while it wrote; in a segment that grows, the rest may still come."""
    content = FIRST + SECOND[:-2] + bytes(500)

    with SegmentReader(closed(content), 0) as reader:
        assert [b"first"] == payloads(reader)
        assert 1 == reader.take_torn()
    with SegmentReader(growing(content), 0) as reader:
        assert [b"first"] == payloads(reader)
        assert (0, False) == (reader.take_torn(), reader.whole)
