"""Keyword fields and messages."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import get_type_hints

import pytest
from hypothesis import given, settings

from oversight.v1.decision_service_pb2 import DecideRequest
from oversight.v1.outcome_pb2 import Outcome
from oversight_client import Channel, CustomerTier, DecideFields, OutcomeFields, Tier, Verdict
from oversight_client.wire import read_fields, write_fields
from unit.client.requests import decide_fields

DIGEST = hashlib.sha256(b"draft").digest()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def written(**fields: object) -> DecideRequest:
    """Return the request with *fields*."""
    request = DecideRequest()
    write_fields(request, fields)
    return request


@pytest.mark.parametrize(("typed", "message"), [(DecideFields, DecideRequest), (OutcomeFields, Outcome)])
def test_the_typed_fields_are_those_of_the_contract(typed, message):
    """An editor must offer every field, and none that the service lacks."""
    assert [field.name for field in message.DESCRIPTOR.fields] == list(get_type_hints(typed))


def test_every_kind_of_field_is_written():
    """One of each type that the contract has."""
    request = written(
        intent="order_status",
        response_confidence=1,
        failed_turns=0,
        amount_minor=2**40,
        human_requested=False,
        customer_tier="vip",
        channel=Channel.EMAIL,
        held_tier=2,
        guardrails=["pii"],
        draft_sha256=DIGEST.hex(),
        signal_time=NOON,
        attributes={"text": "a", "number": 1.5, "whole": 3, "flag": True},
    )
    assert ("order_status", 1.0, 0, 2**40) == (
        request.intent,
        request.response_confidence,
        request.failed_turns,
        request.amount_minor,
    )
    assert (True, False) == (request.HasField("human_requested"), request.human_requested)
    assert (2, 2, 2) == (request.customer_tier, request.channel, request.held_tier)
    assert ["pii"] == list(request.guardrails.flags)
    assert DIGEST == request.draft_sha256
    assert NOON == request.signal_time.ToDatetime(tzinfo=UTC)
    kinds = {name: value.WhichOneof("value") for name, value in request.attributes.items()}
    assert {
        "text": "string_value",
        "number": "double_value",
        "whole": "int_value",
        "flag": "bool_value",
    } == kinds


def test_none_is_absent_and_zero_is_not():
    """Absent is not zero: a missing score must not become the worst or the best one."""
    request = written(response_confidence=None, failed_turns=0, guardrails=None, channel=None, intent=None)
    assert {"failed_turns": 0} == read_fields(request)


def test_an_empty_guardrail_check_is_a_check_that_ran():
    """No check and a check without findings are different facts."""
    assert written(guardrails=[]).HasField("guardrails")
    assert not written().HasField("guardrails")


@pytest.mark.parametrize("value", [0, "", "UNSPECIFIED", "CHANNEL_UNSPECIFIED"])
def test_an_unspecified_enum_is_absent(value):
    """Callers that copy protos or forms send absence in these ways."""
    assert {} == read_fields(written(channel=value))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"response_confidance": 1.0}, "response_confidance: no such field; did you mean response_confidence?"),
        ({"zzzz": None}, "zzzz: no such field"),
        ({"intent": 3}, "intent: expected text, got int"),
        ({"intent": b"x"}, "intent: expected text, got bytes"),
        ({"response_confidence": "0.9"}, "response_confidence: expected a number, got str"),
        ({"response_confidence": True}, "response_confidence: expected a number, got bool"),
        ({"failed_turns": 1.0}, "failed_turns: expected a whole number, got float"),
        ({"failed_turns": True}, "failed_turns: expected a whole number, got bool"),
        ({"human_requested": 1}, "human_requested: expected True or False, got int"),
        ({"channel": 2.0}, "channel: expected one of CHAT, EMAIL, VOICE, MESSAGING, SOCIAL, got float"),
        ({"channel": True}, "channel: expected one of CHAT, EMAIL, VOICE, MESSAGING, SOCIAL, got bool"),
        ({"guardrails": "pii"}, "guardrails: expected a list of flags, got str"),
        ({"guardrails": {"flags": []}}, "guardrails: expected a list of flags, got dict"),
        ({"guardrails": 1}, "guardrails: expected a list of flags, got int"),
        ({"guardrails": [1]}, "guardrails: expected flags of text, got int"),
        ({"draft_sha256": 5}, "draft_sha256: expected bytes or hex digits, got int"),
        ({"signal_time": 5}, "signal_time: expected a datetime or ISO 8601 text, got int"),
        ({"attributes": [1]}, "attributes: expected a mapping of names to values, got list"),
        ({"attributes": {1: 1}}, "attributes: expected names of text, got int"),
        ({"attributes": {"a": [1]}}, "attributes: a: expected text, a number, True or False, got list"),
    ],
)
def test_a_wrong_name_or_type_is_a_type_error_that_names_the_field(fields, text):
    """The text must be enough to mend the caller's code."""
    with pytest.raises(TypeError) as caught:
        written(**fields)
    assert text == str(caught.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"customer_tier": "vipp"}, "customer_tier: 'vipp' is none of STANDARD, VIP, ENTERPRISE; did you mean VIP?"),
        ({"customer_tier": 99}, "customer_tier: 99 is none of STANDARD, VIP, ENTERPRISE"),
        ({"draft_sha256": b"short"}, "draft_sha256: expected the 32 bytes of a SHA-256, got 5"),
        (
            {"signal_time": datetime(2026, 3, 1)},  # noqa: DTZ001 - the mistake under test
            "signal_time: expected a time with a time zone: without one nobody knows when it was",
        ),
    ],
)
def test_an_impossible_value_is_a_value_error_that_names_the_field(fields, text):
    """Likewise; what is possible but out of range is the service's to refuse."""
    with pytest.raises(ValueError, match=r".") as caught:
        written(**fields)
    assert text == str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"failed_turns": 2**31},
        {"amount_minor": 2**63},
        {"attributes": {"a": 2**63}},
        {"response_confidence": 10**400},
        {"intent": "\ud800"},
        {"draft_sha256": "not hex"},
        {"signal_time": "yesterday"},
    ],
)
def test_what_a_field_cannot_hold_is_a_value_error_that_names_the_field(fields):
    """These come from gRPC's and Python's own checks, which do not know the field."""
    with pytest.raises(ValueError, match=f"^{next(iter(fields))}: ."):
        written(**fields)


