"""Errors to gRPC statuses: the only table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import grpc
from google.rpc import error_details_pb2, status_pb2

from oversight.errors import (
    CallError,
    ConstraintBrokenError,
    DeadlineExpiredError,
    DecisionNotFoundError,
    InvalidRequestError,
    JustificationMissingError,
    LooserThanParentError,
    NotPendingError,
    NotRecommendableError,
    NotReplayableError,
    OutOfBoundsError,
    OverloadedError,
    PermissionDeniedError,
    PolicyNotFoundError,
    RecordPendingError,
    RecordUnavailableError,
    RequestTooLargeError,
    SecondPersonNeededError,
    StaleRevisionError,
    StaleRulesError,
    StopNotEngagedError,
    StoreUnavailableError,
    TooManyFailuresError,
    UnauthenticatedError,
    UnknownScopeError,
    UnknownThresholdError,
)
from oversight.v1.errors_pb2 import ErrorReason, ItemError

__all__ = ["DOMAIN", "INTERNAL", "PUSHBACK_MS", "STATUSES", "Refusal", "item_error", "refuse"]

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
    StaleRevisionError: (grpc.StatusCode.ABORTED, ErrorReason.ERROR_REASON_STALE_REVISION),
    StaleRulesError: (grpc.StatusCode.ABORTED, ErrorReason.ERROR_REASON_STALE_RULES),
    UnknownThresholdError: (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_UNKNOWN_THRESHOLD),
    UnknownScopeError: (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_UNKNOWN_SCOPE),
    OutOfBoundsError: (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_OUT_OF_BOUNDS),
    ConstraintBrokenError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_CONSTRAINT_BROKEN),
    LooserThanParentError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_LOOSER_THAN_PARENT),
    JustificationMissingError: (grpc.StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_JUSTIFICATION_MISSING),
    SecondPersonNeededError: (grpc.StatusCode.PERMISSION_DENIED, ErrorReason.ERROR_REASON_SECOND_PERSON_NEEDED),
    NotPendingError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_NOT_PENDING),
    StopNotEngagedError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_STOP_NOT_ENGAGED),
    NotRecommendableError: (grpc.StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_NOT_RECOMMENDABLE),
    PolicyNotFoundError: (grpc.StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_POLICY_NOT_FOUND),
    UnauthenticatedError: (grpc.StatusCode.UNAUTHENTICATED, ErrorReason.ERROR_REASON_UNAUTHENTICATED),
    PermissionDeniedError: (grpc.StatusCode.PERMISSION_DENIED, ErrorReason.ERROR_REASON_PERMISSION_DENIED),
    TooManyFailuresError: (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorReason.ERROR_REASON_TOO_MANY_FAILURES),
}

_PAUSES_MS: Mapping[type[CallError], int] = {OverloadedError: PUSHBACK_MS, TooManyFailuresError: 1000}
_PREFIX = "ERROR_REASON_"


class Refusal(NamedTuple):
    """How a call ends that has no reply."""

    code: grpc.StatusCode
    text: str
    trailers: tuple[tuple[str, str | bytes], ...]


def refuse(error: CallError) -> Refusal:
    """Return the *error*'s status, text and details."""
    code, reason = STATUSES[type(error)]
    pause_ms = _PAUSES_MS.get(type(error))
    pushback = () if pause_ms is None else (("grpc-retry-pushback-ms", str(pause_ms)),)
    return Refusal(code, str(error), (*pushback, _details(code, str(error), reason, error.metadata)))


def item_error(error: CallError) -> ItemError:
    """Return the *error* as the result of one item of a batch."""
    code, reason = STATUSES[type(error)]
    number, _ = code.value
    return ItemError(code=number, reason=reason, message=str(error), metadata=error.metadata)


def _details(
    code: grpc.StatusCode, text: str, reason: ErrorReason.ValueType, metadata: Mapping[str, str]
) -> tuple[str, bytes]:
    number, _ = code.value
    status = status_pb2.Status(code=number, message=text)
    name = ErrorReason.Name(reason).removeprefix(_PREFIX)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata=metadata))
    if "field" in metadata:
        violation = error_details_pb2.BadRequest.FieldViolation(field=metadata["field"], description=text)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return ("grpc-status-details-bin", status.SerializeToString())


INTERNAL = Refusal(
    grpc.StatusCode.INTERNAL,
    "internal error",
    (_details(grpc.StatusCode.INTERNAL, "internal error", ErrorReason.ERROR_REASON_INTERNAL, {}),),
)
"""What a caller learns of a fault of ours; what went wrong is in the log and nowhere else."""
