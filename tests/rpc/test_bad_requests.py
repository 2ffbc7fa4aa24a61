"""Every way a request can be wrong has a status, a reason, a field and words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from builders import a_snapshot
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import outcome_pb2, outcome_service_pb2
from refusals import refusal_of
from serving import Serving


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    """Return one server for the whole module: nothing that is refused leaves a trace on it."""
    serving = Serving(a_snapshot())
    yield serving
    serving.close()


@pytest.fixture
def serving(shared: Serving) -> Serving:
    """Return the server with an empty journal."""
    shared.journal.payloads.clear()
    return shared


INVALID = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
TEXT = values.AttributeValue(string_value="x")

BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"response_confidence": math.nan}, "response_confidence", "expected a number in 0..1, got nan"),
    ({"response_confidence": 1.01}, "response_confidence", "expected a number in 0..1, got 1.01"),
    ({"intent_confidence": -0.1}, "intent_confidence", "expected a number in 0..1, got -0.1"),
    ({"sentiment_score": -1.5}, "sentiment_score", "expected a number in -1..1, got -1.5"),
    ({"sentiment_trend": math.inf}, "sentiment_trend", "expected a number in -1..1, got inf"),
    ({"grounding_score": 2}, "grounding_score", "expected a number in 0..1, got 2.0"),
    ({"anomaly_score": -1}, "anomaly_score", "expected a number in 0..1, got -1.0"),
    ({"churn_risk": math.nan}, "churn_risk", "expected a number in 0..1, got nan"),
    (
        {"intent_confidence": 0.4, "intent_runner_up_confidence": 0.5},
        "intent_runner_up_confidence",
        "expected at most intent_confidence (0.4), got 0.5",
    ),
    ({"turn_index": -1}, "turn_index", "expected a finite number from 0, got -1"),
    ({"amount_minor": -5}, "amount_minor", "expected a finite number from 0, got -5"),
    ({"failed_turns": -1}, "failed_turns", "expected a finite number from 0, got -1"),
    ({"contacts_7d": -1}, "contacts_7d", "expected a finite number from 0, got -1"),
    ({"currency": "eur"}, "currency", "expected an ISO 4217 code of three capitals, got 'eur'"),
    ({"currency": "EURO"}, "currency", "expected an ISO 4217 code of three capitals, got 'EURO'"),
    ({"channel": 99}, "channel", "expected one of the enum's values (1..5), got 99"),
    ({"held_tier": 4}, "held_tier", "expected one of the enum's values (1..3), got 4"),
    ({"proposed_action": -1}, "proposed_action", "expected one of the enum's values (1..7), got -1"),
    ({"customer_tier": 77}, "customer_tier", "expected one of the enum's values (1..3), got 77"),
    ({"sentiment_source": 8}, "sentiment_source", "expected one of the enum's values (1..3), got 8"),
    ({"request_id": "r" * 129}, "request_id", "expected at most 128 characters, got 129"),
    ({"tenant_id": "t" * 65}, "tenant_id", "expected at most 64 characters, got 65"),
    ({"department": "d" * 65}, "department", "expected at most 64 characters, got 65"),
    ({"conversation_id": "c" * 129}, "conversation_id", "expected at most 128 characters, got 129"),
    ({"subject_ref": "s" * 129}, "subject_ref", "expected at most 128 characters, got 129"),
    ({"language": "l" * 36}, "language", "expected at most 35 characters, got 36"),
    ({"intent": "i" * 129}, "intent", "expected at most 128 characters, got 129"),
    ({"model_version": "m" * 129}, "model_version", "expected at most 128 characters, got 129"),
    ({"draft_sha256": b"short"}, "draft_sha256", "expected the 32 bytes of a SHA-256, got 5 bytes"),
    (
        {"signal_time": Timestamp(seconds=10**15)},
        "signal_time",
        "expected a time in the years 1 to 9999, got 1000000000000000 s and 0 ns since 1970",
    ),
    (
        {"guardrails": values.GuardrailCheck(flags=["f"] * 17)},
        "guardrails.flags",
        "expected at most 16 flags, got 17",
    ),
    (
        {"guardrails": values.GuardrailCheck(flags=["pii", ""])},
        "guardrails.flags[1]",
        "expected a flag, got empty text",
    ),
    (
        {"guardrails": values.GuardrailCheck(flags=["f" * 65])},
        "guardrails.flags[0]",
        "expected at most 64 characters, got 65",
    ),
    ({"intent": "a\0b"}, "intent", "expected text without NUL characters"),
    ({"attributes": {"": TEXT}}, "attributes", "expected names of 1 to 64 characters, got ''"),
    ({"attributes": {str(n): TEXT for n in range(33)}}, "attributes", "expected at most 32 attributes, got 33"),
    ({"attributes": {"n" * 65: TEXT}}, "attributes", f"expected names of 1 to 64 characters, got {'n' * 65!r}"),
    ({"attributes": {"region": values.AttributeValue()}}, "attributes[region]", "expected a value, got none"),
    (
        {"attributes": {"x": values.AttributeValue(double_value=math.inf)}},
        "attributes[x]",
        "expected a finite number, got inf",
    ),
    (
        {"attributes": {"x": values.AttributeValue(string_value="v" * 1025)}},
        "attributes[x]",
        "expected at most 1024 characters, got 1025",
    ),
]


@pytest.mark.parametrize(
    ("fields", "field", "words"), BAD_FIELDS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_wrong_field_is_refused_by_name(serving, fields, field, words):
    """An engineer must be able to mend the call from the error alone, and nothing may be decided meanwhile."""
    refusal = refusal_of(lambda: serving.decide.Decide(pb.DecideRequest(**fields), timeout=5))
    assert (*INVALID, field, f"{field}: {words}", "oversight.dev") == (
        refusal.code,
        refusal.reason,
        refusal.field,
        refusal.text,
        refusal.domain,
    )
    assert [] == serving.journal.payloads


def test_every_field_with_a_limit_is_tried(serving):
    """A field added to the API without a check would be found here."""
    free = {"vulnerable_customer", "human_requested", "tool_failed", "reversible"}
    tried = {field.split(".")[0].split("[")[0] for _, field, _ in BAD_FIELDS}
    assert set(pb.DecideRequest.DESCRIPTOR.fields_by_name) == tried | free


def test_a_message_over_the_limit_is_refused_in_words(serving):
    """Five megabytes are a mistake of the caller's, who should be told which and how to change the limit."""
    request = pb.DecideRequest(attributes={"x": values.AttributeValue(string_value="v" * 5_000_000)})
    refusal = refusal_of(lambda: serving.decide.Decide(request, timeout=10))
    size = request.ByteSize()
    assert (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "REQUEST_TOO_LARGE",
        f"the message has {size:,} bytes, the limit is 4,194,304 (setting max_message_bytes)",
    ) == (refusal.code, refusal.reason, refusal.text)


