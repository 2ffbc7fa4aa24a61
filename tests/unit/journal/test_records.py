"""Records as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.samples import FACTS, NOW_US, REASON, a_decision, a_payload, a_record, a_request, an_outcome
from oversight.engine.decision import Comparison
from oversight.engine.identity import canonical_request, request_from_canonical
from oversight.errors import JournalFormatError
from oversight.journal.records import decode, encode_decision, encode_outcome, recorded_at_us
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord


def test_a_decision_comes_back_whole() -> None:
    """What was answered is what is stored."""
    record = a_record(1)

    assert record[:20] == (
        *("0" * 31 + "1", NOW_US + 1, "gateway", 2, 2, 1, "retail_banking", "1.2.0", "c" * 40, "d" * 64, 17, True, 0.1),
        *("audit-1", 321, "e" * 32, 3600, 2, True, "key-request-1"),
    )
    assert FACTS._asdict() == json.loads(record.facts)
    assert ["churn_risk", "sentiment_trend"] == json.loads(record.missing_signals)
    assert ["LOW_CONFIDENCE", "SECOND"] == [reason["code"] for reason in json.loads(record.reasons)]
    assert ["SHADOW"] == [reason["code"] for reason in json.loads(record.shadow_reasons)]
    assert a_request(1) == request_from_canonical(record.request, record.decided_at_us)


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


def test_the_payload_is_one_json_object_with_version_and_type_first() -> None:
    """Any other tool can read the journal, and any version of us can tell whether it may."""
    payload = a_payload(1)

    assert payload.startswith(b'{"v":1,"t":"decision","decision_id":')
    assert {"v": 1, "t": "decision", "tier": 2}.items() <= json.loads(payload).items()
    assert a_request(1).intent == json.loads(payload)["request"]["intent"]


def test_absent_values_come_back_absent() -> None:
    """Absent is not zero."""
    decision = a_decision(1, reasons=(), shadow_reasons=(), missing_signals=(), review_sla_s=None, on_expiry=None)
    record = a_record(1, decision=decision)

    assert (None, None, "[]", "[]", "[]") == (
        *(record.review_sla_s, record.on_expiry),
        *(record.missing_signals, record.reasons, record.shadow_reasons),
    )


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(observed=values, limit=values | st.lists(st.text()).map(tuple), text=st.text(), number=st.integers(0, 2**62))
def test_any_text_and_value_comes_back(observed: Any, limit: Any, text: str, number: int) -> None:
    """Callers choose these; none may break the line structure that the drain relies on."""
    reason = REASON._replace(message=text, comparisons=(Comparison(text, observed, "below", limit, text),))
    decision = a_decision(1, reasons=(reason,), policy=text, missing_signals=(text,))
    request = a_request(1, intent=text, attributes={text: text}, amount_minor=number)
    payload = encode_decision(
        canonical_request(request),
        FACTS._replace(policy_age_s=number),
        decision,
        decided_at_us=number,
        caller=text,
        trace_id=text,
        latency_us=number,
        request_key=text,
    )

    record = decode(payload)

    assert isinstance(record, DecisionRecord)
    assert (text, number, text, number) == (record.caller, record.decided_at_us, record.trace_id, record.latency_us)
    assert request._replace(decided_at_us=number) == request_from_canonical(record.request, number)
    ((found,), facts) = (json.loads(record.reasons), json.loads(record.facts))
    expected = list(limit) if isinstance(limit, tuple) else limit
    assert [text, observed, expected] == [found["message"], *map(found["comparisons"][0].get, ("observed", "limit"))]
    assert type(observed) is type(found["comparisons"][0]["observed"])
    assert number == facts["policy_age_s"]


@given(ref=st.text(), csat=st.floats(1, 5))
def test_an_outcome_comes_back_whole(ref: str, csat: float) -> None:
    """An acknowledged fact is on record as it was sent."""
    outcome = an_outcome(1, correction_ref=ref, csat=csat, escalated=False)

    assert OutcomeRecord(outcome, NOW_US, "desk") == decode(
        encode_outcome(outcome, received_at_us=NOW_US, caller="desk")
    )


def test_a_record_knows_when_it_was_made() -> None:
    """The age of the oldest pending record is told from it."""
    outcome = decode(encode_outcome(Outcome("o", "d"), received_at_us=7, caller=""))

    assert (NOW_US + 1, 7) == (recorded_at_us(a_record(1)), recorded_at_us(outcome))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b'{"v":2,"t":"decision"}', "version 2 and type 'decision', this server reads version 1"),
        (b'{"v":1,"t":"verdict"}', "version 1 and type 'verdict'"),
        (b'{"t":"decision"}', "version None"),
        (b"[1]", "not JSON|not one of ours"),
        (b"\x80\x04", "not one of ours: UnicodeDecodeError"),
        (b"not json", "not JSON"),
        (b'{"v":1,"t":"decision","decision_id":"x"}', "not one of ours: ValueError"),
        (a_payload(1)[:-1], "not one of ours: JSONDecodeError"),
        (a_payload(1).replace(b'"tier"', b'"tire"', 1), "not one of ours: KeyError"),
        (b'{"v":1,"t":"outcome","received_at_us":1,"caller":"",\n"outcome":{"grade":1}}', "ours: TypeError"),
    ],
)
def test_what_this_version_did_not_write_is_refused_in_words(payload: bytes, words: str) -> None:
    """A record must wait for the version that can read it, not be guessed at or dropped."""
    with pytest.raises(JournalFormatError, match=words):
        decode(payload)
