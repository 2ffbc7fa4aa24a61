"""Which of the processes on one database does what one of them has to do."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Election", "SoleProcess"]


class Election(Protocol):
    """Tells one process of all those on one database that it is the one; never two at the same time for long."""

    def is_elected(self) -> bool:
        """Return whether it is this one, as far as can be known now; where the database is away, it is not."""
        ...

    def close(self) -> None:
        """Let another one be it."""
        ...


class SoleProcess:
    """The `Election` where there is no other process: a data folder belongs to one server."""

    def is_elected(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing."""
