"""What gRPC reports, as errors of the client: the only table from status to error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from oversight_client import errors
from oversight_client.errors import CallError

__all__ = ["ERRORS", "ERRORS_BY_REASON", "error_from_rpc", "error_of_status"]

_DOMAIN = "oversight.dev"
_DETAILS = "grpc-status-details-bin"
_PUSHBACK = "grpc-retry-pushback-ms"

ERRORS: Mapping[StatusCode, type[CallError]] = {
    StatusCode.INVALID_ARGUMENT: errors.InvalidRequestError,
    StatusCode.UNAVAILABLE: errors.UnavailableError,
    StatusCode.CANCELLED: errors.CallCancelledError,
    StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceededError,
    StatusCode.RESOURCE_EXHAUSTED: errors.OverloadedError,
    StatusCode.NOT_FOUND: errors.NotFoundError,
    StatusCode.UNAUTHENTICATED: errors.UnauthenticatedError,
    StatusCode.PERMISSION_DENIED: errors.PermissionDeniedError,
    StatusCode.FAILED_PRECONDITION: errors.RefusedError,
    StatusCode.ABORTED: errors.StaleRevisionError,
}
"""The error of each status; every other status is a ServiceError."""

ERRORS_BY_REASON: Mapping[str, type[CallError]] = {
    "REQUEST_TOO_LARGE": errors.RequestTooLargeError,
    "NOT_REPLAYABLE": errors.NotReplayableError,
}
"""Where the service's own word says more than the status."""

M = TypeVar("M", bound=Message)


def error_from_rpc(failure: grpc.RpcError) -> CallError:
    """Return the error that *failure* (grpc's or grpc.aio's) stands for, with the facts that its trailers have."""
    code = failure.code() or StatusCode.UNKNOWN
    # Pairs in truth, whatever the type stubs say, and not of the same kind in grpc and in grpc.aio.
    pairs = cast("Iterable[tuple[str, str | bytes]]", failure.trailing_metadata() or ())
    trailers = {pair[0]: pair[1] for pair in pairs}
    status = _parsed(Status, trailers.get(_DETAILS))
    info = next((found for found in _unpacked(ErrorInfo, status) if found.domain == _DOMAIN), ErrorInfo())
    fields = (violation.field for found in _unpacked(BadRequest, status) for violation in found.field_violations)
    return error_of_status(
        code,
        failure.details() or code.name,
        reason=info.reason,
        field=info.metadata.get("field", "") or next(fields, ""),
        metadata=dict(info.metadata),
        retry_after_s=_pushback_s(trailers.get(_PUSHBACK)),
    )


def error_of_status(
    code: StatusCode,
    text: str,
    *,
    reason: str = "",
    field: str = "",
    metadata: Mapping[str, str] | None = None,
    retry_after_s: float | None = None,
) -> CallError:
    """Return the error for *code* and *reason* with these facts."""
    kind = ERRORS_BY_REASON.get(reason) or ERRORS.get(code, errors.ServiceError)
    return kind(text, code=code, reason=reason, field=field, metadata=metadata or {}, retry_after_s=retry_after_s)


def _parsed(kind: type[M], data: str | bytes | None) -> M:
    message = kind()
    if isinstance(data, bytes):
        try:
            message.ParseFromString(data)
        except DecodeError:
            # Whatever sent this is not the service; the status alone still says what to do.
            return kind()
    return message


def _unpacked(kind: type[M], status: Status) -> Iterable[M]:
    return (_parsed(kind, detail.value) for detail in status.details if detail.Is(kind.DESCRIPTOR))


def _pushback_s(value: str | bytes | None) -> float | None:
    if value is None:
        return None
    try:
        return int(value) / 1000
    except ValueError:
        # gRFC A6: a pushback that cannot be read means that the call is not to be repeated.
        return -1.0
