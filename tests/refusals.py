"""Reading the details of a refused call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2


class Refusal(NamedTuple):
    """What a caller can see of a refused call."""

    code: grpc.StatusCode
    reason: str
    field: str
    text: str
    domain: str
    trailers: dict[str, Any]
    metadata: dict[str, str]


def refusal_of(call: Callable[[], Any]) -> Refusal:
    """Make *call*, which must be refused, and return what it says."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    field = bad.field_violations[0].field if bad.field_violations else ""
    assert info.metadata.get("field", "") == field
    return Refusal(error.code(), info.reason, field, error.details(), info.domain, trailers, dict(info.metadata))
