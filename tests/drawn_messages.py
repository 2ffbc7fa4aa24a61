"""Messages drawn from descriptors, as odd as protobuf can carry them: a field that is added is drawn from then on."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

import oversight.v1

PROTOS = Path(__file__).parents[1] / "proto" / "oversight" / "v1"
_DEEPEST = 5
_STATUSES = {code.name for code in grpc.StatusCode}


class Rpc(NamedTuple):
    """A method of one of our services, and the statuses that its comment names."""

    descriptor: MethodDescriptor
    declared: frozenset[str]

    @property
    def path(self) -> str:
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def service(self) -> str:
        return str(self.descriptor.containing_service.full_name)

    @property
    def request(self) -> type[Message]:
        return GetMessageClass(self.descriptor.input_type)

    @property
    def response(self) -> type[Message]:
        return GetMessageClass(self.descriptor.output_type)


@cache
def all_rpcs() -> Sequence[Rpc]:
    """Return every method of every service of the package, whoever wrote it."""
    return sorted(_rpcs(), key=lambda rpc: rpc.path)


def _rpcs() -> Iterator[Rpc]:
    for module in pkgutil.iter_modules(oversight.v1.__path__, "oversight.v1."):
        if not module.name.endswith("_service_pb2"):
            continue
        file = importlib.import_module(module.name).DESCRIPTOR
        text = (PROTOS / Path(file.name).name).read_text(encoding="utf-8")
        for service in file.services_by_name.values():
            for method in service.methods:
                yield Rpc(method, _declared(text, method.name) | _declared_for_all(text, service.name))


def _declared_for_all(proto: str, service: str) -> frozenset[str]:
    """Return the statuses in the comment above the *service*."""
    found = re.search(rf"((?:^//.*\n)+)service {service} {{", proto, re.MULTILINE)
    return frozenset(re.findall(r"\b[A-Z][A-Z_]+\b", found[1] if found else "")) & _STATUSES


def _declared(proto: str, name: str) -> frozenset[str]:
    """Return the statuses in the comment above the method *name*."""
    found = re.search(rf"((?:^ *//.*\n)+) *rpc {name}\(", proto, re.MULTILINE)
    assert found is not None, f"{name} has no comment"
    words = set(re.findall(r"\b[A-Z][A-Z_]+\b", found[1]))
    # `as for Decide`, `likewise`: what another comment says stands there.
    if other := re.search(r"[Aa]s for (\w+)", found[1]):
        words |= _declared(proto, other[1])
    return frozenset(words & _STATUSES)


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    """Return whole numbers of a field, its ends among them."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.sampled_from([0, 1, low, high]) | st.integers(low, high)


floats = st.sampled_from(
    [0.0, -0.0, 0.5, 1.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308]
) | st.floats(width=32)
_ODD = [
    "",
    "\0",
    "\u202e",
    "e\u0301" * 40,
    "\U0010ffff",
    "\ufeff",
    "a" * 129,
    "x" * 20_000,
    "%s%n{}",
    "'; DROP TABLE x",
]
_KNOWN = [
    "contact_centre",
    "order_status",
    "retail_banking",
    "EUR",
    "a.yaml",
    "0" * 32,
    "f" * 64,
    "policy: [",
    "autonomy_confidence",
]
texts = st.sampled_from(_ODD + _KNOWN) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: integers(32, signed=True),
    FieldDescriptor.TYPE_SINT32: integers(32, signed=True),
    FieldDescriptor.TYPE_SFIXED32: integers(32, signed=True),
    FieldDescriptor.TYPE_UINT32: integers(32, signed=False),
    FieldDescriptor.TYPE_FIXED32: integers(32, signed=False),
    FieldDescriptor.TYPE_INT64: integers(64, signed=True),
    FieldDescriptor.TYPE_SINT64: integers(64, signed=True),
    FieldDescriptor.TYPE_SFIXED64: integers(64, signed=True),
    FieldDescriptor.TYPE_UINT64: integers(64, signed=False),
    FieldDescriptor.TYPE_FIXED64: integers(64, signed=False),
    FieldDescriptor.TYPE_DOUBLE: floats,
    FieldDescriptor.TYPE_FLOAT: floats,
    FieldDescriptor.TYPE_STRING: texts,
    FieldDescriptor.TYPE_BYTES: st.sampled_from([b"", b"\0" * 32, b"\xff" * 33]) | st.binary(max_size=40),
    # Enums are open: any number comes through.
    FieldDescriptor.TYPE_ENUM: st.integers(0, 4) | integers(32, signed=True),
}


