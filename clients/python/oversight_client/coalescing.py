"""
Coalescing: concurrent decisions of one process share calls, as the commits of a database share a write.

Nobody waits while little is under way: a lone caller's request is sent at once, alone. Requests that arrive while two
calls are under way gather, and go together when one ends, or after `max_wait_s`, whichever comes first. The more
callers there are, the larger the batches grow by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from grpc import StatusCode

from oversight.v1.decision_service_pb2 import BatchDecideResponse, BatchDecideResult, DecideRequest, DecideResponse
from oversight_client.batches import MAX_BATCH, item_error
from oversight_client.errors import (
    CallCancelledError,
    CallError,
    DeadlineExceededError,
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from oversight_client.failures import error_from_rpc, error_of_status

__all__ = [
    "ASK_ALONE",
    "CALLS_UNDER_WAY",
    "MAX_SHARED_BYTES",
    "Coalescing",
    "Settled",
    "deadline_passed",
    "settle_failed",
    "settle_items",
]

CALLS_UNDER_WAY = 2
"""Calls that are sent at once; with one alone, service and callers would wait for each other in turn."""

MAX_SHARED_BYTES = 8 * 1024
"""A larger request goes alone: the largest batch of smaller ones fits into what the service takes by default."""

_LONGEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coalescing:
    """
    How long a decision may wait for others (0 < *max_wait_s* <= 1), and how many go together (2 <= *max_batch* <= 500).

    ValueError for anything else.
    """

    max_wait_s: float = 0.001
    max_batch: int = 64

    def __post_init__(self) -> None:
        """Refuse what would never gather, wait for ever, or be refused by the service."""
        if not (math.isfinite(self.max_wait_s) and 0 < self.max_wait_s <= _LONGEST_WAIT_S):
            raise ValueError(f"max_wait_s: expected above 0 and at most {_LONGEST_WAIT_S:g}, got {self.max_wait_s}")
        if not 2 <= self.max_batch <= MAX_BATCH:
            raise ValueError(f"max_batch: expected 2 to {MAX_BATCH}, got {self.max_batch}")


class _AskAlone:
    """Stands for a reply that the batch could not give."""


ASK_ALONE = _AskAlone()
"""The batch failed by a fault that may be another item's: this one asks for itself."""

Settled = DecideResponse | CallError | _AskAlone
"""What one item of a batch comes to; no error is shared, because each is raised in a caller of its own."""

_EVERYONES = (
    UnavailableError,
    CallCancelledError,
    DeadlineExceededError,
    OverloadedError,
    UnauthenticatedError,
    PermissionDeniedError,
)


def settle_items(message: BatchDecideResponse, items: Sequence[DecideRequest]) -> list[Settled]:
    """Return what each of *items* comes to by the reply *message*; a reply that fits them not settles none."""
    if len(message.results) != len(items):
        return [ASK_ALONE] * len(items)
    return [_settle_item(result) for result in message.results]


def settle_failed(failure: grpc.RpcError, count: int) -> list[Settled]:
    """
    Return what each of *count* items comes to by the *failure* of their call.

    What has nothing to do with what was sent, such as a service that is away or overloaded, is everyone's own failure,
    to be tried again or not as each caller's deadline says. Anything else may be the fault of one item.
    """
    errors = [error_from_rpc(failure) for _ in range(count)]
    if count == 1 or isinstance(errors[0], _EVERYONES):
        return [*errors]
    return [ASK_ALONE] * count


def deadline_passed(timeout_s: float) -> DeadlineExceededError:
    """Return the error of a caller whose deadline passed before the batch's reply came."""
    return DeadlineExceededError(f"no answer within {timeout_s * 1000:g} ms", code=StatusCode.DEADLINE_EXCEEDED)


def _settle_item(result: BatchDecideResult) -> Settled:
    if result.HasField("response"):
        return result.response
    error = item_error(result.error)
    return error_of_status(error.code, error.message, reason=error.reason, field=error.field, metadata=error.metadata)
