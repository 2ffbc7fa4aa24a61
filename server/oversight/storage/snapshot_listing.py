"""Snapshots listed, the one last published first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Select, or_, select

from oversight.storage.tables import snapshots

__all__ = ["SnapshotKey", "SnapshotLister", "SqlSnapshotListing", "StoredSnapshot", "page_statement"]


class SnapshotKey(NamedTuple):
    """Where a snapshot stands in the list."""

    published_us: int
    digest: str


class StoredSnapshot(NamedTuple):
    """A snapshot's source, and when it was last published (microseconds since 1970, UTC)."""

    digest: str
    published_us: int
    document: str


class SnapshotLister(Protocol):
    """Snapshots listed, newest first."""

    def list_snapshots(self, limit: int, after: SnapshotKey | None) -> Sequence[StoredSnapshot]:
        """
        Return at most *limit* snapshots from behind *after* (None: from the newest).

        Fewer come only where no more follow. Raises `StoreUnavailableError`.
        """
        ...


class SqlSnapshotListing:
    """
    A `SnapshotLister` over an SQL database.

    *reading* gives a connection for one read, None where there is no database yet. A page is found by an index.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection | None]]) -> None:
        self._reading = reading

    def list_snapshots(self, limit: int, after: SnapshotKey | None) -> Sequence[StoredSnapshot]:
        """Return at most *limit* snapshots behind *after*; see `SnapshotLister.list_snapshots`."""
        with self._reading() as connection:
            if connection is None:
                return ()
            return tuple(StoredSnapshot(*row) for row in connection.execute(page_statement(limit, after)))


def page_statement(limit: int, after: SnapshotKey | None) -> Select[Any]:
    """Return what finds at most *limit* snapshots behind *after*."""
    at, digest = snapshots.c.created_at_us, snapshots.c.digest
    keys = select(digest).order_by(at.desc(), digest.desc()).limit(limit)
    if after is not None:
        # The first is implied by the second, and is what an index takes.
        keys = keys.where(at <= after.published_us, or_(at < after.published_us, digest < after.digest))
    # The documents only of the page: a sort would carry all of them along.
    page = select(digest, at, snapshots.c.document).where(digest.in_(keys))
    return page.order_by(at.desc(), digest.desc())
