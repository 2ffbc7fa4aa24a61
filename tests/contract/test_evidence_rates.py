"""Error rates counted by a database are those that the statistics count in rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.evidence_world import (
    HOUR_US,
    MINUTE_US,
    SPLITS,
    START_US,
    WINDOWS,
    World,
    a_world,
    counted,
    counts_by_rows,
    make_decision,
    take_in,
    wanted_of,
    worlds,
)
from contract.samples import an_outcome_record
from oversight.storage.evidence import (
    Cell,
    CellFilter,
    Split,
)
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from places import Place

_MEMORY = "/dev/shm"  # noqa: S108 - files of tests, in a folder of their own


@contextmanager
def small_store() -> Iterator[SqlStore]:
    # In memory where there is room for that: each example waits for the disk some hundred times.
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as folder:
        store = SqlStore(file_url(Path(folder) / "records.db"), writer="replica-1")
        yield store
        store.close()


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 10), st.sampled_from(WINDOWS), st.sampled_from(SPLITS))
def test_a_rate_is_what_the_statistics_count_in_rows(
    world: World, hours: int, wanted: CellFilter, split: Sequence[Split]
) -> None:
    """Whatever comes, and in whatever order: a figure that depends on the way it was counted is none."""
    with small_store() as store:
        take_in(world, store)
        now_us = START_US + hours * HOUR_US
        found = counted(SqlEvidence(store.reading), wanted, split, now_us)
        assert counts_by_rows(world, wanted, split, now_us) == found


@settings(max_examples=30, deadline=None)
@given(worlds(), st.integers(0, 10), st.sampled_from(WINDOWS))
def test_rates_counted_together_are_those_counted_alone(world: World, hours: int, wanted: CellFilter) -> None:
    """One look at the labels serves several splits, each with an end and a least chance of its own."""
    with small_store() as store:
        take_in(world, store)
        reader, now_us = SqlEvidence(store.reading), START_US + hours * HOUR_US
        alone = [reader.rate_counts(wanted, [split], now_us)[0] for split in SPLITS]
        assert alone == reader.rate_counts(wanted, SPLITS, now_us)


BORDER = 80
"""The minute at which the oldest pending decision was made."""


@pytest.mark.parametrize(
    ("rare", "census", "n"),
    [
        ((70,), (), 0),  # one with a small chance is settled, and thins out all others
        ((BORDER,), (), 40),  # it is not
        ((90,), (), 40),
        ((30,), (), 0),  # in an hour that is settled as a whole
        ((70,), (70,), 41),  # a census looked at it, and at everything
        ((70, 90), (70,), 41),  # the other one is not settled
        ((70, 75), (70,), 0),
        ((70, 90), (90,), 0),
        ((30, 45), (30,), 0),
    ],
)
def test_the_border_of_what_is_settled_is_exact(
    place: Place, rare: Sequence[int], census: Sequence[int], n: int
) -> None:
    """The least chance among the settled decides how many labels count; hours alone would not tell."""
    store = SqlStore(place.url, writer="replica-1")
    reviewed = [
        make_decision(number, minute=10, tier=1, audit_selected=True, audit_probability=1.0) for number in range(1, 41)
    ]
    rarely = [
        make_decision(100 + minute, minute=minute, tier=1, audit_probability=0.0001 if minute in rare else 1.0)
        for minute in rare
    ]
    pending = make_decision(99, minute=BORDER, tier=1, audit_selected=True, audit_probability=1.0)
    outcomes = [
        *(an_outcome_record(number, verdict=1, label_basis=2) for number in range(1, 41)),
        *(an_outcome_record(100 + minute, verdict=1, label_basis=3) for minute in census),
    ]
    world = World([([*reviewed, *rarely, pending], outcomes, 0)])
    take_in(world, store)

    found = counted(SqlEvidence(store.reading), CellFilter(), (), START_US + 2 * HOUR_US)

    assert counts_by_rows(world, CellFilter(), (), START_US + 2 * HOUR_US) == found
    assert n == found[Cell()].n
    store.close()


def test_what_is_due_at_this_moment_is_pending_still(place: Place) -> None:
    """A microsecond later it is missed, and counts."""
    store = SqlStore(place.url, writer="replica-1")
    decisions = [make_decision(number, minute=number, tier=2, review_sla_s=60) for number in (1, 2)]
    world = World([(decisions, [an_outcome_record(2, verdict=1, label_basis=1)], 0)])
    take_in(world, store)
    reader = SqlEvidence(store.reading)

    for now_us, counts in ((START_US + 2 * MINUTE_US, (0, 0)), (START_US + 2 * MINUTE_US + 1, (1, 1))):
        found = counted(reader, CellFilter(), (), now_us)
        assert counts_by_rows(world, CellFilter(), (), now_us) == found
        assert counts == (found[Cell()].n, found[Cell()].missed)
    store.close()


@pytest.mark.parametrize("hours", [5, 12])
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
