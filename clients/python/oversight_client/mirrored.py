"""Messages to values that mirror them field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from oversight_client import enums, insight_values, policy_values, quality_values, threshold_values
from oversight_client.enums import ApiEnum
from oversight_client.errors import InvalidResponseError
from oversight_client.values import PolicyIdentity
from oversight_client.wire import time_from_proto

__all__ = ["mirrored"]

V = TypeVar("V")

_ENUMS: Mapping[str, type[ApiEnum]] = {name: getattr(enums, name) for name in enums.__all__}
_VALUES: Mapping[str, type[Any]] = {
    **{name: getattr(threshold_values, name) for name in threshold_values.__all__},
    **{name: getattr(policy_values, name) for name in policy_values.__all__},
    **{name: getattr(quality_values, name) for name in quality_values.__all__},
    **{name: getattr(insight_values, name) for name in insight_values.__all__},
    "PolicyIdentity": PolicyIdentity,
    "Warning": insight_values.OversightWarning,
}


def mirrored(kind: type[V], message: Message) -> V:
    """
    Return *message* as a *kind*, whose fields are named like the message's.

    What is absent is None where the field may be None; any other absent message is an empty one. Raises
    `InvalidResponseError` for an enum number that this version does not know: to leave it out would change what was
    said.
    """
    fields: Mapping[str, Any] = message.DESCRIPTOR.fields_by_name
    # Every dataclass here has only fields of its message: a test holds them equal.
    parts = {
        one.name: _read(message, fields[one.name], optional="None" in str(one.type))
        for one in dataclasses.fields(kind)  # type: ignore[arg-type]  # each kind is a dataclass
    }
    return kind(**parts)


def _read(message: Message, field: FieldDescriptor, *, optional: bool) -> object:
    value: Any = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(value)
    if field.is_repeated:
        return tuple(_convert(field, item) for item in value)
    # Reading an absent message gives an empty one; an empty time would be one in 1970.
    absent = field.has_presence and not message.HasField(field.name)
    return None if absent and optional else _convert(field, value)


def _convert(field: FieldDescriptor, value: Any) -> object:
    if isinstance(value, Timestamp):
        return time_from_proto(value)
    if field.message_type is not None:
        return mirrored(_VALUES[field.message_type.name], value)
    if field.enum_type is None:
        return value
    try:
        return _ENUMS[field.enum_type.name].numbered(value) if value else None
    except ValueError as error:
        raise InvalidResponseError(f"{field.name}: {error}; this client is older than the server") from error
