"""Which kind of database a URL names."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from oversight.errors import StartError
from oversight.storage.open import open_database, open_engine
from oversight.storage.postgresql import PostgresqlDatabase
from oversight.storage.sqlite import SqliteDatabase, file_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_server_is_not_asked_before_it_is_needed(scheme: str) -> None:
    """A store that is down keeps nobody from starting."""
    database = open_database(f"{scheme}://u@127.0.0.1:1/d", read_only=True)

    assert isinstance(database, PostgresqlDatabase)
    assert "postgresql+psycopg" == database.engine.url.drivername
    assert database.is_there()


def test_a_file_is_not_made_before_it_is_needed(tmp_path: Path) -> None:
    """Nor by anyone who only reads."""
    database = open_database(file_url(tmp_path / "records.db"), read_only=False)

    assert isinstance(database, SqliteDatabase)
    assert not database.is_there()
    assert [] == list(tmp_path.iterdir())


def test_a_second_connection_does_not_drop_the_lock_of_the_first(tmp_path: Path) -> None:
    """Whoever opens and closes the file takes this process's locks with it, and others would write at the same time."""
    url = file_url(tmp_path / "records.db")
    first, second = (open_database(url, read_only=False) for _ in range(2))
    others = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None);"
        " connection.execute('BEGIN IMMEDIATE')"
    )

    def try_to_write() -> str:
        command = [sys.executable, "-c", others, str(tmp_path / "records.db")]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    with first.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        assert "database is locked" in try_to_write()
        second.engine.raw_connection().close()
        assert "database is locked" in try_to_write()
    assert "" == try_to_write()
    for database in (first, second):
        database.engine.dispose()
    assert 0o600 == stat.S_IMODE((tmp_path / "records.db").stat().st_mode)


def test_any_other_kind_is_refused() -> None:
    """Its locks and its errors are known to nobody here."""
    with pytest.raises(StartError, match="a store in mysql is not supported: SQLite and PostgreSQL are"):
        open_engine("mysql://u@h/d", read_only=True)


def test_an_embedded_store_does_not_load_the_driver_of_a_server() -> None:
    """Nor Alembic: most servers need neither, and would hold both."""
    loaded = "print({'psycopg', 'alembic'}.intersection(sys.modules))"
    program = f"import sys, oversight.app.controller, oversight.app.keeper; {loaded}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "set()\n" == done.stdout
