"""DecideRequest to the engine's Request, and back: every field checked, absent fields None."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from oversight.engine.request import REQUEST_FIELDS, AttributeScalar, Request
from oversight.engine.signals import SIGNALS
from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import FieldCheck, check_sha256, check_signal, check_text, check_time
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb

__all__ = ["canonical_form", "request_from_proto", "request_to_proto"]

MAX_FLAGS = 16
MAX_ATTRIBUTES = 32
MAX_NAME_LENGTH = 64
MAX_TEXT_LENGTH = 1024


def _check_flags(check: values.GuardrailCheck) -> tuple[str, ...]:
    flags = tuple(check.flags)
    if len(flags) > MAX_FLAGS:
        raise InvalidRequestError("guardrails.flags", f"expected at most {MAX_FLAGS} flags, got {len(flags)}")
    for number, flag in enumerate(flags):
        if not flag:
            raise InvalidRequestError(f"guardrails.flags[{number}]", "expected a flag, got empty text")
        check_text(f"guardrails.flags[{number}]", MAX_NAME_LENGTH)(flag)
    return flags


def _check_attributes(attributes: Mapping[str, values.AttributeValue]) -> dict[str, AttributeScalar]:
    if len(attributes) > MAX_ATTRIBUTES:
        raise InvalidRequestError("attributes", f"expected at most {MAX_ATTRIBUTES} attributes, got {len(attributes)}")
    return {name: _check_attribute(name, attributes[name]) for name in sorted(attributes)}


def _check_attribute(name: str, value: values.AttributeValue) -> AttributeScalar:
    if not 0 < len(name) <= MAX_NAME_LENGTH or "\0" in name:
        raise InvalidRequestError(
            "attributes", f"expected names of 1 to {MAX_NAME_LENGTH} characters, got {name[:80]!r}"
        )
    field = f"attributes[{name}]"
    kind = value.WhichOneof("value")
    if kind is None:
        raise InvalidRequestError(field, "expected a value, got none")
    found: AttributeScalar = getattr(value, kind)
    if isinstance(found, float) and not math.isfinite(found):
        raise InvalidRequestError(field, f"expected a finite number, got {found}")
    if isinstance(found, str):
        check_text(field, MAX_TEXT_LENGTH)(found)
    return found or (abs(found) if isinstance(found, float) else found)


def _check_currency(value: str) -> str:
    if len(value) == 3 and value.isascii() and value.isalpha() and value.isupper():
        return value
    raise InvalidRequestError("currency", f"expected an ISO 4217 code of three capitals, got {value[:16]!r}")


_CHECKS: Mapping[str, FieldCheck] = {
    **{name: check_signal(signal) for name, signal in SIGNALS.items() if signal.origin == "request"},
    "request_id": check_text("request_id", 128),
    "conversation_id": check_text("conversation_id", 128),
    "subject_ref": check_text("subject_ref", 128),
    "currency": _check_currency,
    "guardrails": _check_flags,
    "draft_sha256": check_sha256("draft_sha256"),
    "signal_time": check_time("signal_time"),
    "attributes": _check_attributes,
}
_ENGINE_NAMES = {"guardrails": "guardrail_flags", "signal_time": "signal_time_us"}


def _places() -> dict[Any, tuple[int, FieldCheck]]:
    """Return, for each field's descriptor, its position in `Request` and its check."""
    return {
        field: (REQUEST_FIELDS.index(_ENGINE_NAMES.get(field.name, field.name)), _CHECKS[field.name])
        for field in pb.DecideRequest.DESCRIPTOR.fields
    }


def _random_id() -> str:
    """Return 128 random bits in hex; drawn in stock, because each draw lets other threads in between."""
    try:
        return _random_ids.pop()
    except IndexError:
        drawn = os.urandom(16 * 256).hex()
        _random_ids.extend(drawn[start : start + 32] for start in range(32, len(drawn), 32))
        return drawn[:32]


_NEGATIVE_ZERO = struct.pack("<d", -0.0)
_random_ids: list[str] = []
_PLACES = _places()
_ABSENT: list[Any] = [None] * len(REQUEST_FIELDS)
_INTENT_CONFIDENCE = REQUEST_FIELDS.index("intent_confidence")
_RUNNER_UP = REQUEST_FIELDS.index("intent_runner_up_confidence")


def request_from_proto(message: pb.DecideRequest, decided_at_us: int) -> Request:
    """
    Return the request that *message* holds, to be decided at *decided_at_us*.

    An empty request id becomes 128 random bits. Raise `InvalidRequestError` naming the first field that is wrong.
    """
    found = _ABSENT.copy()
    # ListFields names just what is present: an unset optional, an empty text and an UNSPECIFIED enum are not.
    for field, value in message.ListFields():
        position, check = _PLACES[field]
        found[position] = check(value)
    confidence, runner_up = found[_INTENT_CONFIDENCE], found[_RUNNER_UP]
    if runner_up is not None and confidence is not None and runner_up > confidence:
        raise InvalidRequestError(
            "intent_runner_up_confidence", f"expected at most intent_confidence ({confidence}), got {runner_up}"
        )
    if found[0] is None:
        found[0] = _random_id()
    return Request._make([*found, decided_at_us])


def canonical_form(message: pb.DecideRequest, request: Request) -> bytes:
    """
    Return the bytes that stand for a checked *request*, which came as *message*.

    They are those of `request_to_proto`: known fields only, by number, maps by key. *message* is brought into that
    form, which mostly it has: the exceptions are an absent id, fields that this version does not know, times finer than
    a microsecond and negative zeros.
    """
    message.DiscardUnknownFields()
    if not message.request_id:
        message.request_id = request.request_id
    canonical = message.SerializeToString(deterministic=True)
    # Bytes of a text may look like a negative zero; then the longer way comes to the same.
    if _NEGATIVE_ZERO in canonical or (request.signal_time_us is not None and message.signal_time.nanos % 1000):
        return request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)
    return canonical


def request_to_proto(fields: Iterable[tuple[str, Any]]) -> pb.DecideRequest:
    """Return the message of a recorded request from its (engine name, value) pairs; None is absent."""
    message = pb.DecideRequest()
    for name, value in fields:
        if value is None:
            continue
        match name:
            case "guardrail_flags":
                message.guardrails.SetInParent()
                message.guardrails.flags.extend(value)
            case "signal_time_us":
                message.signal_time.FromMicroseconds(value)
            case "draft_sha256":
                message.draft_sha256 = bytes.fromhex(value)
            case "attributes":
                for key, one in value.items():
                    setattr(message.attributes[key], _kind(one), one)
            case _:
                setattr(message, name, value)
    return message


def _kind(value: AttributeScalar) -> str:
    # bool first: to Python it is an int.
    kinds = ((bool, "bool_value"), (int, "int_value"), (float, "double_value"), (str, "string_value"))
    return next(name for kind, name in kinds if isinstance(value, kind))
