"""Messages and the client's values."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from oversight.v1 import decision_pb2 as shared
from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import outcome_pb2
from oversight_client import (
    Comparison,
    Decision,
    Escalation,
    Evaluation,
    InvalidResponseError,
    OnExpiry,
    OutcomeStatus,
    PolicyIdentity,
    Reason,
    RuleOutcome,
    Tier,
    Verdict,
    convert,
)
from unit.client.replies import DECISION_ID, a_response

NOON = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)
NOON_UTC = Timestamp()
NOON_UTC.FromDatetime(NOON)

COMPARISON = shared.Comparison(
    signal="sentiment_score", observed="-0.8", operator="below", limit="-0.5", limit_source="literal"
)
NEGATIVE = shared.Reason(
    code="NEGATIVE_SENTIMENT",
    rule_id="negative_sentiment",
    message="The customer is upset.",
    comparisons=[COMPARISON],
    tier=shared.TIER_HUMAN_AS_THE_LOOP,
    escalation=shared.ESCALATION_TRANSFER,
)


def a_full_response() -> decisions.DecideResponse:
    """Return a response in which no field has its default."""
    response = decisions.DecideResponse(
        decision_id=DECISION_ID,
        request_id="r1",
        tier=shared.TIER_HUMAN_AS_THE_LOOP,
        escalate=True,
        escalation=shared.ESCALATION_TRANSFER,
        reason="NEGATIVE_SENTIMENT",
        reasons=[NEGATIVE],
        shadow_reasons=[shared.Reason(code="TRIAL", rule_id="trial", message="A trial.")],
        missing_signals=["intent"],
        evaluation=shared.EVALUATION_MATCHED,
        recorded=True,
        policy=shared.PolicyIdentity(name="contact_centre", version="1", commit="abc", digest="d" * 64),
        threshold_revision=7,
        audit_selected=True,
        audit_probability=0.25,
        review_sla_s=90,
        on_expiry=shared.ON_EXPIRY_HOLD,
    )
    assert len(response.DESCRIPTOR.fields) == len(response.ListFields())
    return response


def test_every_field_of_a_response_is_in_the_decision():
    """A field that the client drops is one that the caller cannot act on."""
    comparison = Comparison("sentiment_score", -0.8, "below", -0.5, "literal")
    expected = Decision(
        decision_id=DECISION_ID,
        request_id="r1",
        tier=Tier.HUMAN_AS_THE_LOOP,
        escalate=True,
        escalation=Escalation.TRANSFER,
        reason="NEGATIVE_SENTIMENT",
        reasons=(
            Reason(
                "NEGATIVE_SENTIMENT",
                "negative_sentiment",
                "The customer is upset.",
                (comparison,),
                Tier.HUMAN_AS_THE_LOOP,
                Escalation.TRANSFER,
            ),
        ),
        shadow_reasons=(Reason("TRIAL", "trial", "A trial.", (), None, None),),
        missing_signals=("intent",),
        evaluation=Evaluation.MATCHED,
        recorded=True,
        policy=PolicyIdentity("contact_centre", "1", "abc", "d" * 64),
        threshold_revision=7,
        audit_selected=True,
        audit_probability=0.25,
        review_sla_s=90,
        on_expiry=OnExpiry.HOLD,
    )
    assert expected == convert.decision_from_proto(a_full_response(), "r1")


def test_a_decision_has_the_fields_of_the_contract_in_their_order():
    """JSON of the client and of the service read alike."""
    expected = [field.name for field in decisions.DecideResponse.DESCRIPTOR.fields]
    assert expected == [field.name for field in dataclasses.fields(Decision)]


def test_what_the_policy_does_not_set_is_none():
    """No time for a review is not a time of zero."""
    decision = convert.decision_from_proto(a_response(), "r1")
    assert (None, None) == (decision.review_sla_s, decision.on_expiry)


NO_IDS = ["", "d", DECISION_ID.upper(), DECISION_ID + "0", DECISION_ID + "\n", "g" * 32]


@pytest.mark.parametrize("decision_id", NO_IDS)
def test_a_decision_on_record_has_an_id(decision_id):
    """Without one, nobody can ever say what became of it."""
    response = a_response()
    response.decision_id = decision_id
    with pytest.raises(InvalidResponseError, match="on record, but its decision_id is not 32 hexadecimal digits"):
        convert.decision_from_proto(response, "r1")
    response.recorded = False
    assert decision_id == convert.decision_from_proto(response, "r1").decision_id


def test_a_decision_of_another_request_is_no_decision():
    """Calm words would go out on the strength of somebody else's."""
    with pytest.raises(InvalidResponseError, match="about another request than the one sent"):
        convert.decision_from_proto(a_response(), "r2")


@pytest.mark.parametrize("field", ["tier", "escalation", "evaluation"])
@pytest.mark.parametrize("number", [0, 9])
def test_a_decision_that_this_client_does_not_understand_is_no_decision(field, number):
    """An unknown tier must not pass for the least human one."""
    response = a_response()
    setattr(response, field, number)
    with pytest.raises(InvalidResponseError, match=f"{number} is no {field.capitalize()}"):
        convert.decision_from_proto(response, "r1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.42", 0.42),
        ('"refund_request"', "refund_request"),
        ('["pii", "fraud"]', ("pii", "fraud")),
        ("null", None),
        ("true", True),
        ("not json", "not json"),
    ],
)
def test_comparisons_have_real_values(text, value):
    """Callers show and compare values, not their spelling; an unreadable one must not cost the decision."""
    reason = shared.Reason(code="X", comparisons=[shared.Comparison(observed=text, limit=text)])
    comparison = convert.decision_from_proto(a_response(reasons=[reason]), "r1").reasons[-1].comparisons[0]
    assert (value, value) == (comparison.observed, comparison.limit)


