"""The keeper's drain, seen from outside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contract.samples import COUNT, DECODE, WIRE
from oversight.app.drain_watch import DrainWatch
from oversight.app.handover import read_drained_us
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import StoreUnavailableError
from oversight.journal.drain import Drain
from oversight.journal.journal import Journal
from oversight.storage.outcome import Outcome
from oversight.storage.records import Added, DecisionRecord, OutcomeRecord


class MemoryStore:
    """Takes records and snapshots, unless it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.outcomes: list[OutcomeRecord] = []
        self.snapshots: dict[str, str] = {}

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
        """Take everything."""
        self._answer()
        self.outcomes += outcomes
        return Added(len(decisions), len(outcomes))

    def put_snapshot(self, digest: str, document: str) -> None:
        """Take it."""
        self._answer()
        self.snapshots[digest] = document

    def get_snapshot(self, digest: str) -> str | None:
        """Return it."""
        return self.snapshots.get(digest)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("the store cannot be written: away")


class Place:
    """A data folder with one worker's journal, a store, and the watch between them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.run = data / "run"
        self.run.mkdir()
        self.store = MemoryStore()
        self.outbox = SnapshotOutbox(data)
        root = data / "journal"
        self.journal = Journal(root / "worker-0", segment_bytes=10**6, segment_age_s=60, max_bytes=10**9)
        drain = Drain(root, self.store, decode=DECODE, count=COUNT, clock=lambda: self.now_s)
        self.watch = DrainWatch(self.run, drain, self.store, self.outbox, clock_us=self.clock_us)
        self.now_s = 1_000.0

    def clock_us(self) -> int:
        """Return the time."""
        return int(self.now_s * 1e6)

    def append(self, number: int) -> None:
        """Put one outcome into the journal."""
        outcome = Outcome(outcome_id=f"o{number}", decision_id="0" * 32)
        self.journal.append(WIRE.outcome_record(outcome, number, "local"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with an empty journal."""
    return Place(tmp_path)


def test_records_and_snapshots_reach_the_store(place: Place) -> None:
    """And the mark says up to when."""
    place.append(1)
    place.outbox.put("d1", "source")

    assert place.watch.step()

    assert ["o1"] == [record.outcome.outcome_id for record in place.store.outcomes]
    assert {"d1": "source"} == place.store.snapshots
    assert (1_000_000_000, 0, "") == (
        place.watch.state.drained_through_us,
        place.watch.state.pending_records,
        place.watch.state.problem,
    )
    assert 1_000_000_000 == read_drained_us(place.run)


def test_what_waits_is_counted_while_the_store_is_away(place: Place) -> None:
    """That is when somebody looks at the number; the mark does not move on."""
    place.watch.step()
    place.store.is_away = True
    place.now_s = 2_000.0
    place.append(1)
    place.append(2)

    assert not place.watch.step()

    state = place.watch.state
    assert (2, 1, "the store cannot be written: away") == (state.pending_records, state.oldest_us, state.problem)
    assert state.pending_bytes > 0
    assert 1_000_000_000 == read_drained_us(place.run) == state.drained_through_us


def test_the_mark_goes_back_with_the_clock(place: Place) -> None:
    """Else a read would be told for an hour that what was just decided does not exist."""
    place.now_s = 4_600.0
    place.watch.step()
    place.now_s = 1_000.0
    place.append(1)

    assert place.watch.step()

    assert 1_000_000_000 == read_drained_us(place.run) == place.watch.state.drained_through_us


def test_a_long_backlog_is_drained_slice_by_slice(place: Place) -> None:
    """Between slices the counts are told, and a stop is obeyed; the next slice comes at once."""
    times = iter(range(1_000))
    drain = Drain(
        place.data / "journal", place.store, decode=DECODE, count=COUNT, batch_records=2, clock=lambda: place.now_s
    )
    watch = DrainWatch(
        place.run, drain, place.store, place.outbox, clock_us=place.clock_us, slice_s=1.5, clock=lambda: next(times)
    )
    for number in range(1, 8):
        place.append(number)

    seen = [(watch.step(), watch.hurries, watch.state.pending_records) for _ in range(3)]

    assert [(False, True, 3), (True, False, 0), (True, False, 0)] == seen
    assert 1_000_000_000 == watch.state.drained_through_us


