"""Fields put together by hand are those that protobuf writes."""

from __future__ import annotations

import pytest

from oversight.grpc_api.convert.delimited import delimited, tag
from oversight.v1 import decision_service_pb2 as pb


@pytest.mark.parametrize("length", [1, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1FFFFF, 0x200000])
def test_a_field_is_the_one_that_protobuf_writes(length: int) -> None:
    """At each length where the varint grows; a byte off, and a record is unreadable."""
    text = "x" * length
    written = delimited(tag(pb.DecideRequest.REQUEST_ID_FIELD_NUMBER), text.encode())

    assert pb.DecideRequest(request_id=text).SerializeToString() == written
