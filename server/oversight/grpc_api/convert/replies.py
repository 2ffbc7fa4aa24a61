"""Decisions to protobuf."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from math import isfinite

from google.protobuf.timestamp_pb2 import Timestamp

from oversight.engine.decision import (
    Comparison,
    Decision,
    Escalation,
    Evaluation,
    OnExpiry,
    Reason,
    Tier,
    Value,
)
from oversight.engine.explain import RuleEvaluation
from oversight.engine.request import REQUEST_FIELDS
from oversight.grpc_api.convert.delimited import delimited, tag
from oversight.grpc_api.convert.outcomes import stored_outcome_to_proto
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.reading import FoundDecision
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb

__all__ = ["decision_to_proto", "encode_reply", "found_to_proto"]


def decision_to_proto(decision: Decision, request_id: str) -> pb.DecideResponse:
    """Return the reply to a request with *request_id*."""
    return pb.DecideResponse.FromString(encode_reply(decision, request_id))


def encode_reply(decision: Decision, request_id: str) -> bytes:
    """
    Return the reply to a request with *request_id* as it goes over the wire.

    Serialized messages put one after the other are the serialization of their merge (protobuf's encoding guide, "Last
    One Wins"), so the parts that recur from call to call are rendered once: half the time of building the whole.
    """
    digest = decision.digest
    identity, request = decision.decision_id.encode("ascii"), request_id.encode()
    own = delimited(_DECISION_ID, identity) + delimited(_REQUEST_ID, request)
    common = _common_part(
        decision.tier,
        decision.escalation,
        decision.reasons[0].code,
        decision.missing_signals,
        decision.evaluation,
        decision.policy,
        decision.policy_version,
        decision.commit,
        digest,
        decision.threshold_revision,
        decision.audit_selected,
        decision.audit_probability,
        decision.review_sla_s,
        decision.on_expiry,
        decision.recorded,
    )
    parts = [own, common]
    parts += [_reason_part(reason, digest) for reason in decision.reasons]
    parts += [_shadow_part(reason, digest) for reason in decision.shadow_reasons]
    return b"".join(parts)


_DECISION_ID = tag(pb.DecideResponse.DECISION_ID_FIELD_NUMBER)
_REQUEST_ID = tag(pb.DecideResponse.REQUEST_ID_FIELD_NUMBER)


# Whole reasons, because many repeat to the letter: an intent, a flag, an action. By snapshot, because within one every
# value of a signal has one type: elsewhere 1, 1.0 and True, equal to Python, may stand in the same place.
@lru_cache(maxsize=4096)
def _reason_part(reason: Reason, _digest: str) -> bytes:
    return pb.DecideResponse(reasons=[_reason(reason)]).SerializeToString()


@lru_cache(maxsize=4096)
def _shadow_part(reason: Reason, _digest: str) -> bytes:
    return pb.DecideResponse(shadow_reasons=[_reason(reason)]).SerializeToString()


@lru_cache(maxsize=4096)
def _common_part(
    tier: Tier,
    escalation: Escalation,
    code: str,
    missing: tuple[str, ...],
    evaluation: Evaluation,
    policy: str,
    policy_version: str,
    commit: str,
    digest: str,
    threshold_revision: int,
    audit_selected: bool,  # noqa: FBT001 - by position: keywords would double the time of a look-up
    audit_probability: float,
    review_sla_s: int | None,
    on_expiry: OnExpiry | None,
    recorded: bool,  # noqa: FBT001 - likewise
) -> bytes:
    return pb.DecideResponse(
        tier=tier,  # type: ignore[arg-type]  # the engine's numbers are the API's: a test holds them equal
        escalate=escalation > Escalation.NONE,
        escalation=escalation,  # type: ignore[arg-type]  # likewise
        reason=code,
        missing_signals=missing,
        evaluation=evaluation,  # type: ignore[arg-type]  # likewise
        recorded=recorded,
        policy=values.PolicyIdentity(name=policy, version=policy_version, commit=commit, digest=digest),
        threshold_revision=threshold_revision,
        audit_selected=audit_selected,
        audit_probability=audit_probability,
        review_sla_s=review_sla_s,
        on_expiry=on_expiry,  # type: ignore[arg-type]  # likewise
    ).SerializeToString()


def found_to_proto(found: FoundDecision) -> pb.Decision:
    """Return a decision on record, with its outcomes and the rules' evaluation where there is one."""
    stored = found.stored
    return pb.Decision(
        request=request_to_proto(zip(REQUEST_FIELDS, stored.request, strict=False)),
        response=decision_to_proto(stored.decision, stored.request.request_id),
        decided_at=_timestamp(stored.request.decided_at_us),
        caller=stored.caller,
        latency_us=stored.latency_us,
        trace_id=stored.trace_id,
        audit_key_id=stored.decision.audit_key_id,
        erased=stored.erased,
        outcomes=[stored_outcome_to_proto(outcome) for outcome in stored.outcomes],
        rules=[_evaluation(rule) for rule in found.rules],
    )


def _evaluation(rule: RuleEvaluation) -> pb.RuleEvaluation:
    return pb.RuleEvaluation(
        rule_id=rule.rule_id,
        outcome=rule.outcome,  # type: ignore[arg-type]  # the engine's numbers are the API's: a test holds them equal
        comparisons=_comparisons(rule.comparisons),
        shadow=rule.shadow,
    )


def _reason(reason: Reason) -> values.Reason:
    code, rule_id, message, tier, escalation, comparisons = reason
    return values.Reason(
        code=code,
        rule_id=rule_id,
        message=message,
        comparisons=_comparisons(comparisons),
        tier=tier,  # type: ignore[arg-type]  # the engine's numbers are the API's: a test holds them equal
        escalation=escalation,  # type: ignore[arg-type]  # likewise
    )


def _comparisons(comparisons: Iterable[Comparison]) -> list[values.Comparison]:
    return [
        values.Comparison(
            signal=signal, observed=_json(observed), operator=operator, limit=_json(limit), limit_source=limit_source
        )
        for signal, observed, operator, limit, limit_source in comparisons
    ]


def _json(value: Value) -> str:
    # Numbers and text are most of what is shown; setting a general encoder up takes five times as long.
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)
    return encode_basestring_ascii(value) if type(value) is str else json.dumps(value, separators=(",", ":"))


def _timestamp(time_us: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(time_us)
    return stamp