def test_a_store_that_is_away_is_not_pressed(place: Place) -> None:
    """What cannot be taken now is tried again at the usual pace."""
    place.append(1)
    place.store.is_away = True
    place.watch.step()

    assert (False, 1) == (place.watch.hurries, place.watch.state.pending_records)


def test_one_folders_problem_does_not_slow_the_others_down(place: Place) -> None:
    """They have a backlog to be rid of."""
    drain = Drain(place.data / "journal", place.store, decode=DECODE, count=COUNT, batch_records=1)
    watch = DrainWatch(place.run, drain, place.store, place.outbox, clock_us=place.clock_us, slice_s=0.0)
    broken = Journal(place.data / "journal" / "worker-1", segment_bytes=10**6, segment_age_s=60, max_bytes=10**9)
    broken.append(b"\x1a\x02\x0a\x00")
    place.append(1)
    place.append(2)

    assert not watch.step()

    assert (True, 1) == (watch.hurries, len(place.store.outcomes))
    assert "start the version of the server" in watch.state.problem


def test_the_stores_absence_and_its_return_are_said_once(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Five times a second would be no log any more."""
    place.append(1)
    place.store.is_away = True
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            place.watch.step()
        place.store.is_away = False
        for _ in range(3):
            place.watch.step()

    assert ["records wait in the journals: the store cannot be written: away", "records reach the store again"] == [
        record.message for record in caplog.records
    ]
    assert (0, "") == (place.watch.state.pending_records, place.watch.state.problem)


def test_a_snapshot_that_cannot_be_read_holds_up_no_record(place: Place) -> None:
    """Records are the promise."""
    place.append(1)
    place.outbox.put("d1", "source")
    (place.data / "snapshots" / "d2.json").mkdir()

    assert not place.watch.step()

    assert 1 == len(place.store.outcomes)
    assert "Is a directory" in place.watch.state.problem


def test_a_mark_that_cannot_be_written_is_a_problem_and_no_end(place: Place) -> None:
    """A full disk must not stop the drain, which is what empties it."""
    (place.run / "drained.json").mkdir()
    place.append(1)

    assert not place.watch.step()

    assert 1 == len(place.store.outcomes)
    assert "Is a directory" in place.watch.state.problem


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda segment: segment.write_bytes(segment.read_bytes()[:-3]), "could not be read; the segments are kept"),
    ],
)
def test_what_the_drain_could_not_read_is_said(
    place: Place, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object], message: str
) -> None:
    """Only a power loss can do this, and somebody should know."""
    place.append(1)
    place.append(2)
    place.journal.close()
    (segment,) = (place.data / "journal" / "worker-0").glob("*.journal")
    spoil(segment)

    with caplog.at_level(logging.WARNING):
        place.watch.step()

    assert any(message in record.message for record in caplog.records)
    assert ["o1"] == [record.outcome.outcome_id for record in place.store.outcomes]


def test_outcomes_with_other_facts_under_one_id_are_said(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """A caller that uses an id twice is wrong about one of them."""

    class Conflicting(MemoryStore):
        def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
            return Added(len(decisions), 0, len(outcomes), 0)

    store = Conflicting()
    watch = DrainWatch(
        place.run,
        Drain(place.data / "journal", store, decode=DECODE, count=COUNT),
        store,
        place.outbox,
        clock_us=place.clock_us,
    )
    place.append(1)

    with caplog.at_level(logging.WARNING):
        watch.step()

    assert ["1 outcomes came again with other facts; both are kept"] == [record.message for record in caplog.records]
