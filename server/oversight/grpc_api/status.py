"""Errors to gRPC statuses: the only table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2

from oversight.errors import (
    CallError,
    DeadlineExpiredError,
    DecisionNotFoundError,
    InvalidRequestError,
    NotReplayableError,
    OverloadedError,
    RecordPendingError,
    RecordUnavailableError,
    RequestTooLargeError,
    StoreUnavailableError,
)
from oversight.v1.errors_pb2 import ErrorReason, ItemError

__all__ = ["DOMAIN", "PUSHBACK_MS", "STATUSES", "abort", "abort_internal", "item_error"]

DOMAIN = "oversight.dev"
"""The domain of every google.rpc.ErrorInfo."""

PUSHBACK_MS = 50
"""What an overloaded worker asks its callers to wait (the `grpc-retry-pushback-ms` trailer of gRFC A6)."""

STATUSES: Mapping[type[CallError], tuple[grpc.StatusCode, ErrorReason.ValueType]] = {
    InvalidRequestError: (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_REQUEST),
    RequestTooLargeError: (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE),
    OverloadedError: (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_OVERLOADED),
    DeadlineExpiredError: (grpc.StatusCode.DEADLINE_EXCEEDED, ErrorReason.ERROR_REASON_DEADLINE_EXPIRED),
    RecordUnavailableError: (grpc.StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_RECORD_UNAVAILABLE),
    DecisionNotFoundError: (grpc.StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_DECISION_NOT_FOUND),
    RecordPendingError: (grpc.StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_RECORD_PENDING),
    StoreUnavailableError: (grpc.StatusCode.UNAVAILABLE, ErrorReason.ERROR_REASON_STORE_UNAVAILABLE),
    NotReplayableError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_NOT_REPLAYABLE),
}

_PREFIX = "ERROR_REASON_"


def abort(context: grpc.ServicerContext, error: CallError) -> NoReturn:
    """End the call with the *error*'s status, text and details."""
    code, reason = STATUSES[type(error)]
    trailers = [("grpc-retry-pushback-ms", str(PUSHBACK_MS))] if isinstance(error, OverloadedError) else []
    _abort(context, code, str(error), reason, error.metadata, trailers)


def abort_internal(context: grpc.ServicerContext) -> NoReturn:
    """End the call with INTERNAL; what went wrong is in the log and nowhere else."""
    _abort(context, grpc.StatusCode.INTERNAL, "internal error", ErrorReason.ERROR_REASON_INTERNAL, {}, [])


def item_error(error: CallError) -> ItemError:
    """Return the *error* as the result of one item of a batch."""
    code, reason = STATUSES[type(error)]
    number, _ = code.value
    return ItemError(code=number, reason=reason, message=str(error), metadata=error.metadata)


def _abort(
    context: grpc.ServicerContext,
    code: grpc.StatusCode,
    text: str,
    reason: ErrorReason.ValueType,
    metadata: Mapping[str, str],
    trailers: list[tuple[str, str]],
) -> NoReturn:
    number, _ = code.value
    status = status_pb2.Status(code=number, message=text)
    name = ErrorReason.Name(reason).removeprefix(_PREFIX)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata=metadata))
    if "field" in metadata:
        violation = error_details_pb2.BadRequest.FieldViolation(field=metadata["field"], description=text)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    context.set_trailing_metadata((*trailers, ("grpc-status-details-bin", status.SerializeToString())))
    context.abort(code, text)
    raise AssertionError("abort returned")
