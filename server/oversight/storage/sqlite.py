"""What is particular to SQLite; everything else of the store is the same in any database."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, make_url
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from oversight.storage.database import READING
from oversight.storage.prompt_commits import commit_promptly
from oversight.storage.rows import Row

__all__ = ["SqliteDatabase", "database_file", "file_url"]

_FILE = "file"
"""What a pooled connection notes the file under that it opened: device and inode."""
_WRITER_WAITS_MS = 5_000
_READER_WAITS_MS = 2_000  # more than a commit takes; no more, because whoever reads may find it in the journals, too

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


def database_file(url: str | URL) -> Path:
    """Return the file that a URL of `file_url` names."""
    return Path(make_url(url).database or "")


class SqliteDatabase:
    """
    A `Database` in the file that *url* names.

    One that writes makes the file (mode 0600) and takes the writer's lock at the start of a transaction, because a
    lock taken later cannot be waited for. One that reads only never makes it, and can neither write nor alter it.

    A file that was there and is gone is no empty database: everything fails until it is back. Where another one was put
    in its place, that is what is read and written from then on.
    """

    def __init__(self, url: URL, *, read_only: bool) -> None:
        self._file = database_file(url)
        self._read_only = read_only
        self._was_there = False
        self._inserts: dict[str, str] = {}
        self.engine: Engine = create_engine(url, creator=self._connect, hide_parameters=True)
        event.listen(self.engine, "connect", self._note_file)
        event.listen(self.engine, "checkout", self._check_file)
        event.listen(self.engine, "begin", self._begin)
        event.listen(self.engine, "commit", self._commit)

    def is_there(self) -> bool:
        """Return whether there is a file, or was one: then connecting says that it is gone."""
        return self._was_there or self._file.exists()

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert *rows* as `Database.insert` says."""
        statement = self._inserts.get(table.name)
        if statement is None:
            statement = self._inserts[table.name] = str(insert(table).compile(self.engine))
        # Straight to the driver: SQLAlchemy's handling of each value would cost more than the insert itself.
        connection.exec_driver_sql(statement, list(rows))

    def lock_schema(self, connection: Connection) -> None:
        """Do nothing: a transaction that writes has the writer's lock from its start."""

    def may_repeat(self, error: Exception) -> bool:
        """Tell whether a key was taken meanwhile."""
        return isinstance(error, IntegrityError)

    def describe(self, error: Exception) -> str:
        """Return the driver's own words ("database is locked")."""
        cause = getattr(error, "orig", None) or error
        return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"

    def _connect(self) -> sqlite3.Connection:
        if self._was_there and not self._file.exists():
            raise FileNotFoundError(f"{self._file} is gone: put it back")
        if not self._read_only:
            _make_file(self._file)
        # mode=rw for readers too: only so can the first one after a crash roll back what was left half-written.
        name = f"file:{quote(str(self._file.absolute()))}?mode=rw"
        connection = sqlite3.connect(name, uri=True, check_same_thread=False, isolation_level=None)
        try:
            for statement in _READER if self._read_only else _WRITER:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _note_file(self, _: object, record: ConnectionPoolEntry) -> None:
        record.info[_FILE] = self._identify()
        self._was_there = True

    def _check_file(self, _: object, record: ConnectionPoolEntry, __: object) -> None:
        # What is written to a file that was moved away or removed is lost, and what is read there is of yesterday.
        if record.info[_FILE] != self._identify():
            raise DisconnectionError(f"{self._file} is not the file that was opened")

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if self._reads(connection) else "BEGIN IMMEDIATE")

    def _commit(self, connection: Connection) -> None:
        # Not of one that has read: it would wait for a commit that waits for it.
        if not self._reads(connection):
            commit_promptly(connection)

    def _reads(self, connection: Connection) -> bool:
        return self._read_only or bool(connection.get_execution_options().get(READING, False))


def _make_file(path: Path) -> None:
    """
    Make an empty file for its owner alone, where there is none.

    Without opening it: to close any descriptor of a file drops every POSIX lock that the process has on it, also those
    of SQLite's other connections. Then a reader elsewhere finds a journal without a lock, takes it for what a crash
    left, and rolls it back under the writer's hands (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(FileExistsError):
        os.mknod(path, 0o600 | stat.S_IFREG)
