"""Where a store can be, for tests that look into the database beside it, or tamper with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from oversight.storage.sqlite import file_url


class Place(Protocol):
    """A database that a store can be opened on by `url`, and a way into it that is not the store's own."""

    url: str

    def ask(self, statement: str) -> list[Any]:
        """Run *statement* and commit; return its rows."""
        ...


class SqlitePlace:
    """A `Place` in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = file_url(file)

    def ask(self, statement: str) -> list[Any]:
        """Run *statement* and commit; return its rows."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(statement).fetchall()


class PostgresPlace:
    """A `Place` on a PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, statement: str) -> list[Any]:
        """Run *statement* and commit; return its rows."""
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
