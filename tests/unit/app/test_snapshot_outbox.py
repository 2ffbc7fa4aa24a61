"""Snapshots on their way into the store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import StoreUnavailableError


class MemoryStore:
    """A `SnapshotStore` in memory that may be away."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.is_away = False
        self.before: Callable[[], object] = lambda: None

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep the first document of a digest."""
        if self.is_away:
            raise StoreUnavailableError("away")
        self.before()
        self.documents.setdefault(digest, document)

    def get_snapshot(self, digest: str) -> str | None:
        """Return it."""
        return self.documents.get(digest)


def publish(outbox: SnapshotOutbox, digest: str) -> None:
    """Bring *digest* into force, as the controller does."""
    with outbox.holding([digest]) as missing:
        for one in missing:
            outbox.put(one, one)


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
    controller, keeper, store = SnapshotOutbox(tmp_path), SnapshotOutbox(tmp_path), MemoryStore()
    publish(controller, "d1")

    assert [1, 0] == [keeper.send(store) for _ in range(2)]
    assert "d1" == keeper.get("d1")
    assert {"d1"} == keeper.digests()

    publish(controller, "d2")
    assert {"d2"} == keeper.digests()
    assert None is keeper.get("d1")
    publish(controller, "d1")
    assert 2 == keeper.send(store), "in force again is sent again"


def test_what_was_replaced_before_it_was_sent_is_sent(tmp_path: Path) -> None:
    """Decisions rest on it."""
    controller, store = SnapshotOutbox(tmp_path), MemoryStore()
    publish(controller, "d1")
    publish(controller, "d2")

    assert 2 == SnapshotOutbox(tmp_path).send(store)
    assert {"d1", "d2"} == store.documents.keys()


def test_another_keeper_sends_what_is_in_force_again(tmp_path: Path) -> None:
    """The server may have been started with another store."""
    publish(SnapshotOutbox(tmp_path), "d1")
    SnapshotOutbox(tmp_path).send(MemoryStore())
    other, keeper = MemoryStore(), SnapshotOutbox(tmp_path)
    other.is_away = True
    with pytest.raises(StoreUnavailableError):
        keeper.send(other)

    other.is_away = False
    assert [1, 0] == [keeper.send(other) for _ in range(2)]
    assert {"d1": "d1"} == other.documents


def test_one_that_is_removed_while_it_is_sent_again_disturbs_nobody(tmp_path: Path) -> None:
    """The controller publishes at any moment."""
    controller, store = SnapshotOutbox(tmp_path), MemoryStore()
    publish(controller, "d1")
    SnapshotOutbox(tmp_path).send(MemoryStore())
    store.before = lambda: publish(controller, "d2")

    SnapshotOutbox(tmp_path).send(store)

    assert {"d2"} == controller.digests()


def test_two_processes_share_the_folder_and_nothing_is_missed(tmp_path: Path) -> None:
    """The controller publishes as fast as it can while the keeper sends: whatever decided must be in the store."""
    program = (
        "import sys; from pathlib import Path; from oversight.app.snapshot_outbox import SnapshotOutbox\n"
        "outbox = SnapshotOutbox(Path(sys.argv[1]))\n"
        "for number in range(400):\n"
        "    digest = f'd{number % 7}'\n"
        "    with outbox.holding([digest]) as missing:\n"
        "        assert missing or number == 0\n"
        "        outbox.put(digest, digest)\n"
        "    assert outbox.get(digest) == digest, 'in force, and not here'\n"
    )
    store, keeper = MemoryStore(), SnapshotOutbox(tmp_path)
    controller = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    while controller.poll() is None:
        keeper.send(store)
        here = keeper.digests()
        assert not here or all(keeper.get(digest) in (digest, None) for digest in here)
    keeper.send(store)

    assert 0 == controller.returncode
    assert {f"d{number}": f"d{number}" for number in range(7)} == store.documents
    assert f"d{399 % 7}" in keeper.digests(), "what is in force stays"
    assert [] == list((tmp_path / "snapshots").glob("*.json")), "all of it is sent"


def test_what_could_not_be_published_is_missing_the_next_time(tmp_path: Path) -> None:
    """Else it would be in force one day, and nobody could find it."""
    outbox = SnapshotOutbox(tmp_path)
    with outbox.holding(["d1"]) as missing:
        assert {"d1"} == missing

    def fail() -> None:
        with outbox.holding(["d1", "d2"]) as missing:
            assert {"d2"} == missing
            assert {"d1", "d2"} == outbox.in_force
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()

    assert {"d1"} == outbox.in_force
    with outbox.holding(["d2"]) as missing:
        assert {"d2"} == missing
    assert {"d2"} == outbox.in_force
