"""PostgreSQL's word that there is a new control event: a hint that saves waiting, never what is relied on."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import URL, create_engine

from oversight.storage.control_store import CHANNEL

__all__ = ["PostgresqlListener", "session_parameters"]

_POLL_S = 0.5
_AGAIN_S = 5.0
"""Between two attempts to listen: a server that is down is looked for by whoever reads the events."""
_log = logging.getLogger(__name__)


class PostgresqlListener:
    """
    A `ControlListener` with a connection of its own to *url*; *poll_s* seconds without a word are a wait, too.

    `listens` is set once it hears; where it does not, it tries again every *again_s* seconds.

    Behind a pool that hands connections around nobody may hear anything: then it polls.
    """

    def __init__(
        self, url: URL, *, connect_timeout_s: float, poll_s: float = _POLL_S, again_s: float = _AGAIN_S
    ) -> None:
        self.listens = threading.Event()
        self._poll_s = poll_s
        self._again_s = again_s
        self._parameters = session_parameters(url, connect_timeout_s)
        self._connection: psycopg.Connection[Any] | None = None
        self._try_at_s = 0.0
        self._said = ""

    def wait(self) -> None:
        """Return at a notification, or after half a second."""
        end_s = time.monotonic() + self._poll_s
        try:
            connection = self._connected()
            if connection is not None:
                for _ in connection.notifies(timeout=self._poll_s, stop_after=1):
                    return
        except (psycopg.Error, OSError) as error:
            self._forget(error)
        time.sleep(max(0.0, end_s - time.monotonic()))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[Any] | None:
        if self._connection is None and time.monotonic() >= self._try_at_s:
            self._try_at_s = time.monotonic() + self._again_s
            self._connection = psycopg.connect(**self._parameters)
            self._connection.execute(f"LISTEN {CHANNEL}".encode())
            self._said = ""
            self.listens.set()
        return self._connection

    def _forget(self, error: Exception) -> None:
        self.close()
        # Its text may hold the address, never the password; the kind alone is enough beside what readers say.
        name = type(error).__name__
        if name != self._said:
            _log.warning("no word of changes comes from the store (%s); it is looked at twice a second", name)
        self._said = name


def session_parameters(url: URL, connect_timeout_s: float) -> dict[str, Any]:
    """Return what psycopg opens a session of its own at *url* with, apart from those of the store."""
    place = url.set(drivername="postgresql+psycopg")
    _, parameters = create_engine(place).dialect.create_connect_args(place)
    return {
        **parameters,
        "autocommit": True,
        "application_name": "oversight",
        "connect_timeout": max(2, math.ceil(connect_timeout_s)),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
