"""Outcomes from protobuf, every field checked, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import (
    FieldCheck,
    check_choice,
    check_hex_id,
    check_range,
    check_sha256,
    check_text,
    check_time,
)
from oversight.storage.outcome import Outcome
from oversight.storage.records import StoredOutcome
from oversight.v1 import outcome_pb2 as pb

__all__ = ["outcome_fields", "outcome_from_proto", "outcome_to_proto", "stored_outcome_to_proto"]

_RANGES: Mapping[str, tuple[float, float | None]] = {
    "edit_distance": (0, 1),
    "repeat_window_h": (1, 8760),
    "csat": (1, 5),
    "handle_time_s": (0, None),
    "review_time_s": (0, None),
    "qa_score": (0, 100),
}
_LENGTHS = {"outcome_id": 128, "correction_ref": 256, "qa_rubric_version": 64, "reviewer_ref": 128}


def _check(field: FieldDescriptor) -> FieldCheck:
    name = field.name
    if field.enum_type is not None:
        return check_choice(name, [number for number in field.enum_type.values_by_number if number])
    if name in _RANGES:
        return check_range(name, *_RANGES[name])
    if name in _LENGTHS:
        return check_text(name, _LENGTHS[name])
    if name == "draft_sha256":
        return check_sha256(name)
    if name == "observed_at":
        return check_time(name)
    if name in ("decision_id", "redecided_as"):
        return lambda value: check_hex_id(name, value)
    return lambda value: value


_ENGINE_NAMES = {"observed_at": "observed_at_us"}
_PLACES = {
    field.number: (_ENGINE_NAMES.get(field.name, field.name), _check(field)) for field in pb.Outcome.DESCRIPTOR.fields
}


def outcome_from_proto(message: pb.Outcome, prefix: str = "outcome") -> Outcome:
    """
    Return the outcome that *message* holds; raise `InvalidRequestError` naming the first field that is wrong.

    *prefix* is where the message stands in the request. A verdict needs its label basis: without it nobody could say
    how the verdict may be counted. A draft decided again has a decision of its own.
    """
    found: dict[str, Any] = {}
    try:
        for field, value in message.ListFields():
            name, check = _PLACES[field.number]
            found[name] = check(value)
        for name in ("outcome_id", "decision_id"):
            if name not in found:
                raise InvalidRequestError(name, "expected a value, got none")
        if "verdict" in found and "label_basis" not in found:
            raise InvalidRequestError("label_basis", "expected why there is a verdict, got none")
        if found.get("redecided_as") == found["decision_id"]:
            raise InvalidRequestError("redecided_as", "expected another decision than decision_id, got the same")
    except InvalidRequestError as error:
        field_name = error.metadata["field"]
        raise InvalidRequestError(f"{prefix}.{field_name}", str(error).removeprefix(f"{field_name}: ")) from None
    return Outcome(**found)


def outcome_fields(message: pb.Outcome) -> dict[str, Any]:
    """Return the present fields of a recorded outcome by the engine's names; `outcome_to_proto` the other way."""
    found = {_ENGINE_NAMES.get(field.name, field.name): value for field, value in message.ListFields()}
    if "observed_at_us" in found:
        found["observed_at_us"] = message.observed_at.ToMicroseconds()
    if "draft_sha256" in found:
        found["draft_sha256"] = message.draft_sha256.hex()
    return found


def outcome_to_proto(outcome: Outcome) -> pb.Outcome:
    """Return the message of an outcome."""
    message = pb.Outcome()
    value: Any
    for name, value in zip(Outcome._fields, outcome, strict=True):
        match name:
            case _ if value is None:
                continue
            case "observed_at_us":
                message.observed_at.FromMicroseconds(value)
            case "draft_sha256":
                message.draft_sha256 = bytes.fromhex(value)
            case _:
                setattr(message, name, value)
    return message


def stored_outcome_to_proto(stored: StoredOutcome) -> pb.RecordedOutcome:
    """Return an outcome on record as a message."""
    message = pb.RecordedOutcome(
        outcome=outcome_to_proto(stored.outcome),
        status=stored.status,  # type: ignore[arg-type]  # the store's numbers are the API's: a test holds them equal
        caller=stored.caller,
    )
    message.received_at.FromMicroseconds(stored.received_at_us)
    return message
