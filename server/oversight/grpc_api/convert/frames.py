"""Journal frames read back: the records of `convert.records` on their way to the store, and how many there are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from google.protobuf import timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from oversight.engine.identity import Keys, request_key
from oversight.engine.request import ServerFacts
from oversight.errors import JournalFormatError
from oversight.grpc_api.convert.delimited import tag
from oversight.grpc_api.convert.outcomes import outcome_fields
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord
from oversight.v1 import decision_pb2, decision_service_pb2, errors_pb2, outcome_pb2
from oversight.v1 import journal_pb2 as pb

__all__ = ["count_records", "decode_frame"]

_encode = json.JSONEncoder(separators=(",", ":")).encode
_is_id = re.compile("[0-9a-f]{32}").fullmatch


def decode_frame(payload: bytes, keys: Keys) -> list[DecisionRecord | OutcomeRecord]:
    """
    Return the records that a journal's frame holds; *keys* make the request keys.

    Raises `JournalFormatError` for what this version did not write; the journal then has to wait for the version that
    did.
    """
    try:
        frame = _read(payload)
        records: list[DecisionRecord | OutcomeRecord] = [_decision(entry, keys) for entry in frame.decisions]
        records += [_outcome(entry) for entry in frame.outcomes]
    except DecodeError as error:
        raise JournalFormatError("a journal record is not one of ours; keep its folder and report this") from error
    if not records:
        raise JournalFormatError(
            "a journal record holds neither a decision nor an outcome that this version knows: start the version "
            "of the server that wrote it"
        )
    return records


def count_records(payload: bytes) -> int:
    """
    Return how many records a journal's frame holds, without reading them: 1 for one that this version did not write.

    Never raises, because what cannot be read waits as well.
    """
    records = at = 0
    while at < len(payload):
        # Both fields of a JournalFrame have one byte of tag, then their length as a varint (protobuf's encoding guide).
        if payload[at] not in _RECORD_TAGS:
            return max(1, records)
        at += 1
        size = shift = 0
        while at < len(payload):
            byte = payload[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += size
        records += 1
    return max(1, records)


def _frame_class() -> Any:
    """
    Return the class of JournalFrame, but with the parts in `_UNREAD` as bytes.

    To protobuf a message and its bytes are the same (language guide, "Updating A Message Type"). These parts repeat to
    the letter in most records: looking their bytes up takes a tenth of reading them again.
    """
    pool = DescriptorPool()
    for module in (timestamp_pb2, decision_pb2, outcome_pb2, errors_pb2, decision_service_pb2, pb):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            for field in message.field:
                if (message.name, field.name) in _UNREAD:
                    field.type = FieldDescriptorProto.TYPE_BYTES
                    field.ClearField("type_name")
        pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(pb.JournalFrame.DESCRIPTOR.full_name))


_UNREAD = {
    ("DecideResponse", "reasons"),
    ("DecideResponse", "shadow_reasons"),
    ("DecideResponse", "policy"),
    ("DecisionEntry", "facts"),
}
_read = _frame_class().FromString
_RECORD_TAGS = frozenset(
    b"".join(map(tag, (pb.JournalFrame.DECISIONS_FIELD_NUMBER, pb.JournalFrame.OUTCOMES_FIELD_NUMBER)))
)


def _checked_id(decision_id: str) -> str:
    # The ids are all that tells a record from chance bytes that parse.
    if _is_id(decision_id):
        return decision_id
    raise JournalFormatError(
        f"a journal record is not one of ours: decision_id: expected a decision id, got {decision_id[:64]!r}; keep its "
        "folder and report this"
    )


def _outcome(entry: pb.OutcomeEntry) -> OutcomeRecord:
    _checked_id(entry.outcome.decision_id)
    outcome = Outcome(**outcome_fields(entry.outcome))
    return OutcomeRecord(outcome, entry.received_at_us, entry.caller, entry.caller_tenant or None)


def _decision(entry: Any, keys: Keys) -> DecisionRecord:
    # By position and field by field: names, or a loop over the fields, would double the time of a record.
    request, reply = entry.request, entry.response
    return DecisionRecord(
        _checked_id(reply.decision_id),
        entry.decided_at_us,
        entry.caller,
        reply.tier,
        reply.escalation,
        reply.evaluation,
        *_policy(reply.policy),
        reply.threshold_revision,
        reply.audit_selected,
        reply.audit_probability or 0.0,
        entry.audit_key_id,
        entry.latency_us,
        entry.trace_id,
        reply.review_sla_s if reply.HasField("review_sla_s") else None,
        reply.on_expiry or None,
        reply.recorded,
        request_key(keys, request.tenant_id, request.request_id),
        _facts(entry.facts),
        _texts(reply.missing_signals),
        f"[{','.join(map(_reason, reply.reasons))}]",
        f"[{','.join(map(_reason, reply.shadow_reasons))}]",
        _signals(request),
        request.subject_ref or None,
        request.conversation_id or None,
        _personal(request),
    )


def _signals(request: decision_service_pb2.DecideRequest) -> tuple[Any, ...]:
    # Absent texts and choices are empty; of a zero, only HasField tells whether it was sent.
    has = request.HasField
    return (
        request.tenant_id or None,
        request.department or None,
        request.turn_index or (0 if has("turn_index") else None),
        request.held_tier or None,
        request.channel or None,
        request.language or None,
        request.intent or None,
        request.intent_confidence or (0.0 if has("intent_confidence") else None),
        request.intent_runner_up_confidence or (0.0 if has("intent_runner_up_confidence") else None),
        request.response_confidence or (0.0 if has("response_confidence") else None),
        request.grounding_score or (0.0 if has("grounding_score") else None),
        request.sentiment_score or (0.0 if has("sentiment_score") else None),
        request.sentiment_trend or (0.0 if has("sentiment_trend") else None),
        request.sentiment_source or None,
        request.anomaly_score or (0.0 if has("anomaly_score") else None),
        request.churn_risk or (0.0 if has("churn_risk") else None),
        request.customer_tier or None,
        request.vulnerable_customer or (False if has("vulnerable_customer") else None),
        request.human_requested or (False if has("human_requested") else None),
        request.tool_failed or (False if has("tool_failed") else None),
        request.reversible or (False if has("reversible") else None),
        request.proposed_action or None,
        request.amount_minor or (0 if has("amount_minor") else None),
        request.currency or None,
        request.failed_turns or (0 if has("failed_turns") else None),
        request.contacts_7d or (0 if has("contacts_7d") else None),
        _texts(request.guardrails.flags) if has("guardrails") else None,
        request.model_version or None,
        request.draft_sha256.hex() or None,
        request.signal_time.seconds * 1_000_000 + request.signal_time.nanos // 1000 if has("signal_time") else None,
    )


def _personal(request: decision_service_pb2.DecideRequest) -> str:
    parts = [f'"request_id":{quote(request.request_id)}'] if request.request_id else []
    if request.conversation_id:
        parts.append(f'"conversation_id":{quote(request.conversation_id)}')
    if request.subject_ref:
        parts.append(f'"subject_ref":{quote(request.subject_ref)}')
    if attributes := request.attributes:
        present = {name: getattr(value, str(value.WhichOneof("value"))) for name, value in sorted(attributes.items())}
        parts.append(f'"attributes":{_encode(present)}')
    return f"{{{','.join(parts)}}}"


def _texts(texts: Collection[str]) -> str:
    return f"[{','.join(map(quote, texts))}]" if texts else "[]"


@lru_cache(maxsize=64)
def _policy(serialized: bytes) -> tuple[str, str, str, str]:
    policy = decision_pb2.PolicyIdentity.FromString(serialized)
    return policy.name, policy.version, policy.commit, policy.digest


@lru_cache(maxsize=1024)
def _facts(serialized: bytes) -> str:
    facts = pb.ServerFacts.FromString(serialized)
    known = ServerFacts(facts.labelled_outcomes, facts.policy_age_s, facts.threshold_age_s)._asdict()
    stops = [
        [getattr(stop, name) if stop.HasField(name) else None for name in ("department", "intent")]
        for stop in facts.stops
    ]
    # Left out where there are none, as in records from before there were any.
    return _encode(known | {"stops": stops} if stops else {name: known[name] for name in known if name != "stops"})


@lru_cache(maxsize=4096)
def _reason(serialized: bytes) -> str:
    reason = decision_pb2.Reason.FromString(serialized)
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
