"""What the evidence says is what the statistics say of the same decisions and outcomes, in every database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.evidence_world import (
    DUE_H,
    HOUR_US,
    START_US,
    World,
    a_world,
    counts_by_rows,
    wanted_of,
    worlds,
)
from oversight.feedback.error_rates import Counts
from oversight.storage.evidence import Cell, CellFilter, Split
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from places import Place

SPLITS: Sequence[Sequence[Split]] = (
    (),
    (Split.INTENT,),
    (Split.DEPARTMENT, Split.TIER),
    tuple(Split),
)


def take_in(world: World, store: SqlStore) -> EvidenceFeed:
    """Put the world on record as it comes, with the feed at work in between; return it when it is done."""
    feed = EvidenceFeed(store, audit_due_h=DUE_H, decisions_a_batch=7, outcomes_a_batch=5)
    for decisions, outcomes, steps in world.batches:
        store.add(decisions, outcomes)
        for _ in range(steps):
            feed.step()
    finish(feed)
    return feed


def finish(feed: EvidenceFeed) -> None:
    """Feed until nothing is left."""
    while feed.step().more:
        pass


@contextmanager
def small_store() -> Iterator[SqlStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(file_url(Path(folder) / "records.db"), writer="replica-1")
        yield store
        store.close()


def counted(reader: SqlEvidence, wanted: CellFilter, split: Sequence[Split], now_us: int) -> dict[Cell, Counts]:
    return {found.cell: Counts(*found[1:]) for found in reader.rate_counts(wanted, split, now_us)}


WINDOWS = (
    CellFilter(),
    CellFilter(intent="refund"),
    CellFilter(intent="", tier=1),
    CellFilter(since_us=START_US + HOUR_US, until_us=START_US + 3 * HOUR_US),
)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 10))
def test_a_rate_is_what_the_statistics_count_in_rows(world: World, hours: int) -> None:
    """Whatever comes, and in whatever order: a figure that depends on the way it was counted is none."""
    with small_store() as store:
        take_in(world, store)
        reader = SqlEvidence(store.reading)
        for wanted in WINDOWS:
            for split in SPLITS:
                now_us = START_US + hours * HOUR_US
                assert counts_by_rows(world, wanted, split, now_us) == counted(reader, wanted, split, now_us)


@pytest.mark.parametrize("hours", [0, 5, 12, 30])
def test_a_rate_is_the_same_in_every_database(place: Place, hours: int) -> None:
    """The embedded one and the server count alike."""
    world = a_world(hours, 300, 500)
    store = SqlStore(place.url, writer="replica-1")
    take_in(world, store)
    reader = SqlEvidence(store.reading)
    now_us = START_US + hours * HOUR_US
    for wanted in WINDOWS:
        for split in SPLITS:
            assert counts_by_rows(world, wanted, split, now_us) == counted(reader, wanted, split, now_us)
        assert len(wanted_of(world, wanted)) == reader.volume(wanted)
    store.close()
