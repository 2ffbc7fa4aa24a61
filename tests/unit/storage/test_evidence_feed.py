"""Records become evidence: each once, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from builders import KEYS
from contract.evidence_world import (
    DUE_H,
    HOUR_US,
    MINUTE_US,
    SPLITS,
    START_US,
    World,
    a_world,
    counted,
    counts_by_rows,
    finish,
    make_decision,
)
from contract.samples import an_id, an_outcome_record
from oversight.errors import StoreUnavailableError
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.evidence import CellFilter, EvidenceRow, LabelCounts
from oversight.storage.evidence_feed import EvidenceFeed, Fed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.open import open_engine
from oversight.storage.records import DecisionRecord
from oversight.storage.retention import Retention
from oversight.storage.sql import SqlStore
from places import Place, PostgresPlace

LATER_US = START_US + 100 * HOUR_US
FAR_US = START_US + 20_000 * HOUR_US


@pytest.fixture
def feed(store: SqlStore) -> EvidenceFeed:
    """Return a feed of that store."""
    return EvidenceFeed(store, audit_due_h=DUE_H)


@pytest.fixture
def reader(store: SqlStore) -> SqlEvidence:
    """Return what reads the evidence of that store."""
    return SqlEvidence(store.reading)


def an_audit(number: int, minute: int = 0, **fields: Any) -> DecisionRecord:
    """Return a decision on the loop that is to be audited."""
    chances = {"audit_selected": True, "audit_probability": 0.5, "tier": 1}
    return make_decision(number, minute=minute, **{**chances, **fields})


def only_row(reader: SqlEvidence) -> EvidenceRow:
    (row,) = reader.rows(CellFilter())
    return row


def labels(reader: SqlEvidence) -> int:
    return sum(one.labels for one in reader.label_counts())


@pytest.mark.parametrize("decision_first", [True, False])
def test_a_label_of_another_tenants_caller_is_none(
    store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence, *, decision_first: bool
) -> None:
    """A tenant must not be able to move the error rate of another; what its own callers say counts beside it."""
    foreign = an_outcome_record(1, verdict=4, label_basis=2)._replace(caller_tenant="bank")
    own = an_outcome_record(1, verdict=1, label_basis=2)._replace(caller_tenant="acme")
    decision = an_audit(1, tenant_id="acme")
    for add in [([decision], []), ([], [foreign])] if decision_first else [([], [foreign]), ([decision], [])]:
        store.add(*add)
        finish(feed)
    assert (0, None, None) == (labels(reader), only_row(reader).loss, only_row(reader).verdict)

    store.add([], [own])
    finish(feed)

    assert (1, 0, 1) == (labels(reader), only_row(reader).loss, only_row(reader).verdict)


@pytest.mark.parametrize(("verdict", "loss"), [(1, None), (2, 0), (3, 1)])
def test_who_approves_an_edited_draft_does_not_approve_the_decided_one(
    store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence, verdict: int, loss: int | None
) -> None:
    """What was sent is not what the AI wrote; that it was edited, and how much, the verdict has to say."""
    decision = an_audit(1, draft_sha256="ab" * 32)
    edited: dict[str, Any] = {"draft_sha256": "cd" * 32, "redecided_as": an_id(9), "csat": 4.5}
    store.add([decision], [an_outcome_record(1, verdict=verdict, label_basis=2, **edited)])
    finish(feed)
    assert (loss, 4.5) == (only_row(reader).loss, only_row(reader).csat)


def test_nothing_was_observed_after_it_was_told(store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence) -> None:
    """A time to come would keep an error rate fresh for ever, and be the last word on every fact."""
    told = an_outcome_record(1, verdict=1, label_basis=2, csat=1.0, observed_at_us=FAR_US)
    later = an_outcome_record(1, outcome_id="second", csat=5.0, verdict=None, label_basis=None, observed_at_us=None)
    records = [told._replace(received_at_us=START_US + 1), later._replace(received_at_us=START_US + 2)]
    store.add([an_audit(1)], records)
    finish(feed)
    assert (START_US + 1, 5.0) == (only_row(reader).labelled_at_us, only_row(reader).csat)


def test_a_label_may_come_before_its_decision_behind_it_or_again(
    store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence
) -> None:
    """The desk's report may overtake the journal that the decision is in, and a second one may correct it."""
    store.add([], [an_outcome_record(1, verdict=1, label_basis=2)])
    finish(feed)
    assert (0, []) == (reader.volume(CellFilter()), [*reader.rows(CellFilter())])
    store.add([an_audit(1)], [])
    finish(feed)
    assert (0, 1) == (only_row(reader).loss, labels(reader))

    worse = an_outcome_record(1, outcome_id="second", verdict=4, label_basis=2)
    store.add([], [worse, an_outcome_record(1, outcome_id="third", csat=4.5, verdict=None, label_basis=None)])
    finish(feed)

    row = only_row(reader)
    assert (1, 4.5, True, 1) == (row.loss, row.csat, row.corrected, labels(reader))
    assert 1 == reader.volume(CellFilter())


