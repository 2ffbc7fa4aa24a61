"""Requests come over the wire and go into records and back without a loss, in one canonical form."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from contract.memory_store import MemoryStore
from contract.samples import a_record, an_id
from oversight.engine.identity import canonical_request
from oversight.engine.request import REQUEST_FIELDS, Request
from oversight.grpc_api.convert.requests import canonical_form, request_from_proto, request_to_proto
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb

NOW_US = 1_800_000_000_000_000

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
shares = st.none() | st.floats(0, 1) | st.just(-0.0)
scores = st.none() | st.floats(-1, 1) | st.just(-0.0)
flags = st.none() | st.booleans()
counts = st.none() | st.integers(0, 2**31 - 1)
attribute_values = st.one_of(
    texts.map(lambda value: values.AttributeValue(string_value=value)),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: values.AttributeValue(double_value=value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: values.AttributeValue(int_value=value)),
    st.booleans().map(lambda value: values.AttributeValue(bool_value=value)),
)
messages = st.builds(
    pb.DecideRequest,
    request_id=texts,
    tenant_id=texts,
    department=texts,
    conversation_id=texts,
    turn_index=counts,
    subject_ref=texts,
    held_tier=st.integers(0, 3),
    channel=st.integers(0, 5),
    language=texts,
    intent=texts,
    intent_confidence=st.none() | st.just(1.0),
    intent_runner_up_confidence=shares,
    response_confidence=shares,
    grounding_score=shares,
    sentiment_score=scores,
    sentiment_trend=scores,
    sentiment_source=st.integers(0, 3),
    anomaly_score=shares,
    churn_risk=shares,
    customer_tier=st.integers(0, 3),
    vulnerable_customer=flags,
    human_requested=flags,
    tool_failed=flags,
    reversible=flags,
    proposed_action=st.integers(0, 7),
    amount_minor=st.none() | st.integers(0, 2**63 - 1),
    currency=st.sampled_from(["", "EUR", "JPY"]),
    failed_turns=counts,
    contacts_7d=counts,
    guardrails=st.none()
    | st.lists(texts.filter(bool), max_size=3).map(lambda found: values.GuardrailCheck(flags=found)),
    model_version=texts,
    draft_sha256=st.just(b"") | st.binary(min_size=32, max_size=32),
    signal_time=st.none() | st.builds(Timestamp, seconds=st.integers(0, 2**33), nanos=st.integers(0, 999_999_999)),
    attributes=st.dictionaries(texts.filter(bool), attribute_values, max_size=4),
)


def plain_form(request: Request) -> bytes:
    """Return the canonical form as it is defined."""
    return request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)


@given(messages)
def test_a_request_has_one_canonical_form(message: pb.DecideRequest) -> None:
    """The id of a decision rests on it, and must come out again when it is decided anew from the record."""
    request = request_from_proto(message, NOW_US)

    assert plain_form(request) == canonical_form(message, request)


@given(messages)
def test_a_recorded_request_is_read_back_as_it_was_decided(message: pb.DecideRequest) -> None:
    """A record that says something else than what was asked explains nothing."""
    request = request_from_proto(message, NOW_US)
    recorded = pb.DecideRequest.FromString(canonical_form(message, request))

    store = MemoryStore()
    store.add([a_record(1, request)], [])

    found = store.find_decision(an_id(1))
    assert found is not None
    assert request == found.request
    assert request == request_from_proto(recorded, NOW_US)
    assert not re.search(r":-0\.0[,}]", canonical_request(request))


def test_fields_of_a_newer_client_are_no_part_of_it() -> None:
    """They cannot be stored, so they could not be decided again from the record."""
    known = pb.DecideRequest(request_id="r", intent="order_status")
    newer = pb.DecideRequest.FromString(known.SerializeToString() + b"\xf8\x07\x01")

    assert plain_form(request_from_proto(known, NOW_US)) == canonical_form(newer, request_from_proto(newer, NOW_US))


def test_an_id_that_the_service_made_is_part_of_it() -> None:
    """The reply returns it, so the caller may ask for that request again."""
    message = pb.DecideRequest(intent="order_status")
    request = request_from_proto(message, NOW_US)

    assert 32 == len(request.request_id)
    assert request.request_id == pb.DecideRequest.FromString(canonical_form(message, request)).request_id


def test_ids_that_the_service_makes_do_not_repeat() -> None:
    """They are drawn in stock: more than one stock is tried."""
    drawn = [request_from_proto(pb.DecideRequest(), NOW_US).request_id for _ in range(1000)]

    assert 1000 == len(set(drawn))


def test_text_that_looks_like_a_negative_zero_changes_nothing() -> None:
    """The quick test for one looks at bytes."""
    looks = struct.pack("<d", -0.0)[:7].decode("latin-1").replace("\0", "\x01")
    message = pb.DecideRequest(request_id="r", intent=looks, amount_minor=1, attributes={"x": a_double(-0.0)})
    request = request_from_proto(message, NOW_US)

    assert plain_form(request) == canonical_form(message, request)
    assert "0.0" == repr((request.attributes or {})["x"])


def a_double(value: float) -> values.AttributeValue:
    """Return an attribute's value."""
    return values.AttributeValue(double_value=value)


@pytest.mark.parametrize("name", REQUEST_FIELDS)
def test_every_field_of_the_engine_has_its_place_in_the_api(name: str) -> None:
    """The two lists are written in two places."""
    api: dict[str, Any] = {"guardrail_flags": "guardrails", "signal_time_us": "signal_time"}

    assert REQUEST_FIELDS.index(name) == list(pb.DecideRequest.DESCRIPTOR.fields_by_name).index(api.get(name, name))
