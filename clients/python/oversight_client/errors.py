"""
Every error the client raises on purpose.

* OversightError
  x CallError                   a call failed: `code` is its status, `reason` the service's word for it
    * InvalidRequestError       INVALID_ARGUMENT: a field of the request is wrong; sending it again is no use
    * UnavailableError          UNAVAILABLE: the service could not be reached, or could not put it on record
    * CallCancelledError        CANCELLED: the call was dropped on the way, as when a server stops
    * DeadlineExceededError     DEADLINE_EXCEEDED: no answer in time; whether anything was recorded is not known
    * OverloadedError           RESOURCE_EXHAUSTED: too many calls wait already; `retry_after_s` says when to try again
    * RequestTooLargeError      RESOURCE_EXHAUSTED: the message is larger than the service takes
    * NotFoundError             NOT_FOUND: no decision with this id is on record
    * NotReplayableError        FAILED_PRECONDITION: the decision cannot be explained, its snapshot does not replay
    * RefusedError              FAILED_PRECONDITION: the change cannot be made as things are; `reason` says why
    * StaleRevisionError        ABORTED: thresholds or rules were changed since they were read
    * UnauthenticatedError      UNAUTHENTICATED: the service does not know who calls
    * PermissionDeniedError     PERMISSION_DENIED: the caller may not do this
    * InvalidResponseError      the reply makes no sense to this version of the client
    * ClientClosedError         the client was closed before or during the call
    * ServiceError              any other status: a fault of the service
  x SetupError                  the client cannot be built
    * InsecureTargetError       a target beyond this machine without TLS
    * TlsFileError              a certificate or key file is missing or unreadable
    * TokenFileError            the file of the token is missing, unreadable, or holds something else

A wrong field name or a value of the wrong type is a TypeError, an impossible value a ValueError, as anywhere in Python;
each names the field, and nothing was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from grpc import StatusCode

__all__ = [
    "CallCancelledError",
    "CallError",
    "ClientClosedError",
    "DeadlineExceededError",
    "InsecureTargetError",
    "InvalidRequestError",
    "InvalidResponseError",
    "NotFoundError",
    "NotReplayableError",
    "OverloadedError",
    "OversightError",
    "PermissionDeniedError",
    "RefusedError",
    "RequestTooLargeError",
    "ServiceError",
    "SetupError",
    "StaleRevisionError",
    "TlsFileError",
    "TokenFileError",
    "UnauthenticatedError",
    "UnavailableError",
]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class OversightError(Exception):
    """An error the client raises on purpose; the text is for people."""


class CallError(OversightError):
    """
    A call failed.

    `code` is its gRPC status. `reason` is the name of the service's `ErrorReason` without the prefix
    (`INVALID_REQUEST`), `field` the field at fault, `metadata` the facts that errors.proto lists; each is empty where
    the service said nothing. `retry_after_s` is what the service asked for in `grpc-retry-pushback-ms`, in seconds:
    negative is "not again", None is nothing said.
    """

    def __init__(
        self,
        text: str,
        *,
        code: StatusCode,
        reason: str = "",
        field: str = "",
        metadata: Mapping[str, str] = _NOTHING,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.field = field
        self.metadata: Mapping[str, str] = dict(metadata)
        self.retry_after_s = retry_after_s


class InvalidRequestError(CallError):
    """A field of the request is wrong: `field` names it. Never retried, never answered by the fail-safe."""


class UnavailableError(CallError):
    """The service could not be reached, or could not put the call on record."""


class CallCancelledError(CallError):
    """The call was dropped on the way, as happens when a server stops; the caller did not cancel it."""


class DeadlineExceededError(CallError):
    """
    No answer in time; whether anything was recorded is not known, so send the same ids again.

    After repeated attempts the text, `reason` and `metadata` are also those of the last failure before the deadline.
    """


class OverloadedError(CallError):
    """
    Too many calls wait already, or too many from this address had wrong credentials.

    `retry_after_s` says when to try again.
    """


class RequestTooLargeError(CallError):
    """The message is larger than the service takes; sending it again is no use."""


class NotFoundError(CallError):
    """No decision with this id is on record."""


class NotReplayableError(CallError):
    """The decision cannot be explained: its snapshot is missing, or this version of the service does not replay it."""


class RefusedError(CallError):
    """The change cannot be made as things are: `reason` says why, for instance CONSTRAINT_BROKEN or NOT_PENDING."""


class StaleRevisionError(CallError):
    """Thresholds, or the rules (`reason` STALE_RULES), changed since they were read; read again and decide anew."""


class UnauthenticatedError(CallError):
    """The service does not know who calls."""


class PermissionDeniedError(CallError):
    """The caller may not do this."""


class InvalidResponseError(CallError):
    """The reply makes no sense to this version of the client, for instance an unknown tier; `code` is INTERNAL."""

    def __init__(self, text: str) -> None:
        super().__init__(text, code=StatusCode.INTERNAL)


class ClientClosedError(CallError):
    """The client was closed before or during the call; `code` is CANCELLED."""

    def __init__(self) -> None:
        super().__init__("the client is closed", code=StatusCode.CANCELLED)


class ServiceError(CallError):
    """Any other status: a fault of the service, or of something between."""


class SetupError(OversightError):
    """The client cannot be built."""


class InsecureTargetError(SetupError):
    """A target beyond this machine was given without TLS."""


class TlsFileError(SetupError):
    """A certificate or key file is missing or unreadable."""


class TokenFileError(SetupError):
    """The file of the token is missing, unreadable, or holds something else."""
