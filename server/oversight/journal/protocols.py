"""What is needed of a journal, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeAlias, TypeVar

from oversight.errors import RecordUnavailableError

__all__ = ["Done", "Recorder", "Turns", "Unsynced"]

Done: TypeAlias = Callable[[RecordUnavailableError | None], None]
"""Is told why records are not on the disk, or None where they are; must neither wait nor raise."""

Result = TypeVar("Result")


class Unsynced(Protocol):
    """Records that are written, and not on the disk yet."""

    def when_synced(self, done: Done) -> None:
        """Call *done* from another thread, once, when they are on the disk or will never be; returns at once."""
        ...


Turns: TypeAlias = Generator[Unsynced | None, None, Result]
"""
The work of one call in turns.

Yields None where other calls may go first. Yields records that have to be on the disk before it goes on; where they
cannot be, `RecordUnavailableError` is thrown in.
"""


class Recorder(Protocol):
    """
    Where records go before a reply leaves.

    Both methods raise `RecordUnavailableError`, and then nothing was written. Where the recorder `syncs`, a reply has
    to wait for what they return; else they return None.
    """

    @property
    def syncs(self) -> bool:
        """Whether records have to reach the disk before a reply leaves."""
        ...

    def append(self, payload: bytes) -> Unsynced | None:
        """Put one record into the journal."""
        ...

    def append_many(self, payloads: Sequence[bytes]) -> Unsynced | None:
        """Put several records into the journal, all or none."""
        ...
