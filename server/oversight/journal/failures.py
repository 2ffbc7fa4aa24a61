"""Why the journal cannot record, in words for people and in one word for metrics."""

from __future__ import annotations

import errno
import os

from oversight.errors import RecordUnavailableError

__all__ = ["unavailable"]


def unavailable(error: Exception, what: str = "cannot be written") -> RecordUnavailableError:
    """
    Return the refusal to record for *error*; *what* is wrong with the journal.

    Without a path, because the text may go to a caller. `cause` in its metadata is the name of the error number (errno
    (3): ENOSPC, EIO), else of the exception's type.
    """
    number = error.errno if isinstance(error, OSError) else None
    kind = type(error).__name__
    words, cause = (os.strerror(number), errno.errorcode.get(number, kind)) if number else (kind, kind)
    return RecordUnavailableError(f"the journal {what}: {words}. See `oversight status`", cause=cause)
