"""Journals whose clock and file layer the test holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.memory_store import MemoryStore
from contract.samples import COUNT, DECODE
from journal_fakes import Clock, FaultyFiles
from oversight.journal.drain import Drain
from oversight.journal.journal import Journal

MakeJournal = Callable[..., Journal]


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the test's journals and drains."""
    return Clock()


@pytest.fixture
def files() -> FaultyFiles:
    """Return the file layer of the test's journals."""
    return FaultyFiles()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return DATA_DIR/journal."""
    return tmp_path / "journal"


@pytest.fixture
def make_journal(root: Path, clock: Clock, files: FaultyFiles) -> Iterator[MakeJournal]:
    """Return a maker of journals with small limits."""
    made: list[Journal] = []

    def make(
        worker: str = "worker-0",
        *,
        segment_bytes: int = 65_536,
        segment_age_s: float = 60,
        max_bytes: int = 1 << 30,
        sync: bool = False,
        count_sync: Callable[[int, int], None] = lambda _syncs, _calls: None,
    ) -> Journal:
        made.append(
            Journal(
                root / worker,
                segment_bytes=segment_bytes,
                segment_age_s=segment_age_s,
                max_bytes=max_bytes,
                sync=sync,
                count_sync=count_sync,
                clock=clock,
                files=files,
            )
        )
        return made[-1]

    yield make
    files.close_error = 0
    files.disk_answers.set()
    for journal in made:
        journal.close()


@pytest.fixture
def store() -> MemoryStore:
    """Return the store that is drained into."""
    return MemoryStore()


@pytest.fixture
def drain(root: Path, store: MemoryStore, clock: Clock) -> Drain:
    """Return a drain of small batches."""
    return Drain(root, store, decode=DECODE, count=COUNT, batch_records=3, clock=clock)