def test_a_decision_is_json_with_bare_names_and_real_values():
    """The command prints this, and machines read it."""
    document: dict[str, Any] = convert.decision_to_dict(convert.decision_from_proto(a_full_response(), "r1"))
    assert document == json.loads(json.dumps(document))
    assert [field.name for field in decisions.DecideResponse.DESCRIPTOR.fields] == list(document)
    assert ("HUMAN_AS_THE_LOOP", "TRANSFER", "MATCHED", "HOLD") == (
        document["tier"],
        document["escalation"],
        document["evaluation"],
        document["on_expiry"],
    )
    assert {
        "code": "NEGATIVE_SENTIMENT",
        "rule_id": "negative_sentiment",
        "message": "The customer is upset.",
        "comparisons": [
            {
                "signal": "sentiment_score",
                "observed": -0.8,
                "operator": "below",
                "limit": -0.5,
                "limit_source": "literal",
            }
        ],
        "tier": "HUMAN_AS_THE_LOOP",
        "escalation": "TRANSFER",
    } == document["reasons"][0]
    assert {"name": "contact_centre", "version": "1", "commit": "abc", "digest": "d" * 64} == document["policy"]


def a_stored_decision() -> decisions.Decision:
    """Return a decision on record in which no field has its default."""
    stored = decisions.Decision(
        request=convert.decide_request({"request_id": "r1", "channel": "email", "guardrails": [], "signal_time": NOON}),
        response=a_full_response(),
        decided_at=NOON_UTC,
        caller="local",
        latency_us=120,
        trace_id="a" * 32,
        audit_key_id="k1",
        erased=True,
        outcomes=[
            outcome_pb2.RecordedOutcome(
                outcome=convert.outcome_from_fields({"outcome_id": "o1", "verdict": "approved"}),
                status=outcome_pb2.OUTCOME_STATUS_CONFLICT,
                received_at=NOON_UTC,
                caller="qa",
            )
        ],
        rules=[
            decisions.RuleEvaluation(
                rule_id="trial", outcome=decisions.RULE_OUTCOME_UNKNOWN, comparisons=[COMPARISON], shadow=True
            )
        ],
    )
    assert len(stored.DESCRIPTOR.fields) == len(stored.ListFields())
    return stored


def test_a_decision_on_record_comes_back_whole():
    """An auditor reads this."""
    stored = convert.stored_decision_from_proto(a_stored_decision())
    assert {"request_id": "r1", "channel": "EMAIL", "guardrails": (), "signal_time": NOON} == stored.request
    assert convert.decision_from_proto(a_full_response(), "r1") == stored.response
    assert (NOON, "local", 120, "a" * 32, "k1", True) == (
        stored.decided_at,
        stored.caller,
        stored.latency_us,
        stored.trace_id,
        stored.audit_key_id,
        stored.erased,
    )
    (outcome,) = stored.outcomes
    assert ({"outcome_id": "o1", "verdict": Verdict.APPROVED}, OutcomeStatus.CONFLICT, NOON, "qa") == (
        outcome.outcome,
        outcome.status,
        outcome.received_at,
        outcome.caller,
    )
    (rule,) = stored.rules
    assert ("trial", RuleOutcome.UNKNOWN, -0.8, True) == (
        rule.rule_id,
        rule.outcome,
        rule.comparisons[0].observed,
        rule.shadow,
    )


def test_a_decision_on_record_is_json_that_can_be_decided_again():
    """Names, times and flags in the form that `decide` takes."""
    stored = convert.stored_decision_from_proto(a_stored_decision())
    document: dict[str, Any] = convert.stored_decision_to_dict(stored)
    assert document == json.loads(json.dumps(document))
    assert [field.name for field in decisions.Decision.DESCRIPTOR.fields] == list(document)
    assert "2026-03-01T12:00:00.000500Z" == document["decided_at"]
    assert a_stored_decision().request == convert.decide_request(document["request"])


def test_a_record_that_this_client_does_not_understand_is_an_error():
    """Half a record would mislead an auditor."""
    stored = a_stored_decision()
    stored.outcomes[0].status = 9  # type: ignore[assignment]  # no value of this version
    with pytest.raises(InvalidResponseError, match="9 is no OutcomeStatus"):
        convert.stored_decision_from_proto(stored)


def test_an_absent_request_id_is_filled_so_that_retries_are_one_request():
    """Without it every attempt would be another decision on record."""
    first, second = convert.decide_request({}), convert.decide_request({"request_id": ""})
    assert (32, 32) == (len(first.request_id), len(second.request_id))
    assert first.request_id != second.request_id
    assert "mine" == convert.decide_request({"request_id": "mine"}).request_id


def test_the_clients_tenant_is_only_for_requests_without_one():
    """A gateway for several tenants names them request by request."""
    assert ["t1", "t2"] == [
        convert.decide_request(fields, tenant_id="t1").tenant_id for fields in ({}, {"tenant_id": "t2"})
    ]


def test_an_explanation_is_asked_for_only_when_wanted():
    """It costs the service a replay."""
    views = [convert.decision_request(DECISION_ID, explain=explain).view for explain in (False, True)]
    assert [decisions.DECISION_VIEW_BASIC, decisions.DECISION_VIEW_EXPLAIN] == views
    with pytest.raises(TypeError, match=r"^decision_id: expected text, got int$"):
        convert.decision_request(5, explain=False)  # type: ignore[arg-type]  # what must not work