def messages(rpc: Rpc) -> st.SearchStrategy[Message]:
    """Return requests of *rpc*, from empty to full of what nobody should send."""
    return _message(rpc.descriptor.input_type, _DEEPEST).map(lambda fields: _filled(rpc.request, fields))


def _message(descriptor: Descriptor, deepest: int, *, many: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        field.name: _field(field, deepest - 1, many=many)
        for field in descriptor.fields
        if deepest or not field.message_type
    }
    return st.fixed_dictionaries({}, optional=fields)


def _field(field: FieldDescriptor, deepest: int, *, many: bool) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (_field(field.message_type.fields_by_name[name], deepest, many=many) for name in ("key", "value"))
        return st.dictionaries(key, value, max_size=4)
    one = _one(field, deepest, many=many)
    if not field.is_repeated:
        return one
    few = st.lists(one, max_size=3)
    if not many:
        return few
    # Not within another one of the kind: hundreds of hundreds of hundreds would fill our own memory.
    return few | st.lists(_one(field, deepest, many=False), min_size=1, max_size=1).map(_many)


def _one(field: FieldDescriptor, deepest: int, *, many: bool) -> st.SearchStrategy[Any]:
    if field.message_type is None:
        return _SCALARS[field.type]
    return _message(field.message_type, deepest, many=many)


def _many(items: list[Any]) -> list[Any]:
    """Return more than any list of ours may have."""
    return items * 501


def _filled(kind: type[Message], fields: dict[str, Any]) -> Message:
    message = kind()
    for name, value in fields.items():
        field: Any = message.DESCRIPTOR.fields_by_name[name]
        _set(message, field, value)
    return message


def _set(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.message_type is None:
        if field.is_repeated:
            getattr(message, field.name).extend(value)
        else:
            setattr(message, field.name, value)
        return
    target = getattr(message, field.name)
    if field.message_type.GetOptions().map_entry:
        holds = field.message_type.fields_by_name["value"]
        for key, one in value.items():
            if holds.message_type is None:
                target[key] = one
            else:
                target[key].CopyFrom(_filled(type(target[key]), one))
    elif field.is_repeated:
        target.extend(_filled(GetMessageClass(field.message_type), one) for one in value)
    else:
        target.CopyFrom(_filled(type(target), value))


@st.composite
def damaged(draw: st.DrawFn, rpc: Rpc) -> bytes:
    """Return what is no request of *rpc*, or a damaged one: bytes as a broken peer or an attacker sends them."""
    whole = draw(messages(rpc)).SerializePartialToString()
    match draw(st.sampled_from(["random", "cut", "flipped", "doubled", "deep", "endless", "not text"])):
        case "cut":
            return whole[: draw(st.integers(0, len(whole)))]
        case "flipped" if whole:
            place = draw(st.integers(0, len(whole) - 1))
            return whole[:place] + bytes([whole[place] ^ draw(st.integers(1, 255))]) + whole[place + 1 :]
        case "doubled":
            return whole + whole
        case "deep":
            # A group within a group within ...: parsers that recurse have a bottom.
            return b"\x0b" * draw(st.sampled_from([1, 99, 101, 100_000]))
        case "endless":
            return b"\x0a" + b"\xff" * draw(st.integers(1, 12)) + b"\x01"
        case "not text":
            return b"\x0a\x02\xc3\x28" + whole
        case _:
            return draw(st.binary(max_size=200))