@pytest.mark.parametrize("count", [0, 501])
def test_a_batch_has_1_to_500_items(serving, count):
    """A batch without an end would hold a deciding thread for as long as it likes."""
    request = pb.BatchDecideRequest(requests=[pb.DecideRequest()] * count)
    refusal = refusal_of(lambda: serving.decide.BatchDecide(request, timeout=10))
    assert (*INVALID, "requests", f"requests: expected 1 to 500 items, got {count}") == refusal[:4]


BAD_IDS = ["", "x", "A" * 32, "g" * 32, "0" * 33]


@pytest.mark.parametrize("decision_id", BAD_IDS)
def test_a_malformed_decision_id_is_refused(serving, decision_id):
    """Looking up what can never be there would hide a caller's mistake behind NOT_FOUND."""
    refusal = refusal_of(lambda: serving.decide.GetDecision(pb.GetDecisionRequest(decision_id=decision_id), timeout=5))
    expected = f"decision_id: expected a decision id of 32 lower-case hex digits, got {decision_id!r}"
    assert (*INVALID, "decision_id", expected) == refusal[:4]


def test_an_unknown_view_is_refused(serving):
    """A view from the future must not quietly be read as another."""
    request = pb.GetDecisionRequest(decision_id="0" * 32, view=9)  # type: ignore[arg-type]  # what must not work
    refusal = refusal_of(lambda: serving.decide.GetDecision(request, timeout=5))
    assert (*INVALID, "view", "view: expected BASIC or EXPLAIN, got 9") == refusal[:4]


