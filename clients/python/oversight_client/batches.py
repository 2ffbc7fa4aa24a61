"""Batches: what is sent in one call, how long it may take, and which result belongs to which item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from grpc import StatusCode

from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import outcome_service_pb2 as outcome_service
from oversight.v1.errors_pb2 import ErrorReason
from oversight.v1.errors_pb2 import ItemError as ItemErrorMessage
from oversight_client import convert
from oversight_client.errors import InvalidResponseError
from oversight_client.values import Decision, ItemError

__all__ = [
    "MAX_BATCH",
    "MAX_BATCH_BYTES",
    "batch_results",
    "batch_timeout_s",
    "decide_batches",
    "item_error",
    "outcome_batches",
    "outcome_results",
]

MAX_BATCH = 500
"""Most items of one call; the service takes no more."""

MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Bytes of one call's items, unless one item alone has more: half of what the service takes by default."""

_ITEM_S = 0.001
"""By how much each item of a batch extends the deadline of a call: several times what it costs the service."""

M = TypeVar("M", bound=Message)


def decide_batches(
    requests: Iterable[Mapping[str, object]], *, tenant_id: str = ""
) -> list[decisions.BatchDecideRequest]:
    """Return the calls that decide every one of *requests*, in order; TypeError or ValueError names the wrong one."""
    items = [
        convert.decide_request(fields, tenant_id=tenant_id, where=f"requests[{number}].")
        for number, fields in enumerate(requests)
    ]
    return [decisions.BatchDecideRequest(requests=part) for part in _parts(items)]


def outcome_batches(outcomes: Iterable[Mapping[str, object]]) -> list[outcome_service.BatchRecordOutcomesRequest]:
    """Return the calls that record every one of *outcomes*, in order; TypeError or ValueError names the wrong one."""
    items = [
        convert.outcome_from_fields(fields, where=f"outcomes[{number}].") for number, fields in enumerate(outcomes)
    ]
    return [outcome_service.BatchRecordOutcomesRequest(outcomes=part) for part in _parts(items)]


def batch_timeout_s(timeout_s: float, items: int) -> float:
    """Return the seconds that a call with so many *items* may take, where one decision may take *timeout_s*."""
    return timeout_s + items * _ITEM_S


def batch_results(
    message: decisions.BatchDecideResponse, requests: Sequence[decisions.DecideRequest]
) -> list[Decision | ItemError]:
    """Return the results in *message*, one for each of *requests*; InvalidResponseError where more or fewer came."""
    _expect(len(message.results), len(requests))
    pairs = zip(message.results, requests, strict=True)
    return [_batch_result(result, request.request_id) for result, request in pairs]


def outcome_results(message: outcome_service.BatchRecordOutcomesResponse, count: int) -> list[str | ItemError]:
    """Return the *count* outcome ids or errors in *message*; InvalidResponseError where there are more or fewer."""
    _expect(len(message.results), count)
    return [
        result.response.outcome_id if result.HasField("response") else item_error(result.error)
        for result in message.results
    ]


def item_error(message: ItemErrorMessage) -> ItemError:
    """Return the error of one item; a code that is no failure's, or none, is UNKNOWN."""
    known = message.reason in ErrorReason.values()
    name = ErrorReason.Name(message.reason).removeprefix("ERROR_REASON_") if message.reason and known else ""
    return ItemError(_STATUSES.get(message.code, StatusCode.UNKNOWN), name, message.message, dict(message.metadata))


# An error with the code OK is no success: whoever sent it did not say what it is.
_STATUSES: Mapping[int, StatusCode] = {code.value[0]: code for code in StatusCode if code is not StatusCode.OK}


def _parts(items: Iterable[M]) -> list[list[M]]:
    parts: list[list[M]] = []
    part_bytes = 0
    for item in items:
        item_bytes = item.ByteSize()
        if not parts or len(parts[-1]) >= MAX_BATCH or part_bytes + item_bytes > MAX_BATCH_BYTES:
            parts.append([])
            part_bytes = 0
        parts[-1].append(item)
        part_bytes += item_bytes
    return parts


def _expect(got: int, count: int) -> None:
    if got != count:
        raise InvalidResponseError(f"{count} items were sent and {got} results came back")


def _batch_result(result: decisions.BatchDecideResult, request_id: str) -> Decision | ItemError:
    if not result.HasField("response"):
        return item_error(result.error)
    try:
        return convert.decision_from_proto(result.response, request_id)
    except InvalidResponseError as error:
        return ItemError(error.code, error.reason, str(error), error.metadata)
