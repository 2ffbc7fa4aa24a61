"""An election by a lock of PostgreSQL, which goes with the session that holds it."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import URL

from oversight.storage.postgresql_listener import session_parameters

__all__ = ["PostgresqlElection"]

_LOCK = 0x6B656570_6572
"""Of PostgreSQL's advisory locks, the one of whoever is elected: "keeper" in ASCII."""
_log = logging.getLogger(__name__)


class PostgresqlElection:
    """
    An `Election` with a session of its own at *url*, which holds the lock as long as it lives.

    A process that dies, or loses its connection, is elected no longer; the server gives the lock to the next that asks.
    Until it has noticed (at once where the process died, else within about half a minute of silence) nobody is. For any
    number of threads. Behind a pool that hands connections around a lock may belong to nobody or to several: what is
    done must be right then, too, and is done once only by its own means.
    """

    def __init__(self, url: URL, *, connect_timeout_s: float) -> None:
        self._parameters = session_parameters(url, connect_timeout_s)
        self._connection: psycopg.Connection[Any] | None = None
        self._elected = False
        self._closed = False
        self._lock = threading.Lock()

    def is_elected(self) -> bool:
        """Ask the server, and try to be it where this one is not; False where the server does not answer."""
        with self._lock:
            before, self._elected = self._elected, self._ask()
            if before != self._elected:
                _log.info("this keeper %s", "is elected" if self._elected else "is not elected any more")
            return self._elected

    def close(self) -> None:
        """End the session, and with it the lock; this one is not elected again."""
        with self._lock:
            self._closed = True
            self._forget()
            self._elected = False

    def _ask(self) -> bool:
        if self._closed:
            return False
        try:
            if self._connection is None:
                self._connection = psycopg.connect(**self._parameters)
                self._elected = False
            # The lock goes with the session: where that answers, it is held still.
            question = b"SELECT true" if self._elected else f"SELECT pg_try_advisory_lock({_LOCK})".encode()
            row = self._connection.execute(question).fetchone()
        except (psycopg.Error, OSError):
            self._forget()
            return False
        return bool(row and row[0])

    def _forget(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
