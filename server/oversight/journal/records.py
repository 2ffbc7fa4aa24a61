"""
Records as bytes: what a journal frame holds.

Compact ASCII JSON with its version and type first. Members that the store keeps as text stand on lines of their own,
so that the drain moves them without parsing; a JSON string cannot hold a raw newline, so the whole stays one valid JSON
object for any other reader. Written on the way of every call and read thousands of times a second: both are measured.
"""

from __future__ import annotations

import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quote
from operator import itemgetter
from typing import Any

from oversight.engine.decision import Comparison, Decision, Reason, Value, value_types
from oversight.engine.request import ServerFacts
from oversight.errors import JournalFormatError
from oversight.storage.outcome import Outcome, canonical_outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord

__all__ = ["FORMAT_VERSION", "decode", "encode_decision", "encode_outcome", "recorded_at_us"]

FORMAT_VERSION = 1
"""Of the payloads below; a payload with another one is left to the version that wrote it."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

_DECISION = f'{{"v":{FORMAT_VERSION},"t":"decision",'
_OUTCOME = f'{{"v":{FORMAT_VERSION},"t":"outcome",'
_TEXTS = ("facts", "missing_signals", "reasons", "shadow_reasons", "request")
_head_values = itemgetter(*(name for name in DecisionRecord._fields if name not in _TEXTS))


def encode_decision(
    canonical: str,
    facts: ServerFacts,
    decision: Decision,
    *,
    decided_at_us: int,
    caller: str,
    trace_id: str,
    latency_us: int,
    request_key: str,
) -> bytes:
    """
    Return the payload of a decision.

    *canonical* is `engine.identity.canonical_request`'s text. Times are in microseconds, *decided_at_us* since 1970
    (UTC); *trace_id* is empty where the call was not traced.
    """
    common = _common(
        caller,
        decision.tier,
        decision.escalation,
        decision.evaluation,
        decision.policy,
        decision.policy_version,
        decision.commit,
        decision.digest,
        decision.threshold_revision,
        decision.audit_probability,
        decision.audit_key_id,
        decision.review_sla_s,
        decision.on_expiry,
        decision.recorded,
    )
    return (
        f'{_DECISION}"decision_id":{_quote(decision.decision_id)},"decided_at_us":{decided_at_us}{common}'
        f',"audit_selected":{"true" if decision.audit_selected else "false"}'
        f',"latency_us":{latency_us},"trace_id":{_quote(trace_id)},"request_key":{_quote(request_key)},\n'
        f'"facts":{_facts(facts)},\n"missing_signals":{_missing(decision.missing_signals)},\n'
        f'"reasons":{_reasons(decision.reasons)},\n"shadow_reasons":{_reasons(decision.shadow_reasons)},\n'
        f'"request":{canonical}}}'
    ).encode("ascii")


# What recurs from call to call is rendered once: who decided, and how it came out.
@lru_cache(maxsize=4096)
def _common(
    caller: str,
    tier: int,
    escalation: int,
    evaluation: int,
    policy: str,
    policy_version: str,
    commit: str,
    digest: str,
    threshold_revision: int,
    audit_probability: float,
    audit_key_id: str,
    review_sla_s: int | None,
    on_expiry: int | None,
    recorded: bool,  # noqa: FBT001 - by position: keywords would double the time of a look-up
) -> str:
    fields = {
        "caller": caller,
        "tier": int(tier),
        "escalation": int(escalation),
        "evaluation": int(evaluation),
        "policy": policy,
        "policy_version": policy_version,
        "policy_commit": commit,
        "policy_digest": digest,
        "threshold_revision": threshold_revision,
        "audit_probability": audit_probability,
        "audit_key_id": audit_key_id,
        "review_sla_s": review_sla_s,
        "on_expiry": None if on_expiry is None else int(on_expiry),
        "recorded": recorded,
    }
    return f",{_encode(fields)[1:-1]}"


@lru_cache(maxsize=1024)
def _facts(facts: ServerFacts) -> str:
    return _encode(facts._asdict())


@lru_cache(maxsize=1024)
def _missing(signals: tuple[str, ...]) -> str:
    return _encode(signals)


def _reasons(reasons: tuple[Reason, ...]) -> str:
    return f"[{','.join([_reason(reason, value_types(reason)) for reason in reasons])}]"


# Whole reasons, because many repeat to the letter: an intent, a flag, an action.
@lru_cache(maxsize=4096)
def _reason(reason: Reason, _types: tuple[type, ...]) -> str:
    code, rule_id, message, tier, escalation, comparisons = reason
    return (
        f'{{"code":{_quote(code)},"rule_id":{_quote(rule_id)},"message":{_quote(message)}'
        f',"tier":{tier:d},"escalation":{escalation:d},"comparisons":[{",".join(map(_comparison, comparisons))}]}}'
    )


def _comparison(comparison: Comparison) -> str:
    signal, observed, operator, limit, source = comparison
    return (
        f'{{"signal":{_quote(signal)},"observed":{_value(observed)},"operator":{_quote(operator)}'
        f',"limit":{_value(limit)},"limit_source":{_quote(source)}}}'
    )


def _value(value: Value) -> str:
    # The two most frequent types without an encoder's start-up.
    if type(value) is float:
        return repr(value)
    return _quote(value) if type(value) is str else _encode(value)


def encode_outcome(outcome: Outcome, *, received_at_us: int, caller: str) -> bytes:
    """Return the payload of an outcome that arrived at *received_at_us* (microseconds since 1970, UTC)."""
    head = f'{_OUTCOME}"received_at_us":{received_at_us},"caller":{_quote(caller)},\n"outcome":'
    return f"{head}{canonical_outcome(outcome)}}}".encode("ascii")


def decode(payload: bytes) -> DecisionRecord | OutcomeRecord:
    """
    Return the record that a payload holds.

    Raises `JournalFormatError` for what this version did not write; the journal then has to wait for the version that
    did.
    """
    try:
        text = payload.decode("ascii")
        if text.startswith(_DECISION):
            return _decode_decision(text)
        if text.startswith(_OUTCOME):
            return _decode_outcome(text)
    except (ValueError, KeyError, TypeError) as error:
        raise JournalFormatError(
            f"a journal record is not one of ours: {type(error).__name__}; keep its folder and report this"
        ) from error
    raise JournalFormatError(_stranger(text))


def _decode_decision(text: str) -> DecisionRecord:
    head, facts, missing, reasons, shadow, request = text.split(",\n")
    texts = (
        facts[len('"facts":') :],
        missing[len('"missing_signals":') :],
        reasons[len('"reasons":') :],
        shadow[len('"shadow_reasons":') :],
    )
    return DecisionRecord._make((*_head_values(_decode(f"{head}}}")), *texts, _decode(request[len('"request":') : -1])))


def _decode_outcome(text: str) -> OutcomeRecord:
    head, facts = text.split(",\n")
    fields = _decode(f"{head}}}")
    return OutcomeRecord(Outcome(**_decode(facts[len('"outcome":') : -1])), fields["received_at_us"], fields["caller"])


def _stranger(text: str) -> str:
    try:
        fields: Any = json.loads(text)
        version, kind = fields.get("v"), fields.get("t")
    except (ValueError, AttributeError):
        return "a journal record is not JSON; keep its folder and report this"
    return (
        f"a journal record has version {version!r} and type {kind!r}, this server reads version {FORMAT_VERSION} of "
        "'decision' and 'outcome': start the version of the server that wrote it"
    )


def recorded_at_us(record: DecisionRecord | OutcomeRecord) -> int:
    """Return when the record was made, in microseconds since 1970 (UTC)."""
    return record.decided_at_us if isinstance(record, DecisionRecord) else record.received_at_us
