"""
Every error the service raises on purpose.

* OversightError
  x CallError                       ends one call; each leaf has a status and an `ErrorReason` in `grpc_api.status`
    * InvalidRequestError           a field of a request is wrong
    * RequestTooLargeError          a message is larger than the limit
    * OverloadedError               too many calls wait already
    * DeadlineExpiredError          the deadline passed before work began
    * RecordUnavailableError        what was to be answered cannot be put on record
    * DecisionNotFoundError         no decision with this id is on record
    * RecordPendingError            the record may still be in a journal
    * StoreUnavailableError         the store cannot be read or written
    * NotReplayableError            the snapshot of a decision is missing or does not compile
    * UnauthenticatedError          a call has no credentials that are taken
    * PermissionDeniedError         the caller may not do this, or not for this tenant
    * TooManyFailuresError          too many calls from one address had wrong credentials
  x SetupError                      ends the process or the command; no caller can meet it
    * InvalidPolicyError            rule files do not compile
    * DataDirInUseError             another server has the data folder
    * AddressError                  an address is taken, malformed or not allowed
    * KeyFileError                  a key file is missing, unreadable or malformed
    * StartError                    a process of the server did not come up
    * UsageError                    what was asked of the command cannot be done
    * StoreVersionError             the database was laid out by another version
    * UntrustedCheckpointError      retention does not go on from a checkpoint that it did not sign
    * JournalFormatError            a journal holds what this version cannot read
    * JournalUnreadableError        a journal's folder or file cannot be read or removed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "AddressError",
    "CallError",
    "DataDirInUseError",
    "DeadlineExpiredError",
    "DecisionNotFoundError",
    "InvalidPolicyError",
    "InvalidRequestError",
    "JournalFormatError",
    "JournalUnreadableError",
    "KeyFileError",
    "NotReplayableError",
    "OverloadedError",
    "OversightError",
    "PermissionDeniedError",
    "Problem",
    "RecordPendingError",
    "RecordUnavailableError",
    "RequestTooLargeError",
    "SetupError",
    "StartError",
    "StoreUnavailableError",
    "StoreVersionError",
    "TooManyFailuresError",
    "UnauthenticatedError",
    "UntrustedCheckpointError",
    "UsageError",
]


class OversightError(Exception):
    """
    An error the service raises on purpose.

    The text is for people: what is wrong, what was expected, what to do. *metadata* is for software and becomes
    google.rpc.ErrorInfo's.
    """

    def __init__(self, text: str, **metadata: str) -> None:
        super().__init__(text)
        self.metadata: Mapping[str, str] = metadata


class CallError(OversightError):
    """An error that ends one call."""


class InvalidRequestError(CallError):
    """A field of a request is wrong; the field is named in the text and in the metadata."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}", field=field)


class RequestTooLargeError(CallError):
    """A message is larger than the limit."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"the message has {size_bytes:,} bytes, the limit is {limit_bytes:,} (setting max_message_bytes)",
            size_bytes=str(size_bytes),
            limit_bytes=str(limit_bytes),
        )


class OverloadedError(CallError):
    """Too many calls wait already; the caller should try again after the time in the trailer."""


class DeadlineExpiredError(CallError):
    """The call's deadline passed before work began; nothing was decided or recorded."""


class RecordUnavailableError(CallError):
    """
    What was to be answered cannot be put on record.

    `cause` in the metadata: LIMIT_REACHED, SHORT_WRITE, CLOSED, or the name of the operating system's error (ENOSPC).
    """

    def __init__(self, text: str, *, cause: str) -> None:
        super().__init__(text, cause=cause)


class DecisionNotFoundError(CallError):
    """No decision with this id is on record; *pending_outcomes* are, and wait for it."""

    def __init__(self, decision_id: str, pending_outcomes: int = 0) -> None:
        waiting = f"; outcomes of it that wait: {pending_outcomes}" if pending_outcomes else ""
        super().__init__(
            f"no decision {decision_id} is on record{waiting}",
            decision_id=decision_id,
            pending_outcomes=str(pending_outcomes),
        )


class RecordPendingError(CallError):
    """The record may be in a journal that could not be searched in time; trying again is right."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(
            f"decision {decision_id} is not in the store, and not every journal could be searched for it in time; "
            "try again",
            decision_id=decision_id,
        )


class StoreUnavailableError(CallError):
    """The store cannot be read or written."""


class NotReplayableError(CallError):
    """The snapshot of a decision is missing, or this version cannot replay it."""

    def __init__(self, digest: str, text: str) -> None:
        super().__init__(text, digest=digest)


class UnauthenticatedError(CallError):
    """A call has no credentials that are taken; which part was wrong is in the log, and kept from the caller."""

    def __init__(self) -> None:
        super().__init__("this call needs credentials that the server takes; its log says what was wrong")


class PermissionDeniedError(CallError):
    """The caller may not do this, or not for this tenant; *role* is the one it would need."""

    def __init__(self, text: str, *, role: str) -> None:
        super().__init__(text, role=role)


class TooManyFailuresError(CallError):
    """Too many calls from one address had wrong credentials; later ones may be taken."""

    def __init__(self) -> None:
        super().__init__("too many calls from this address had wrong credentials; try again later")


class SetupError(OversightError):
    """An error that ends the process or the command."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """
    One thing wrong with a rule file.

    `line` and `column` count from 1; 0 where the whole file is meant. `severity` is `error` (the set is refused) or
    `warning` (it is listed). `suggestion` is what was probably meant, or empty.
    """

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        """Return `file:line:column: message (did you mean …?)`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{place}: {self.message}{hint}"


class InvalidPolicyError(SetupError):
    """Rule files do not compile; `problems` has each with file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems: tuple[Problem, ...] = tuple(problems)


class DataDirInUseError(SetupError):
    """Another server has the data folder."""


class AddressError(SetupError):
    """An address is taken, malformed, or not allowed without `--insecure`."""


class KeyFileError(SetupError):
    """A key file is missing, unreadable or malformed."""


class StartError(SetupError):
    """A process of the server did not come up."""


class UsageError(SetupError):
    """What was asked of the command cannot be done: an option, a file or a column is wrong."""


class StoreVersionError(SetupError):
    """The database was laid out by another version of the server."""


class UntrustedCheckpointError(SetupError):
    """Retention does not go on from a checkpoint that it did not sign."""

    def __init__(self, chain: str, writer: str, problem: str) -> None:
        super().__init__(
            f"nothing more is removed from the {chain} of writer {writer}: the checkpoint there {problem}; see what "
            "`oversight verify` finds",
            chain=chain,
            writer=writer,
        )


class JournalFormatError(SetupError):
    """A journal holds a record that this version cannot read; it stays where it is, nothing is lost."""


class JournalUnreadableError(SetupError):
    """A journal's folder or file cannot be read or removed; it stays where it is, nothing is lost."""
