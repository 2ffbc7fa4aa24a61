"""Snapshots on their way into the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import StoreUnavailableError


class MemoryStore:
    """A `SnapshotStore` in memory that may be away."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.is_away = False

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep the first document of a digest."""
        if self.is_away:
            raise StoreUnavailableError("away")
        self.documents.setdefault(digest, document)

    def get_snapshot(self, digest: str) -> str | None:
        """Return it."""
        return self.documents.get(digest)


def test_what_was_put_is_sent_once(tmp_path: Path) -> None:
    """Nothing waits afterwards."""
    outbox, store = SnapshotOutbox(tmp_path), MemoryStore()
    outbox.put("d1", "größer")
    outbox.put("d2", "two")

    assert 2 == outbox.send(store)
    assert 0 == outbox.send(store)
    assert {"d1": "größer", "d2": "two"} == store.documents


def test_nothing_put_is_nothing_sent(tmp_path: Path) -> None:
    """The folder need not exist."""
    assert 0 == SnapshotOutbox(tmp_path).send(MemoryStore())


def test_snapshots_wait_for_the_store_also_over_a_restart(tmp_path: Path) -> None:
    """Decisions made meanwhile must be replayable one day."""
    store = MemoryStore()
    store.is_away = True
    SnapshotOutbox(tmp_path).put("d1", "one")
    with pytest.raises(StoreUnavailableError):
        SnapshotOutbox(tmp_path).send(store)

    store.is_away = False
    assert 1 == SnapshotOutbox(tmp_path).send(store)
    assert {"d1": "one"} == store.documents


def test_what_is_in_force_stays_after_it_was_sent(tmp_path: Path) -> None:
    """Readers find it while the store is down; it is sent once, and removed when it is not in force any more."""
    outbox, store = SnapshotOutbox(tmp_path), MemoryStore()
    outbox.put("d1", "one")
    outbox.in_force = frozenset({"d1"})

    assert [1, 0] == [outbox.send(store) for _ in range(2)]
    assert "one" == outbox.get("d1")

    outbox.in_force = frozenset()
    assert 0 == outbox.send(store)
    assert None is outbox.get("d1")
    outbox.put("d1", "one")
    assert 1 == outbox.send(store), "in force again is sent again"