def test_times_are_taken_as_text_and_in_any_zone():
    """What `stored_decision_to_dict` shows can be sent again."""
    zone = timezone(timedelta(hours=2))
    assert NOON == read_fields(written(signal_time="2026-03-01T12:00:00Z"))["signal_time"]
    assert NOON == read_fields(written(signal_time=datetime(2026, 3, 1, 14, tzinfo=zone)))["signal_time"]


def test_scores_that_are_no_number_are_left_to_the_service():
    """Ranges have one home; a refusal there names the field too."""
    assert math.isnan(written(response_confidence=math.nan).response_confidence)


def test_the_field_is_named_with_its_place_in_a_batch():
    """The 317th of 500 is found at once."""
    with pytest.raises(TypeError, match=r"^requests\[316\]\.intent: expected text"):
        write_fields(DecideRequest(), {"intent": 1}, "requests[316].")


def test_fields_read_back_are_typed():
    """A stored request shows members, times and hex digits rather than wire values."""
    fields = {
        "held_tier": Tier.HUMAN_IN_THE_LOOP,
        "customer_tier": CustomerTier.VIP,
        "guardrails": ("pii",),
        "draft_sha256": DIGEST.hex(),
        "signal_time": NOON,
        "attributes": {"a": 1, "b": "x"},
    }
    assert fields == read_fields(written(**fields))


def test_an_attribute_without_a_value_reads_as_none():
    """The wire allows it, so reading must not fail."""
    request = DecideRequest()
    request.attributes["a"].SetInParent()
    assert {"attributes": {"a": None}} == read_fields(request)


@settings(deadline=None)  # a busy machine is not a broken invariant
@given(decide_fields())
def test_what_is_read_back_writes_the_same_request(fields):
    """A decision on record can be decided again from what `get_decision` returns."""
    request = written(**fields)
    assert request == written(**read_fields(request))


def test_outcomes_are_written_and_read_alike():
    """One table serves both messages."""
    fields = {"outcome_id": "o1", "verdict": Verdict.APPROVED, "csat": 4.0, "planted": False, "observed_at": NOON}
    outcome = Outcome()
    write_fields(outcome, fields)
    assert fields == read_fields(outcome)
