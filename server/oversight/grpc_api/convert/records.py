"""Journal records: the request and the reply as they go over the wire, with what the server knew beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from google.protobuf.message import DecodeError

from oversight.decisions import Call
from oversight.engine.decision import Decision
from oversight.engine.identity import Keys, request_key
from oversight.engine.request import REQUEST_FIELDS, ServerFacts
from oversight.errors import InvalidRequestError, JournalFormatError
from oversight.grpc_api.convert.checks import check_hex_id
from oversight.grpc_api.convert.delimited import delimited, tag
from oversight.grpc_api.convert.outcomes import outcome_fields, outcome_to_proto
from oversight.grpc_api.convert.replies import encode_reply
from oversight.grpc_api.convert.requests import request_fields
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord
from oversight.v1 import decision_pb2 as values
from oversight.v1 import journal_pb2 as pb

__all__ = ["ProtobufWire", "decode_frame"]

_encode = json.JSONEncoder(separators=(",", ":")).encode


class ProtobufWire:
    """
    The `decisions.Wire` in protobuf.

    What is longest in a record, request and reply, is there in bytes already. Neither is parsed again or written in
    another form: serialized messages are put together by hand where a field holds one.
    """

    def reply(self, decision: Decision, request_id: str) -> bytes:
        """Return the reply to a request with *request_id*: a DecideResponse."""
        return encode_reply(decision, request_id)

    def decision_record(
        self,
        canonical: bytes,
        reply: bytes,
        facts: ServerFacts,
        decided_at_us: int,
        audit_key_id: str,
        call: Call,
        latency_us: int,
    ) -> bytes:
        """Return the JournalFrame of a decision; *canonical* is the request, *reply* what will be answered."""
        own = pb.DecisionEntry(decided_at_us=decided_at_us, trace_id=call.trace_id, latency_us=latency_us)
        common = _common_part(call.caller, audit_key_id, facts)
        entry = b"".join((delimited(_REQUEST, canonical), delimited(_RESPONSE, reply), own.SerializeToString(), common))
        return delimited(_DECISIONS, entry)

    def outcome_record(self, outcome: Outcome, received_at_us: int, caller: str) -> bytes:
        """Return the JournalFrame of an outcome."""
        entry = pb.OutcomeEntry(outcome=outcome_to_proto(outcome), received_at_us=received_at_us, caller=caller)
        return pb.JournalFrame(outcomes=[entry]).SerializeToString()


_DECISIONS = tag(pb.JournalFrame.DECISIONS_FIELD_NUMBER)
_REQUEST, _RESPONSE = map(tag, (pb.DecisionEntry.REQUEST_FIELD_NUMBER, pb.DecisionEntry.RESPONSE_FIELD_NUMBER))


# What recurs from call to call is rendered once.
@lru_cache(maxsize=1024)
def _common_part(caller: str, audit_key_id: str, facts: ServerFacts) -> bytes:
    known = pb.ServerFacts(
        labelled_outcomes=facts.labelled_outcomes,
        policy_age_s=facts.policy_age_s,
        threshold_age_s=facts.threshold_age_s,
    )
    return pb.DecisionEntry(caller=caller, audit_key_id=audit_key_id, facts=known).SerializeToString()


def decode_frame(payload: bytes, keys: Keys) -> list[DecisionRecord | OutcomeRecord]:
    """
    Return the records that a journal's frame holds; *keys* make the request keys.

    Raises `JournalFormatError` for what this version did not write; the journal then has to wait for the version that
    did.
    """
    try:
        frame = pb.JournalFrame.FromString(payload)
    except DecodeError as error:
        raise JournalFormatError("a journal record is not one of ours; keep its folder and report this") from error
    try:
        # The ids are all that tells a record from chance bytes that parse.
        for entry in frame.decisions:
            check_hex_id("decision_id", entry.response.decision_id)
        for report in frame.outcomes:
            check_hex_id("decision_id", report.outcome.decision_id)
    except InvalidRequestError as error:
        raise JournalFormatError(f"a journal record is not one of ours: {error}") from error
    if not frame.decisions and not frame.outcomes:
        raise JournalFormatError(
            "a journal record holds neither a decision nor an outcome that this version knows: start the version "
            "of the server that wrote it"
        )
    outcomes = [
        OutcomeRecord(Outcome(**outcome_fields(report.outcome)), report.received_at_us, report.caller)
        for report in frame.outcomes
    ]
    return [*(_decision(entry, keys) for entry in frame.decisions), *outcomes]


def _decision(entry: pb.DecisionEntry, keys: Keys) -> DecisionRecord:
    reply, facts = entry.response, entry.facts
    request = request_fields(entry.request)
    return DecisionRecord(
        decision_id=reply.decision_id,
        decided_at_us=entry.decided_at_us,
        caller=entry.caller,
        tier=reply.tier,
        escalation=reply.escalation,
        evaluation=reply.evaluation,
        policy=reply.policy.name,
        policy_version=reply.policy.version,
        policy_commit=reply.policy.commit,
        policy_digest=reply.policy.digest,
        threshold_revision=reply.threshold_revision,
        audit_selected=reply.audit_selected,
        audit_probability=reply.audit_probability,
        audit_key_id=entry.audit_key_id,
        latency_us=entry.latency_us,
        trace_id=entry.trace_id,
        review_sla_s=reply.review_sla_s if reply.HasField("review_sla_s") else None,
        on_expiry=reply.on_expiry or None,
        recorded=reply.recorded,
        request_key=request_key(keys, request.get("tenant_id"), request.get("request_id", "")),
        facts=_facts(facts.labelled_outcomes, facts.policy_age_s, facts.threshold_age_s),
        missing_signals=_encode(list(reply.missing_signals)),
        reasons=_reasons(reply.reasons),
        shadow_reasons=_reasons(reply.shadow_reasons),
        request={name: request[name] for name in REQUEST_FIELDS if name in request},
    )


@lru_cache(maxsize=1024)
def _facts(labelled_outcomes: int, policy_age_s: int, threshold_age_s: int) -> str:
    return _encode(ServerFacts(labelled_outcomes, policy_age_s, threshold_age_s)._asdict())


def _reasons(reasons: Iterable[values.Reason]) -> str:
    return f"[{','.join([_reason(reason.SerializeToString()) for reason in reasons])}]"


# Many reasons repeat to the letter: an intent, a flag, an action.
@lru_cache(maxsize=4096)
def _reason(serialized: bytes) -> str:
    reason = values.Reason.FromString(serialized)
    return (
        f'{{"code":{quote(reason.code)},"rule_id":{quote(reason.rule_id)},"message":{quote(reason.message)}'
        f',"tier":{reason.tier:d},"escalation":{reason.escalation:d}'
        f',"comparisons":[{",".join(map(_comparison, reason.comparisons))}]}}'
    )


def _comparison(comparison: Any) -> str:
    # Observed value and limit are JSON already.
    return (
        f'{{"signal":{quote(comparison.signal)},"observed":{comparison.observed},"operator":{quote(comparison.operator)}'
        f',"limit":{comparison.limit},"limit_source":{quote(comparison.limit_source)}}}'
    )
