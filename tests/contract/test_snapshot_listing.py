"""What every list of snapshots promises: the one last published first, and pages that neither repeat nor leave out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oversight.errors import StoreUnavailableError
from oversight.storage.snapshot_listing import SnapshotKey, SqlSnapshotListing, StoredSnapshot
from oversight.storage.sql import SqlStore
from places import Place


class Clock:
    """Seconds that pass when told to."""

    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[SqlStore]:
    store = SqlStore(place.url, writer="replica-1", clock=clock)
    yield store
    store.close()


def put(store: SqlStore, clock: Clock, *names: str) -> None:
    """Publish snapshots at the same moment, a second after the last."""
    clock.now_s += 1
    for name in names:
        store.put_snapshot(name * 64, f"the source of {name}")


def test_the_last_published_is_the_first(store: SqlStore, clock: Clock) -> None:
    """Also one that was in force before and is again; those of one moment by their digest."""
    for names in ("a", "cb", "d", "a"):
        put(store, clock, *names)
    listing = SqlSnapshotListing(store.reading)

    found = listing.list_snapshots(10, None)

    assert ["a", "d", "c", "b"] == [one.digest[0] for one in found]
    assert StoredSnapshot("a" * 64, 1_800_000_004_000_000, "the source of a") == found[0]


def test_pages_neither_repeat_nor_leave_out(store: SqlStore, clock: Clock) -> None:
    """Whatever shares its moment with others."""
    for names in ("a", "bcd", "ef", "0"):
        put(store, clock, *names)
    listing = SqlSnapshotListing(store.reading)
    seen: list[str] = []
    after = None
    while page := listing.list_snapshots(2, after):
        seen += [one.digest[0] for one in page]
        after = SnapshotKey(page[-1].published_us, page[-1].digest)

    assert ["0", "f", "e", "d", "c", "b", "a"] == seen


def test_a_store_that_is_not_there_yet_has_none(place: Place) -> None:
    """At the first start nothing was published."""
    reader = SqlStore(place.url, writer="", read_only=True)

    assert () == SqlSnapshotListing(reader.reading).list_snapshots(10, None)
    reader.close()


def test_a_store_that_cannot_be_read_is_said(store: SqlStore, clock: Clock, place: Place) -> None:
    """Not an empty list."""
    put(store, clock, "a")
    place.ask("DROP TABLE snapshots")

    with pytest.raises(StoreUnavailableError):
        SqlSnapshotListing(store.reading).list_snapshots(10, None)