def test_what_nobody_was_to_look_at_is_counted_and_has_no_row(
    store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence
) -> None:
    """Nine decisions of ten: their number is what matters, and their chance to be looked at."""
    store.add([make_decision(1, minute=1, tier=1, audit_probability=0.1), an_audit(2, minute=61)], [])
    finish(feed)

    assert (2, [an_id(2)]) == (reader.volume(CellFilter()), [row.decision_id for row in reader.rows(CellFilter())])
    assert [(1, 0.42), (1, 0.42)] == [
        (hour.decisions, hour.confidence.total) for hour in reader.hours(CellFilter(), [])
    ]


def test_a_row_keeps_the_time_it_was_due_at(store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence) -> None:
    """A setting that changes must not turn what was missed into what is pending."""
    store.add([an_audit(1)], [])
    finish(feed)
    later = EvidenceFeed(store, audit_due_h=100)
    store.add([an_audit(2)], [an_outcome_record(1, csat=3.0, verdict=None, label_basis=None)])
    finish(later)

    due = {row.decision_id: (row.due_at_us, row.csat) for row in reader.rows(CellFilter())}

    assert {an_id(1): (START_US + 2 * HOUR_US, 3.0), an_id(2): (START_US + 100 * HOUR_US, None)} == due


def test_up_to_when_it_is_told_by_the_first_record_that_is_not_in_it(store: SqlStore, reader: SqlEvidence) -> None:
    """Whoever reads a figure must know what it has not seen yet."""
    feed = EvidenceFeed(store, decisions_a_batch=2)
    assert (None, Fed()) == (reader.through_us(), feed.step())
    store.add([an_audit(number, minute=number) for number in range(1, 6)], [])
    assert reader.through_us() is None

    feed.step()
    assert START_US + 2 * MINUTE_US == reader.through_us()
    finish(feed)
    assert START_US + 5 * MINUTE_US == reader.through_us()


def test_whatever_a_batch_was_ended_by_nothing_is_lost_or_twice(place: Place, store: SqlStore) -> None:
    """A process is killed between any two statements; its transaction is rolled back."""
    world = a_world(7, 40, 60)
    for decisions, outcomes, _ in world.batches:
        store.add(decisions, outcomes)
    feed = EvidenceFeed(store, audit_due_h=DUE_H, decisions_a_batch=3, outcomes_a_batch=3)
    left = [0]

    def kill(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OperationalError("killed", None, Exception("killed"))

    event.listen(store._engine, "before_cursor_execute", kill)  # noqa: SLF001 - the wire between it and the database
    killed, finished = 0, False
    for statements in range(1, 2_000):
        left[0] = 1 + statements % 32  # more than a step has
        try:
            more = feed.step().more
        except StoreUnavailableError:
            killed += 1
        else:
            finished = not more
            if finished:
                break
    event.remove(store._engine, "before_cursor_execute", kill)  # noqa: SLF001 - as above

    assert (True, True) == (finished, killed > 20)
    assert_equal(world, store)


def assert_equal(world: World, store: SqlStore) -> None:
    """Check that the evidence is what the statistics count, and every label is counted."""
    reader = SqlEvidence(store.reading)
    for now_us in (LATER_US, START_US + 3 * HOUR_US):
        for split in SPLITS:
            expected = counts_by_rows(world, CellFilter(), split, now_us)
            assert expected == counted(reader, CellFilter(), split, now_us)
    assert labels(reader) == sum(row.loss is not None for row in reader.rows(CellFilter()))
    assert len(world.decisions) == reader.volume(CellFilter())


def test_several_that_feed_at_once_count_nothing_twice(postgres_url: str) -> None:
    """For a moment two keepers may both take themselves for the one that is elected."""
    place = PostgresPlace(postgres_url)
    world = a_world(3, 200, 300)
    stores = [SqlStore(place.url, writer=f"replica-{number}") for number in range(3)]
    stores[0].prepare()

    def put() -> None:
        for decisions, outcomes, _ in world.batches:
            stores[0].add(decisions, outcomes)

    def follow(store: SqlStore) -> None:
        feed = EvidenceFeed(store, audit_due_h=DUE_H, decisions_a_batch=5, outcomes_a_batch=5)
        for _ in range(150):
            feed.step()

    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(put), *(threads.submit(follow, store) for store in stores[1:])]
        for future in futures:
            future.result()
    finish(EvidenceFeed(stores[0], audit_due_h=DUE_H))

    assert_equal(world, stores[0])
    for store in stores:
        store.close()


