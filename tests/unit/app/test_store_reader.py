"""The store as workers read it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oversight.app.store import open_store
from oversight.app.store_reader import StoreReader
from oversight.app.writer import make_writer
from oversight.errors import StoreUnavailableError
from oversight.settings import Settings

DIGEST = "d" * 64
HEAVY = ("sqlalchemy", "psycopg", "alembic", "ruamel", "dulwich", "scipy", "numpy", "typer", "rich")
"""What only some calls or other processes need, each several megabytes."""


def test_a_store_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    """A worker may be asked before the controller has written anything."""
    reader = StoreReader(Settings(data_dir=tmp_path))

    assert (None, None) == (reader.find_decision("0" * 32), reader.get_snapshot(DIGEST))
    assert [] == list(tmp_path.iterdir())


def test_what_is_written_later_is_read(tmp_path: Path) -> None:
    """The reader is opened once and outlives many drains."""
    reader = StoreReader(Settings(data_dir=tmp_path))
    assert reader.get_snapshot(DIGEST) is None
    store = open_store(Settings(data_dir=tmp_path))
    store.put_snapshot(DIGEST, "{}")
    store.close()

    assert "{}" == reader.get_snapshot(DIGEST)
    assert reader.find_decision("0" * 32) is None


def test_a_server_is_read_from_too(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the password that came apart from its URL."""
    monkeypatch.setenv("OVERSIGHT_STORE", postgres_url)
    settings = Settings(data_dir=tmp_path)
    make_writer(settings)
    reader = StoreReader(settings)
    assert reader.get_snapshot(DIGEST) is None
    store = open_store(settings)
    store.put_snapshot(DIGEST, "{}")
    store.close()

    assert "{}" == reader.get_snapshot(DIGEST)
    assert reader._store is not None  # noqa: SLF001 - a worker holds it until its end
    reader._store.close()  # noqa: SLF001 - likewise


def test_a_password_that_is_gone_is_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    """The caller is told what to wait for, not that something is broken inside."""
    reader = StoreReader(Settings(data_dir=tmp_path, store="postgresql://u@h/d", store_password_file=tmp_path / "gone"))

    with pytest.raises(StoreUnavailableError, match="cannot be read: the password file"):
        reader.get_snapshot(DIGEST)


def test_many_may_be_the_first_to_read(tmp_path: Path) -> None:
    """Reads have several threads."""
    reader = StoreReader(Settings(data_dir=tmp_path))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(reader.get_snapshot, [DIGEST] * 64))

    assert [None] * 64 == found


def test_a_worker_that_only_decides_holds_no_more_than_it_needs() -> None:
    """There is one worker for each CPU; what each holds in vain is paid for as often."""
    program = f"import sys, oversight.app.worker; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
