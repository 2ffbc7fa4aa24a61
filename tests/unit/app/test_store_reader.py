"""The store as workers read it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from builders import KEYS
from oversight.app.store import WRITER, store_url
from oversight.app.store_reader import StoreReader
from oversight.storage.sql import SqlStore

DIGEST = "d" * 64
HEAVY = ("sqlalchemy", "ruamel", "dulwich", "scipy", "numpy", "typer", "rich")
"""What only some calls or other processes need, each several megabytes."""


def test_a_store_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    """A worker may be asked before the controller has written anything."""
    reader = StoreReader(tmp_path, KEYS)

    assert (None, None) == (reader.find_decision("0" * 32), reader.get_snapshot(DIGEST))
    assert [] == list(tmp_path.iterdir())


def test_what_is_written_later_is_read(tmp_path: Path) -> None:
    """The reader is opened once and outlives many drains."""
    reader = StoreReader(tmp_path, KEYS)
    assert reader.get_snapshot(DIGEST) is None
    store = SqlStore(store_url(tmp_path), writer=WRITER)
    store.put_snapshot(DIGEST, "{}")
    store.close()

    assert "{}" == reader.get_snapshot(DIGEST)
    assert reader.find_decision("0" * 32) is None


def test_many_may_be_the_first_to_read(tmp_path: Path) -> None:
    """Reads have several threads."""
    reader = StoreReader(tmp_path, KEYS)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(reader.get_snapshot, [DIGEST] * 64))

    assert [None] * 64 == found


def test_a_worker_that_only_decides_holds_no_more_than_it_needs() -> None:
    """There is one worker for each CPU; what each holds in vain is paid for as often."""
    program = f"import sys, oversight.app.worker; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
