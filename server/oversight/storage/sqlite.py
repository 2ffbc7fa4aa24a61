"""What is particular to SQLite; everything else of the store is the same in any database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

__all__ = ["READING", "database_file", "file_url", "open_engine"]

READING = "oversight_reading"
"""Execution option of connections that only read: they take no writer's lock."""

_WRITER_WAITS_MS = 5_000
_READER_WAITS_MS = 1_000

_WRITER = (
    # Not WAL: SQLite before 3.51.3 can corrupt a WAL database that two connections use ("WAL reset bug"). TRUNCATE and
    # not PERSIST: what was erased must not stay readable in the journal file.
    "PRAGMA journal_mode=TRUNCATE",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-16384",
    # Else a long transaction writes pages before its commit, and shuts readers out from then on.
    "PRAGMA cache_spill=OFF",
    f"PRAGMA busy_timeout={_WRITER_WAITS_MS}",
)
_READER = ("PRAGMA query_only=ON", f"PRAGMA busy_timeout={_READER_WAITS_MS}")


def file_url(path: Path) -> str:
    """Return the URL of the SQLite database in *path*, whatever characters are in it."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def database_file(url: str) -> Path:
    """Return the file that a URL of `file_url` names."""
    return Path(make_url(url).database or "")


def open_engine(url: str, *, read_only: bool) -> Engine:
    """
    Return an engine for the file that *url* names; connects to nothing yet.

    One that writes makes the file (mode 0600) and takes the writer's lock at the start of a transaction, because a
    lock taken later cannot be waited for. One that reads only never makes it, and can neither write nor alter it.
    """
    path = database_file(url)

    def connect() -> sqlite3.Connection:
        if not read_only:
            os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
        # mode=rw for readers too: only so can the first one after a crash roll back what was left half-written.
        name = f"file:{quote(str(path.absolute()))}?mode=rw"
        connection = sqlite3.connect(name, uri=True, check_same_thread=False, isolation_level=None)
        try:
            for statement in _READER if read_only else _WRITER:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine(url, creator=connect, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = read_only or connection.get_execution_options().get(READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
