"""Keyword fields into messages and back, driven by the messages' own descriptors: a new field needs no code here."""

from __future__ import annotations

import difflib
import json
import numbers
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from oversight.v1.decision_pb2 import AttributeValue, GuardrailCheck
from oversight.v1.decision_service_pb2 import DecideRequest
from oversight.v1.insight_service_pb2 import (
    EraseSubjectRequest,
    InsightFilter,
    ListDueAuditsRequest,
    ListRecordsRequest,
    ListWarningsRequest,
)
from oversight.v1.outcome_pb2 import Outcome
from oversight_client import enums
from oversight_client.enums import ApiEnum
from oversight_client.values import JsonValue

__all__ = ["read_fields", "read_json", "time_from_proto", "write_fields"]

Write = Callable[[Any, str, object], None]

_ENUMS: Mapping[str, type[ApiEnum]] = {f"oversight.v1.{name}": getattr(enums, name) for name in enums.__all__}
_SHA256_BYTES = 32
_DECODER = json.JSONDecoder()


def write_fields(message: Message, fields: Mapping[str, object], where: str = "") -> None:
    """
    Set *fields* on *message*; None is absent.

    TypeError for a name that is no field (with what was probably meant) or a value of the wrong type, ValueError for a
    value that the field cannot hold; ranges are the service's to check. *where* goes before the field's name.
    """
    writers = _WRITERS[message.DESCRIPTOR.name]
    for name, value in fields.items():
        write = writers.get(name)
        if write is None:
            raise TypeError(f"{where}{name!s}: no such field{_hint(str(name), writers)}")
        if value is None:
            continue
        try:
            write(message, name, value)
        except TypeError as error:
            raise TypeError(f"{where}{name}: {error}") from error
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{where}{name}: {error}") from error


def read_fields(message: Message) -> dict[str, object]:
    """Return the present fields of *message* as `write_fields` takes them; ValueError for an unknown enum number."""
    return {field.name: _read(field, value) for field, value in message.ListFields()}


def time_from_proto(stamp: Timestamp) -> datetime:
    """Return *stamp* as a datetime in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def read_json(text: str) -> JsonValue:
    """Return the value that *text* writes as JSON, lists as tuples; *text* itself where it is none."""
    # Not json.loads, which looks for encodings and blanks first: this runs twice for each comparison of a decision.
    stripped = text.strip(" \t\n\r")
    try:
        value, end = _DECODER.raw_decode(stripped)
    except ValueError:
        # A comparison explains the decision and does not make it: unreadable, it is shown as it came.
        return text
    return _frozen(value) if end == len(stripped) else text


def _frozen(value: JsonValue | list[JsonValue]) -> JsonValue:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _hint(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _kind(value: object) -> str:
    return type(value).__name__


def _write_text(message: Any, name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {_kind(value)}")
    setattr(message, name, value)


def _write_number(message: Any, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"expected a number, got {_kind(value)}")
    setattr(message, name, float(value))


def _write_whole_number(message: Any, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"expected a whole number, got {_kind(value)}")
    setattr(message, name, operator.index(value))


def _write_bool(message: Any, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"expected True or False, got {_kind(value)}")
    setattr(message, name, value)


def _write_digest(message: Any, name: str, value: object) -> None:
    if isinstance(value, str):
        value = bytes.fromhex(value)
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes or hex digits, got {_kind(value)}")
    if len(value) != _SHA256_BYTES:
        raise ValueError(f"expected the {_SHA256_BYTES} bytes of a SHA-256, got {len(value)}")
    setattr(message, name, value)


def _write_time(message: Any, name: str, value: object) -> None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(f"expected a datetime or ISO 8601 text, got {_kind(value)}")
    if value.utcoffset() is None:
        raise ValueError("expected a time with a time zone: without one nobody knows when it was")
    getattr(message, name).FromDatetime(value)


def _write_flags(message: Any, name: str, value: object) -> None:
    # Text and mappings can be iterated too, and would become flags that nobody raised.
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"expected a list of flags, got {_kind(value)}")
    flags = list(value)
    for flag in flags:
        if not isinstance(flag, str):
            raise TypeError(f"expected flags of text, got {_kind(flag)}")
    check = getattr(message, name)
    check.SetInParent()
    check.flags.extend(flags)


def _write_attributes(message: Any, name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a mapping of names to values, got {_kind(value)}")
    for key, scalar in value.items():
        if not isinstance(key, str):
            raise TypeError(f"expected names of text, got {_kind(key)}")
        entry = getattr(message, name)[key]
        if isinstance(scalar, bool):
            entry.bool_value = scalar
        elif isinstance(scalar, str):
            entry.string_value = scalar
        elif isinstance(scalar, numbers.Integral):
            entry.int_value = operator.index(scalar)
        elif isinstance(scalar, numbers.Real):
            entry.double_value = float(scalar)
        else:
            raise TypeError(f"{key}: expected text, a number, True or False, got {_kind(scalar)}")


def _write_member(kind: type[ApiEnum]) -> Write:
    members, absent = kind.__members__, (0, "", "UNSPECIFIED", f"{kind.prefix()}UNSPECIFIED")

    def write(message: Any, name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise TypeError(f"expected one of {', '.join(kind)}, got {_kind(value)}")
        if value in absent:
            return
        try:
            # Enums look up small letters slowly, as what they have not.
            member = members.get(str(value).upper()) or kind(value)
        except ValueError:
            hint = _hint(str(value).upper(), kind)
            raise ValueError(f"{value!r} is none of {', '.join(kind)}{hint}") from None
        setattr(message, name, member.number)

    return write


_BY_TYPE: Mapping[int, Write] = {
    FieldDescriptor.TYPE_STRING: _write_text,
    FieldDescriptor.TYPE_DOUBLE: _write_number,
    FieldDescriptor.TYPE_INT32: _write_whole_number,
    FieldDescriptor.TYPE_INT64: _write_whole_number,
    FieldDescriptor.TYPE_BOOL: _write_bool,
    FieldDescriptor.TYPE_BYTES: _write_digest,
}


def _writer(field: FieldDescriptor) -> Write:
    if field.enum_type is not None:
        return _write_member(_ENUMS[field.enum_type.full_name])
    if field.message_type is None:
        return _BY_TYPE[field.type]
    if field.message_type.GetOptions().map_entry:
        return _write_attributes
    return {"GuardrailCheck": _write_flags, "Timestamp": _write_time}[field.message_type.name]


_WRITERS: Mapping[str, Mapping[str, Write]] = {
    message.DESCRIPTOR.name: {field.name: _writer(field) for field in message.DESCRIPTOR.fields}
    for message in (
        *(DecideRequest, Outcome, ListRecordsRequest, EraseSubjectRequest),
        *(InsightFilter, ListWarningsRequest, ListDueAuditsRequest),
    )
}


def _attribute(value: AttributeValue) -> object:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def _read(field: FieldDescriptor, value: Any) -> object:
    if field.enum_type is not None:
        return _ENUMS[field.enum_type.full_name].numbered(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Timestamp):
        return time_from_proto(value)
    if isinstance(value, GuardrailCheck):
        return tuple(value.flags)
    if field.message_type is not None:
        return {name: _attribute(value[name]) for name in sorted(value)}
    return value
