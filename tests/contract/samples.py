"""Records that the tests of journal and store put on record."""

from __future__ import annotations

from functools import partial
from typing import Any

from builders import KEYS
from oversight.decisions import Call
from oversight.engine.decision import Comparison, Decision, Escalation, Evaluation, OnExpiry, Reason, Tier
from oversight.engine.request import REQUEST_FIELDS, Request, ServerFacts
from oversight.grpc_api.convert.frames import count_records, decode_frame
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord

DIGEST = "d" * 64
DRAFT = "ab" * 32
FACTS = ServerFacts(labelled_outcomes=12, policy_age_s=3, threshold_age_s=4)
NOW_US = 1_800_000_000_000_000
WIRE = ProtobufWire()
COUNT = count_records
DECODE = partial(decode_frame, keys=KEYS)
"""What a drain reads payloads with."""


def an_id(number: int = 1) -> str:
    """Return the id of the decision with this *number*."""
    return f"{number:032x}"


def a_request(number: int = 1, **changes: Any) -> Request:
    """Return a request with every field present but those in *changes*."""
    full = Request(
        request_id=f"request-{number}",
        tenant_id="acme",
        department="retail_banking",
        conversation_id=f"conversation-{number}",
        turn_index=0,
        subject_ref="customer-7",
        held_tier=1,
        channel=1,
        language="en-GB",
        intent="order_change",
        intent_confidence=0.91,
        intent_runner_up_confidence=0.1 + 0.2,
        response_confidence=0.42,
        grounding_score=1.0,
        sentiment_score=-0.5,
        sentiment_trend=0.0,
        sentiment_source=1,
        anomaly_score=0.1,
        churn_risk=0.2,
        customer_tier=2,
        vulnerable_customer=False,
        human_requested=True,
        tool_failed=False,
        reversible=True,
        proposed_action=3,
        amount_minor=2**53 + 1,
        currency="EUR",
        failed_turns=0,
        contacts_7d=2,
        guardrail_flags=("pii", "policy"),
        model_version="modèle-\u2603",
        draft_sha256=DRAFT,
        signal_time_us=NOW_US - 1_000_000,
        attributes={"loyal": True, "name": 'a "quoted"\nline', "score": 0.25, "visits": 3},
        decided_at_us=NOW_US + number,
    )
    return full._replace(**changes)


REASON = Reason(
    code="LOW_CONFIDENCE",
    rule_id="low_confidence",
    message="The confidence in the reply is below the policy's limit.",
    tier=2,
    escalation=1,
    comparisons=(
        Comparison("response_confidence", 0.42, "below", 0.6, "autonomy_confidence[intent=order_change] file"),
        Comparison("customer_tier", "vip", "in", ("vip", "enterprise"), "literal"),
        Comparison("sentiment_score", None, "present", False, "literal"),
        Comparison("guardrail_flags", ("pii",), "contains", "pii", "literal"),
    ),
)


def a_decision(number: int = 1, **changes: Any) -> Decision:
    """Return the decision with this *number*."""
    fields: dict[str, Any] = {
        "decision_id": an_id(number),
        "tier": Tier.HUMAN_IN_THE_LOOP,
        "escalation": Escalation.OFFER,
        "reasons": (REASON, REASON._replace(code="SECOND", rule_id="second", comparisons=())),
        "shadow_reasons": (REASON._replace(code="SHADOW", rule_id="shadow"),),
        "missing_signals": ("churn_risk", "sentiment_trend"),
        "evaluation": Evaluation.MATCHED,
        "policy": "retail_banking",
        "policy_version": "1.2.0",
        "commit": "c" * 40,
        "digest": DIGEST,
        "threshold_revision": 17,
        "audit_selected": True,
        "audit_probability": 0.1,
        "audit_key_id": "audit-1",
        "review_sla_s": 3600,
        "on_expiry": OnExpiry.TRANSFER,
        "recorded": True,
    }
    return Decision(**(fields | changes))


def a_payload(number: int = 1, request: Request | None = None, decision: Decision | None = None) -> bytes:
    """Return a decision as the journal holds it."""
    request = request or a_request(number)
    decision = decision or a_decision(number)
    canonical = request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)
    reply = WIRE.reply(decision, request.request_id)
    call = Call("gateway", "e" * 32, 0)
    return WIRE.decision_record(canonical, reply, FACTS, request.decided_at_us, decision.audit_key_id, call, 321)


def an_outcome_payload(outcome: Outcome, received_at_us: int = NOW_US) -> bytes:
    """Return an outcome as the journal holds it."""
    return WIRE.outcome_record(outcome, received_at_us, "desk")


def a_record(number: int = 1, request: Request | None = None, decision: Decision | None = None) -> DecisionRecord:
    """Return a decision on its way to the store."""
    (record,) = DECODE(a_payload(number, request, decision))
    assert isinstance(record, DecisionRecord)
    return record


def an_outcome(number: int = 1, **changes: Any) -> Outcome:
    """Return an outcome of the decision with this *number*."""
    return Outcome(outcome_id=f"outcome-{number}", decision_id=an_id(number), verdict=1, label_basis=3)._replace(
        **changes
    )


def an_outcome_record(number: int = 1, *, received_at_us: int = NOW_US, **changes: Any) -> OutcomeRecord:
    """Return an outcome on its way to the store."""
    return OutcomeRecord(an_outcome(number, **changes), received_at_us, "desk")
