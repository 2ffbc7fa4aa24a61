"""Between messages and the client's values: the one place, shared by the sync and the asyncio client."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from oversight.v1 import decision_pb2 as shared
from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import outcome_pb2 as outcomes
from oversight_client.enums import DecisionView, Escalation, Evaluation, OnExpiry, OutcomeStatus, RuleOutcome, Tier
from oversight_client.errors import InvalidResponseError
from oversight_client.values import (
    Comparison,
    Decision,
    PolicyIdentity,
    Reason,
    RecordedOutcome,
    RuleEvaluation,
    StoredDecision,
)
from oversight_client.wire import read_fields, read_json, time_from_proto, write_fields

__all__ = [
    "decide_request",
    "decision_from_proto",
    "decision_request",
    "decision_to_dict",
    "outcome_from_fields",
    "stored_decision_from_proto",
    "stored_decision_to_dict",
    "value_to_dict",
]

_DECISION_ID = re.compile(r"[0-9a-f]{32}")


def decide_request(fields: Mapping[str, object], *, tenant_id: str = "", where: str = "") -> decisions.DecideRequest:
    """
    Return the request with *fields*; TypeError or ValueError names the wrong one.

    Fills an absent `request_id`, so that every attempt of one call is the same request, and an absent `tenant_id`.
    """
    request = decisions.DecideRequest(tenant_id=tenant_id)
    write_fields(request, fields, where)
    if not request.request_id:
        request.request_id = uuid.uuid4().hex
    return request


def decision_request(decision_id: str, *, explain: bool) -> decisions.GetDecisionRequest:
    """Return the request for the decision *decision_id* on record."""
    if not isinstance(decision_id, str):
        raise TypeError(f"decision_id: expected text, got {type(decision_id).__name__}")
    view = DecisionView.EXPLAIN if explain else DecisionView.BASIC
    return decisions.GetDecisionRequest(decision_id=decision_id, view=decisions.DecisionView.ValueType(view.number))


def outcome_from_fields(fields: Mapping[str, object], *, where: str = "") -> outcomes.Outcome:
    """Return the outcome with *fields*; TypeError or ValueError names the wrong one."""
    outcome = outcomes.Outcome()
    write_fields(outcome, fields, where)
    return outcome


def decision_from_proto(message: decisions.DecideResponse, request_id: str) -> Decision:
    """
    Return the decision in *message*, the reply to the request *request_id*.

    InvalidResponseError where this client does not know what it means, where it is about another request, and where it
    is said to be on record under what is no id.
    """
    try:
        if message.request_id != request_id:
            raise ValueError("it is about another request than the one sent")
        if message.recorded and not _DECISION_ID.fullmatch(message.decision_id):
            raise ValueError("it is on record, but its decision_id is not 32 hexadecimal digits in small letters")
        return _decision(message)
    except ValueError as error:
        raise InvalidResponseError(f"the decision makes no sense to this client: {error}") from error


def stored_decision_from_proto(message: decisions.Decision) -> StoredDecision:
    """Return the decision on record in *message*; InvalidResponseError where this client does not know it."""
    try:
        return StoredDecision(
            request=read_fields(message.request),
            response=_decision(message.response),
            decided_at=time_from_proto(message.decided_at),
            caller=message.caller,
            latency_us=message.latency_us,
            trace_id=message.trace_id,
            audit_key_id=message.audit_key_id,
            erased=message.erased,
            outcomes=tuple(
                RecordedOutcome(
                    outcome=read_fields(recorded.outcome),
                    status=OutcomeStatus.numbered(recorded.status),
                    received_at=time_from_proto(recorded.received_at),
                    caller=recorded.caller,
                )
                for recorded in message.outcomes
            ),
            rules=tuple(
                RuleEvaluation(
                    rule.rule_id, RuleOutcome.numbered(rule.outcome), _comparisons(rule.comparisons), shadow=rule.shadow
                )
                for rule in message.rules
            ),
        )
    except ValueError as error:
        raise InvalidResponseError(f"the decision on record makes no sense to this client: {error}") from error


def decision_to_dict(decision: Decision) -> dict[str, object]:
    """Return *decision* ready for JSON: snake_case names, bare enum names in capitals, comparisons as real values."""
    return _dict(decision)


def stored_decision_to_dict(decision: StoredDecision) -> dict[str, object]:
    """Return *decision* ready for JSON, as `decision_to_dict` does; times are ISO 8601 in UTC."""
    return _dict(decision)


def value_to_dict(value: object) -> dict[str, object]:
    """Return any of the client's values ready for JSON, as `decision_to_dict` does."""
    return _dict(value)


def _decision(message: decisions.DecideResponse) -> Decision:
    escalation = Escalation.numbered(message.escalation)
    return Decision(
        decision_id=message.decision_id,
        request_id=message.request_id,
        tier=Tier.numbered(message.tier),
        escalate=escalation is not Escalation.NONE,
        escalation=escalation,
        reason=message.reason,
        reasons=_reasons(message.reasons),
        shadow_reasons=_reasons(message.shadow_reasons),
        missing_signals=tuple(message.missing_signals),
        evaluation=Evaluation.numbered(message.evaluation),
        recorded=message.recorded,
        policy=PolicyIdentity(
            message.policy.name, message.policy.version, message.policy.commit, message.policy.digest
        ),
        threshold_revision=message.threshold_revision,
        audit_selected=message.audit_selected,
        audit_probability=message.audit_probability,
        review_sla_s=message.review_sla_s if message.HasField("review_sla_s") else None,
        on_expiry=OnExpiry.numbered(message.on_expiry) if message.on_expiry else None,
    )


def _reasons(messages: Sequence[shared.Reason]) -> tuple[Reason, ...]:
    return tuple(
        [
            Reason(
                code=message.code,
                rule_id=message.rule_id,
                message=message.message,
                comparisons=_comparisons(message.comparisons),
                tier=Tier.numbered(message.tier) if message.tier else None,
                escalation=Escalation.numbered(message.escalation) if message.escalation else None,
            )
            for message in messages
        ]
    )


def _comparisons(messages: Sequence[shared.Comparison]) -> tuple[Comparison, ...]:
    return tuple(
        [Comparison(m.signal, read_json(m.observed), m.operator, read_json(m.limit), m.limit_source) for m in messages]
    )


def _dict(value: object) -> dict[str, object]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}  # type: ignore[arg-type]  # it is one


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _dict(value) if dataclasses.is_dataclass(value) else value
