"""What went wrong in a database, in words that may leave the process."""

from __future__ import annotations

from oversight.errors import StoreUnavailableError

__all__ = ["store_unavailable"]


def store_unavailable(done: str, error: Exception) -> StoreUnavailableError:
    """Return the error for a store that could not be *done* ("read", "written") because of *error*."""
    # The driver's own words only ("database is locked"): SQLAlchemy's have the statement in them.
    cause = getattr(error, "orig", None) or error
    return StoreUnavailableError(
        f"the store cannot be {done}: {type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
    )
