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
    * StaleRevisionError            the thresholds changed since they were read
    * StaleRulesError               the rules changed since a change of thresholds was looked at
    * ThresholdRefusedError         a change of thresholds cannot be made
      x UnknownThresholdError       the rules have no such threshold
      x UnknownScopeError           the rules have no such policy, intent or department
      x OutOfBoundsError            a value is beyond the threshold's bounds
      x ConstraintBrokenError       a constraint between thresholds would not hold
      x LooserThanParentError       a policy would be looser than the one it extends
      x JustificationMissingError   a change has no justification
    * ApprovalError                 what needs a second person cannot be done
      x SecondPersonNeededError     the caller is the first person, or not known by authentication
      x NotPendingError             no such change waits, or it could not come into force as proposed
    * StopNotEngagedError           no stop of this scope is engaged
    * NotRecommendableError         no value of this threshold can be proven, whatever the labels say
    * PolicyNotFoundError           there is no such policy or snapshot
    * UnauthenticatedError          a call has no credentials that are taken
    * PermissionDeniedError         the caller may not do this, or not for this tenant
    * TooManyFailuresError          too many calls from one address had wrong credentials
  x SetupError                      ends the process or the command; no caller can meet it
    * InvalidPolicyError            rule files do not compile
    * DataDirInUseError             another server has the data folder
    * AddressError                  an address is taken, malformed or not allowed
    * KeyFileError                  a key file is missing, unreadable or malformed
    * StartError                    a process of the server did not come up
    * SimulationError               a simulation could not go on
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
    "ApprovalError",
    "CallError",
    "ConstraintBrokenError",
    "DataDirInUseError",
    "DeadlineExpiredError",
    "DecisionNotFoundError",
    "InvalidPolicyError",
    "InvalidRequestError",
    "JournalFormatError",
    "JournalUnreadableError",
    "JustificationMissingError",
    "KeyFileError",
    "LooserThanParentError",
    "NotPendingError",
    "NotRecommendableError",
    "NotReplayableError",
    "OutOfBoundsError",
    "OverloadedError",
    "OversightError",
    "PermissionDeniedError",
    "PolicyNotFoundError",
    "Problem",
    "RecordPendingError",
    "RecordUnavailableError",
    "RequestTooLargeError",
    "SecondPersonNeededError",
    "SetupError",
    "SimulationError",
    "StaleRevisionError",
    "StaleRulesError",
    "StartError",
    "StopNotEngagedError",
    "StoreUnavailableError",
    "StoreVersionError",
    "ThresholdRefusedError",
    "TooManyFailuresError",
    "UnauthenticatedError",
    "UnknownScopeError",
    "UnknownThresholdError",
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


class StaleRevisionError(CallError):
    """The thresholds changed since they were read; read them again and decide anew."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"the thresholds are at revision {found}, not at {expected}: they changed since they were read; read them "
            "again and decide anew",
            expected=str(expected),
            found=str(found),
        )


class StaleRulesError(CallError):
    """The rules in force changed since a change of thresholds was looked at; look again and decide anew."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"expected_rules_digest: the rules in force are {found}, not {expected}: they changed since the change was "
            "looked at, and nothing was changed; look at it again and decide anew",
            expected=expected,
            found=found,
        )


class ThresholdRefusedError(CallError):
    """A change of thresholds cannot be made; each leaf says why."""


class UnknownThresholdError(ThresholdRefusedError):
    """The rules in force have no such threshold."""

    def __init__(self, field: str, text: str, suggestion: str = "") -> None:
        super().__init__(f"{field}: {text}{_hint(suggestion)}", field=field, **_suggested(suggestion))


class UnknownScopeError(ThresholdRefusedError):
    """The rules in force have no such policy, intent, department or currency, or no decision could meet it."""

    def __init__(self, field: str, text: str, suggestion: str = "") -> None:
        super().__init__(f"{field}: {text}{_hint(suggestion)}", field=field, **_suggested(suggestion))


class OutOfBoundsError(ThresholdRefusedError):
    """A threshold's value is beyond its bounds, or no whole number where it counts something."""

    def __init__(self, field: str, text: str, minimum: float, maximum: float) -> None:
        super().__init__(f"{field}: {text}", field=field, minimum=f"{minimum:.15g}", maximum=f"{maximum:.15g}")


class ConstraintBrokenError(ThresholdRefusedError):
    """A constraint between thresholds would not hold in some scope."""

    def __init__(self, text: str, *, constraint: str, policy: str, scope: str) -> None:
        super().__init__(text, constraint=constraint, policy=policy, scope=scope)


class LooserThanParentError(ThresholdRefusedError):
    """A policy would be looser than the one it extends, in some scope."""

    def __init__(self, text: str, *, policy: str, parent: str, scope: str) -> None:
        super().__init__(text, policy=policy, parent=parent, scope=scope)


class JustificationMissingError(ThresholdRefusedError):
    """A change has no justification."""

    def __init__(self) -> None:
        super().__init__(
            "justification: expected why this is done, in words; it is kept for ever (--justification, -m)",
            field="justification",
        )


class ApprovalError(CallError):
    """What needs a second person cannot be done; each leaf says why."""


class SecondPersonNeededError(ApprovalError):
    """The caller is the first person already, or cannot be told apart from others."""


class NotPendingError(ApprovalError):
    """No change with this revision waits for approval, or it could not come into force as it was proposed."""

    def __init__(self, revision: int, text: str) -> None:
        super().__init__(text, revision=str(revision))


class StopNotEngagedError(CallError):
    """No stop of this scope is engaged."""


class NotRecommendableError(CallError):
    """A threshold is not the one limit of one signal that keeps a reply from the loop, or no value of it is allowed."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"name: {text}", threshold=name)


def _hint(suggestion: str) -> str:
    return f" (did you mean {suggestion!r}?)" if suggestion else ""


def _suggested(suggestion: str) -> dict[str, str]:
    return {"suggestion": suggestion} if suggestion else {}


class PolicyNotFoundError(CallError):
    """There is no such policy or snapshot; `policy` and `digest` in the metadata."""

    def __init__(self, text: str, *, policy: str, digest: str) -> None:
        super().__init__(text, policy=policy, digest=digest)


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


class SimulationError(SetupError):
    """A simulation could not go on: its server ended, or did not do what was waited for."""


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