def test_two_writers_are_followed_each_in_its_own_order(place: Place, store: SqlStore, feed: EvidenceFeed) -> None:
    """Replicas drain into one store, and an outcome may be drained by another than its decision."""
    other = SqlStore(place.url, writer="replica-2")
    world = a_world(5, 60, 80)
    for number, (decisions, outcomes, steps) in enumerate(world.batches):
        store.add(decisions, []) if number % 2 else other.add(decisions, [])
        other.add([], outcomes) if number % 2 else store.add([], outcomes)
        for _ in range(steps):
            feed.step()
    finish(feed)
    other.close()

    assert_equal(world, store)


def test_what_is_too_old_goes_by_whole_hours_and_labels_with_it(
    place: Place, store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence
) -> None:
    """Evidence without its records could not be checked any more, and would never end."""
    store.add(
        [an_audit(number, minute=20 * number) for number in range(1, 13)],
        [an_outcome_record(number, verdict=1, label_basis=2) for number in range(1, 13)],
    )
    finish(feed)
    engine = open_engine(place.url, read_only=False)
    retention = Retention(engine, CheckpointKey(KEYS.id_key), clock_us=lambda: LATER_US, batch_rows=2)

    removed = [step.evidence for step in retention.steps(START_US + 150 * MINUTE_US)]

    assert 5 == sum(removed)
    assert (7, 7) == (reader.volume(CellFilter()), len([*reader.rows(CellFilter())]))
    assert [LabelCounts("acme", "order_change", "modèle-\u2603", 7)] == reader.label_counts()
    assert 0 == sum(step.evidence for step in retention.steps(START_US + 150 * MINUTE_US))
    engine.dispose()


def test_records_that_were_removed_before_they_were_taken_in_are_passed_over(
    place: Place, store: SqlStore, feed: EvidenceFeed, reader: SqlEvidence
) -> None:
    """A feed that waits for what will never come would never look at anything else."""
    store.add([an_audit(1)], [an_outcome_record(1, received_at_us=START_US)])
    engine = open_engine(place.url, read_only=False)
    for _ in Retention(engine, CheckpointKey(KEYS.id_key), clock_us=lambda: FAR_US).steps(FAR_US):
        pass
    engine.dispose()

    finish(feed)

    assert (0, Fed()) == (reader.volume(CellFilter()), feed.step())


def test_without_a_database_there_is_no_evidence(place: Place) -> None:
    """A question before the first record is no error."""
    store = SqlStore(place.url, writer="", read_only=True)
    reader = SqlEvidence(store.reading)

    assert Fed() == EvidenceFeed(store).step()
    assert ([], 0, [], []) == (
        *reader.rate_counts(CellFilter(), [()], 0),
        reader.volume(CellFilter()),
        reader.fact_sums(CellFilter(), ()),
        reader.hours(CellFilter(), ()),
    )
    assert ([], (), [], []) == (
        [*reader.rows(CellFilter())],
        reader.due(CellFilter(), 5, None).audits,
        reader.corrected(CellFilter(), 5, None),
        reader.label_counts(),
    )
    assert reader.through_us() is None
    store.close()