GOOD_OUTCOME: dict[str, Any] = {"outcome_id": "o-1", "decision_id": "0" * 32}
BAD_OUTCOMES: list[tuple[dict[str, Any], str, str]] = [
    ({"outcome_id": ""}, "outcome_id", "expected a value, got none"),
    ({"outcome_id": "o" * 129}, "outcome_id", "expected at most 128 characters, got 129"),
    ({"decision_id": ""}, "decision_id", "expected a value, got none"),
    ({"decision_id": "no"}, "decision_id", "expected a decision id of 32 lower-case hex digits, got 'no'"),
    ({"redecided_as": "no"}, "redecided_as", "expected a decision id of 32 lower-case hex digits, got 'no'"),
    ({"draft_sha256": b"x"}, "draft_sha256", "expected the 32 bytes of a SHA-256, got 1 bytes"),
    ({"verdict": 1}, "label_basis", "expected why there is a verdict, got none"),
    ({"verdict": 8}, "verdict", "expected one of the enum's values (1..7), got 8"),
    ({"label_basis": 5}, "label_basis", "expected one of the enum's values (1..4), got 5"),
    ({"error_category": 8}, "error_category", "expected one of the enum's values (1..7), got 8"),
    ({"handled_by": 4}, "handled_by", "expected one of the enum's values (1..3), got 4"),
    ({"resolution": 4}, "resolution", "expected one of the enum's values (1..3), got 4"),
    ({"qa_subject": 3}, "qa_subject", "expected one of the enum's values (1..2), got 3"),
    ({"edit_distance": 1.5}, "edit_distance", "expected a number in 0..1, got 1.5"),
    ({"csat": 0}, "csat", "expected a number in 1..5, got 0.0"),
    ({"csat": math.nan}, "csat", "expected a number in 1..5, got nan"),
    ({"qa_score": 101}, "qa_score", "expected a number in 0..100, got 101.0"),
    ({"handle_time_s": -1}, "handle_time_s", "expected a finite number from 0, got -1.0"),
    ({"review_time_s": math.inf}, "review_time_s", "expected a finite number from 0, got inf"),
    ({"repeat_window_h": 0}, "repeat_window_h", "expected a number in 1..8760, got 0"),
    ({"correction_ref": "c" * 257}, "correction_ref", "expected at most 256 characters, got 257"),
    ({"qa_rubric_version": "q" * 65}, "qa_rubric_version", "expected at most 64 characters, got 65"),
    ({"reviewer_ref": "r" * 129}, "reviewer_ref", "expected at most 128 characters, got 129"),
    (
        {"observed_at": Timestamp(nanos=-1)},
        "observed_at",
        "expected a time in the years 1 to 9999, got 0 s and -1 ns since 1970",
    ),
]


@pytest.mark.parametrize(
    ("fields", "field", "words"), BAD_OUTCOMES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_wrong_outcome_is_refused_by_field(serving, fields, field, words):
    """A fact that was misread would be learned from."""
    request = outcome_service_pb2.RecordOutcomeRequest(outcome=outcome_pb2.Outcome(**{**GOOD_OUTCOME, **fields}))
    refusal = refusal_of(lambda: serving.outcomes.RecordOutcome(request, timeout=5))
    assert (*INVALID, f"outcome.{field}", f"outcome.{field}: {words}") == refusal[:4]
    assert [] == serving.journal.payloads


def test_every_outcome_field_with_a_limit_is_tried():
    """A field added to the API without a check would be found here."""
    free = {"escalated", "escalation_expected", "repeat_contact", "qa_critical_fail", "sla_met", "planted"}
    assert set(outcome_pb2.Outcome.DESCRIPTOR.fields_by_name) == {field for _, field, _ in BAD_OUTCOMES} | free


def test_one_wrong_outcome_does_not_spoil_the_others(serving):
    """A nightly upload of 500 outcomes must not fail for one typing error."""
    request = outcome_service_pb2.BatchRecordOutcomesRequest(
        outcomes=[outcome_pb2.Outcome(**GOOD_OUTCOME), outcome_pb2.Outcome(**{**GOOD_OUTCOME, "csat": 9})]
    )
    results = serving.outcomes.BatchRecordOutcomes(request, timeout=5).results
    assert "o-1" == results[0].response.outcome_id
    assert (3, "outcomes[1].csat: expected a number in 1..5, got 9.0") == (
        results[1].error.code,
        results[1].error.message,
    )
    assert 1 == len(serving.journal.payloads)
