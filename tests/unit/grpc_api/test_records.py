"""Journal records: what was asked and answered comes back from them whole."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import KEYS
from contract.samples import (
    COUNT,
    DECODE,
    DIGEST,
    FACTS,
    NOW_US,
    REASON,
    WIRE,
    a_decision,
    a_payload,
    a_record,
    a_request,
    an_outcome,
    an_outcome_payload,
)
from oversight.decisions import Call
from oversight.engine.decision import Comparison
from oversight.engine.identity import request_key
from oversight.engine.request import REQUEST_FIELDS, Request, Stop
from oversight.errors import JournalFormatError
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.storage.outcome import Outcome
from oversight.storage.records import SIGNAL_FIELDS, DecisionRecord, OutcomeRecord, recorded_at_us
from oversight.storage.rows import decision_from_rows, decision_row
from oversight.storage.tables import decisions
from oversight.v1 import journal_pb2 as pb
from oversight.v1.decision_service_pb2 import DecideResponse


def request_in(record: DecisionRecord) -> Request:
    """Return the request of a record as it is read back from the store."""
    row = dict(zip(decisions.c.keys(), decision_row(record, b""), strict=False))
    return decision_from_rows(row, record.personal, []).request


def test_a_decision_comes_back_whole() -> None:
    """What was answered is what is stored."""
    record = a_record(1)

    assert record[:19] == (
        *("0" * 31 + "1", NOW_US + 1, "gateway", 2, 2, 1, "retail_banking", "1.2.0", "c" * 40, DIGEST, 17, True, 0.1),
        *("audit-1", 321, "e" * 32, 3600, 2, True),
    )
    assert request_key(KEYS, "acme", "request-1") == record.request_key
    assert FACTS._asdict() == json.loads(record.facts) | {"stops": ()}
    assert ["churn_risk", "sentiment_trend"] == json.loads(record.missing_signals)
    assert ["LOW_CONFIDENCE", "SECOND"] == [reason["code"] for reason in json.loads(record.reasons)]
    assert ["SHADOW"] == [reason["code"] for reason in json.loads(record.shadow_reasons)]
    assert a_request(1) == request_in(record)


def test_stops_of_one_machine_come_back() -> None:
    """A replay must know them: the snapshot does not."""
    facts = FACTS._replace(stops=(Stop(), Stop("bank"), Stop(intent="refund"), Stop("bank", "refund")))
    call = Call("gateway", "e" * 32, 0)
    reply = WIRE.reply(a_decision(1), "r")
    (record,) = DECODE(WIRE.decision_record(b"", reply, facts, NOW_US, "audit-1", call, 1))

    assert isinstance(record, DecisionRecord)
    row = dict(zip(decisions.c.keys(), decision_row(record, b""), strict=False))
    assert facts == decision_from_rows(row, record.personal, []).facts


def test_a_reason_has_its_fields_by_name() -> None:
    """People read this column at night."""
    (reason, _) = json.loads(a_record(1).reasons)

    assert {"code", "rule_id", "message", "tier", "escalation", "comparisons"} == set(reason)
    assert {
        "signal": "customer_tier",
        "observed": "vip",
        "operator": "in",
        "limit": ["vip", "enterprise"],
        "limit_source": "literal",
    } == reason["comparisons"][1]


def test_a_payload_is_the_published_message_and_holds_the_reply_to_the_byte() -> None:
    """What was answered is on record, not something like it; and any tool with the proto can read it."""
    entry = pb.JournalFrame.FromString(a_payload(1)).decisions[0]

    reply = WIRE.reply(a_decision(1), "request-1")
    assert reply in a_payload(1)
    assert DecideResponse.FromString(reply) == entry.response
    assert ("order_change", "gateway", "audit-1", 3) == (
        *(entry.request.intent, entry.caller, entry.audit_key_id),
        entry.facts.policy_age_s,
    )


def test_absent_values_come_back_absent() -> None:
    """Absent is not zero."""
    decision = a_decision(1, shadow_reasons=(), missing_signals=(), review_sla_s=None, on_expiry=None)
    record = a_record(1, request=Request("r", decided_at_us=NOW_US), decision=decision)

    assert (None, None, "[]", "[]") == (
        *(record.review_sla_s, record.on_expiry),
        *(record.missing_signals, record.shadow_reasons),
    )
    assert Request("r", decided_at_us=NOW_US) == request_in(record)


# Text that UTF-8 can carry: anything else never gets past protobuf.
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts


@given(observed=values, limit=values | st.lists(texts).map(tuple), text=texts, number=st.integers(0, 2**62))
def test_any_text_and_value_comes_back(observed: Any, limit: Any, text: str, number: int) -> None:
    """Callers choose these; none may be altered on its way to the store."""
    reason = REASON._replace(message=text, comparisons=(Comparison(text, observed, "below", limit, text),))
    decision = a_decision(1, reasons=(reason,), policy=text, missing_signals=(text,), digest=str(uuid4()))
    request = a_request(1, intent=text or None, attributes={text: text}, amount_minor=number)
    canonical = request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)
    reply = WIRE.reply(decision, request.request_id)
    facts = FACTS._replace(policy_age_s=number)

    (record,) = DECODE(WIRE.decision_record(canonical, reply, facts, number, text, Call(text, text, 0), number))

    assert isinstance(record, DecisionRecord)
    assert (text, number, text, number) == (record.caller, record.decided_at_us, record.trace_id, record.latency_us)
    assert request._replace(decided_at_us=number) == request_in(record)
    ((found,), read_facts) = (json.loads(record.reasons), json.loads(record.facts))
    expected = list(limit) if isinstance(limit, tuple) else limit
    assert [text, observed, expected] == [found["message"], *map(found["comparisons"][0].get, ("observed", "limit"))]
    assert type(observed) is type(found["comparisons"][0]["observed"])
    assert number == read_facts["policy_age_s"]


@given(size=st.integers(0, 300_000))
def test_records_of_any_size_are_whole(size: int) -> None:
    """Lengths are written by hand: one, two and three bytes of them."""
    decision = a_decision(1, missing_signals=("m" * size,))

    assert ["m" * size] == json.loads(a_record(1, decision=decision).missing_signals)


@given(ref=texts, csat=st.floats(1, 5))
def test_an_outcome_comes_back_whole(ref: str, csat: float) -> None:
    """An acknowledged fact is on record as it was sent."""
    outcome = an_outcome(
        1, correction_ref=ref or None, csat=csat, escalated=False, draft_sha256="ab" * 32, observed_at_us=NOW_US
    )

    assert [OutcomeRecord(outcome, NOW_US, "desk")] == DECODE(an_outcome_payload(outcome))


def test_a_record_knows_when_it_was_made() -> None:
    """The age of the oldest pending record is told from it."""
    (outcome,) = DECODE(an_outcome_payload(Outcome("o", "0" * 32), received_at_us=7))

    assert (NOW_US + 1, 7) == (recorded_at_us(a_record(1)), recorded_at_us(outcome))


@pytest.mark.parametrize(
    ("expected", "payload"),
    [
        (1, a_payload(1)),
        (1, an_outcome_payload(an_outcome(1))),
        (5, a_payload(1) + a_payload(2) + an_outcome_payload(an_outcome(1)) + a_payload(3) + a_payload(4)),
        (3, a_payload(1, decision=a_decision(1, missing_signals=("m" * 300_000,))) + a_payload(2) * 2),
        (1, b"\x1a\x02\x0a\x00"),
        (2, a_payload(1) + a_payload(2) + b"\x1a\x02\x0a\x00"),
        (1, b""),
        (1, b"not protobuf"),
        (1, a_payload(1)[:-1]),
        (1, b"\x0a\xff"),
    ],
)
def test_records_are_counted_without_being_read(expected: int, payload: bytes) -> None:
    """What waits is counted twice a second; what nobody can read waits as well."""
    assert expected == COUNT(payload)


@given(payload=st.binary(max_size=200))
def test_counting_takes_any_bytes(payload: bytes) -> None:
    """A count that fails would hide all the others."""
    assert 1 <= COUNT(payload) <= max(1, len(payload))


@pytest.mark.parametrize("cut", ["reasons", "policy"])
def test_a_part_that_does_not_parse_is_refused_as_the_whole_is(cut: str) -> None:
    """Parts are read by themselves, and late; garbage in one must stop its worker only."""
    reply = DecideResponse(decision_id="0" * 32).SerializeToString()
    number = DecideResponse.DESCRIPTOR.fields_by_name[cut].number
    entry = pb.DecisionEntry().SerializeToString() + b"\x12" + bytes((len(reply) + 4,))
    entry += reply + bytes((number << 3 | 2, 2)) + b"\x0a\x7f"

    with pytest.raises(JournalFormatError, match="not one of ours"):
        DECODE(b"\x0a" + bytes((len(entry),)) + entry)


def test_a_negative_zero_is_a_zero() -> None:
    """Databases make it so, and what is hashed must be what will be read."""
    record = a_record(1, request=a_request(1, sentiment_score=-0.0))

    score = record.signals[SIGNAL_FIELDS.index("sentiment_score")]
    assert "0.0" == str(score)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"not protobuf", "not one of ours; keep its folder and report this"),
        (a_payload(1)[:-1], "not one of ours"),
        (b"", "neither a decision nor an outcome that this version knows"),
        (b"\x1a\x02\x0a\x00", "start the version of the server that wrote it"),
        (pb.JournalFrame(decisions=[pb.DecisionEntry()]).SerializeToString(), "not one of ours: decision_id: expected"),
        (pb.JournalFrame(outcomes=[pb.OutcomeEntry()]).SerializeToString(), "not one of ours: decision_id: expected"),
    ],
)
def test_what_this_version_did_not_write_is_refused_in_words(payload: bytes, words: str) -> None:
    """A record must wait for the version that can read it, not be guessed at or dropped."""
    with pytest.raises(JournalFormatError, match=words):
        DECODE(payload)
