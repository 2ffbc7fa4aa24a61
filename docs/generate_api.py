"""
Write docs/api.md from the protos' own comments.

Reads a google.protobuf.FileDescriptorSet with source information on standard input and writes Markdown on standard
output: ``buf build -o - | python docs/generate_api.py > docs/api.md`` (`make gen`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

__all__ = ["main", "write_reference"]

PACKAGE = "oversight.v1"

Comments = Mapping[tuple[int, ...], str]
"""Leading comment by source path, for instance (4, 0, 2, 1): message 0, field 1."""

# Numbers of the fields that a source path goes through (google/protobuf/descriptor.proto).
_SYNTAX, _MESSAGE, _ENUM, _SERVICE = 12, 4, 5, 6
_FIELD, _VALUE, _METHOD, _NESTED, _ONEOF = 2, 2, 2, 3, 8

_SCALARS = {
    FieldDescriptorProto.TYPE_DOUBLE: "double",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}

_OPENING = f"""\
# API reference

Generated from `proto/` by `make gen`; edit the comments there.

Package `{PACKAGE}`, protobuf 3. DecisionService and OutcomeService are served on the data port (127.0.0.1:50051 unless
set otherwise), the others on the admin port (127.0.0.1:50052). Beside them, on both, are the standard health
service (`grpc.health.v1.Health`) and server reflection.

In the proto each enum value bears its enum's name as a prefix (`TIER_HUMAN_IN_THE_LOOP`), and 0 is `…_UNSPECIFIED`,
which is absent. The command and its JSON leave the prefix out, as this page does.

How to call: [integrators.md](integrators.md).
"""


def main() -> None:
    """Read descriptors from standard input, write Markdown to standard output."""
    descriptors = FileDescriptorSet.FromString(sys.stdin.buffer.read())
    sys.stdout.write(write_reference(descriptors))


def write_reference(descriptors: FileDescriptorSet) -> str:
    """Return the reference as Markdown: contents, services, then the messages and enums of each file."""
    files = sorted((file for file in descriptors.file if file.package == PACKAGE), key=lambda file: file.name)
    services = [part for file in files for part in _write_services(file)]
    values = [part for file in files for part in _write_values(file)]
    contents = [f"- [{title}](#{_anchor(title)})" for title in _titles(services) + _titles(values)]
    return "\n".join([_OPENING, *contents, "", *services, *values]).rstrip() + "\n"


def _titles(parts: list[str]) -> list[str]:
    return [part.removeprefix("## ") for part in parts if part.startswith("## ")]


def _anchor(title: str) -> str:
    """Return the anchor that a Markdown renderer gives a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def _write_services(file: FileDescriptorProto) -> Iterator[str]:
    comments = _comments(file)
    for index, service in enumerate(file.service):
        yield from _write_service(service, comments, (_SERVICE, index))


def _write_service(service: ServiceDescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    yield from (f"## {service.name}", "", comments[path], "")
    for index, method in enumerate(service.method):
        call = f"{_link(method.input_type)} → {_link(method.output_type)}"
        yield from (f"### {method.name}", "", call, "", comments[(*path, _METHOD, index)], "")


def _write_values(file: FileDescriptorProto) -> Iterator[str]:
    comments = _comments(file)
    if not (file.message_type or file.enum_type):
        return
    yield from (f"## {file.name}", "", comments[(_SYNTAX,)], "")
    for index, message in enumerate(file.message_type):
        yield from _write_message(message, comments, (_MESSAGE, index))
    for index, enum in enumerate(file.enum_type):
        yield from _write_enum(enum, comments, (_ENUM, index))


def _write_message(message: DescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    yield from (f"### {message.name}", "", comments[path], "")
    yield from ("| field | type | meaning |", "|---|---|---|")
    for index, field in enumerate(message.field):
        meaning = _one_line(comments[(*path, _FIELD, index)])
        yield f"| {field.name} | {_write_type(field, message)} | {meaning} |"
    yield ""


def _write_enum(enum: EnumDescriptorProto, comments: Comments, path: tuple[int, ...]) -> Iterator[str]:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    yield from (f"### {enum.name}", "", comments[path], "")
    yield from ("| number | name | meaning |", "|---|---|---|")
    for index, value in enumerate(enum.value):
        meaning = _one_line(comments[(*path, _VALUE, index)])
        yield f"| {value.number} | {value.name.removeprefix(prefix)} | {meaning} |"
    yield ""


def _write_type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    entry = next((nested for nested in message.nested_type if field.type_name.endswith(f".{nested.name}")), None)
    if entry is not None:
        return f"map from {_name(entry.field[0])} to {_name(entry.field[1])}"
    if field.proto3_optional:
        return f"optional {_name(field)}"
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"list of {_name(field)}"
    if field.HasField("oneof_index"):
        return f"{_name(field)} (one of *{message.oneof_decl[field.oneof_index].name}*)"
    return _name(field)


def _name(field: FieldDescriptorProto) -> str:
    return _SCALARS[field.type] if field.type in _SCALARS else _link(field.type_name)


def _link(type_name: str) -> str:
    name = type_name.removeprefix(f".{PACKAGE}.")
    return name.removeprefix(".") if name.startswith(".") else f"[{name}](#{name.lower()})"


def _one_line(comment: str) -> str:
    return comment.replace("\n", " ").replace("|", "\\|")


def _comments(file: FileDescriptorProto) -> Comments:
    found = {}
    for location in file.source_code_info.location:
        # The file's own comment stands apart from the first statement where an empty line follows it.
        text = location.leading_comments or "\n".join(location.leading_detached_comments)
        lines = (line.removeprefix(" ") for line in text.rstrip().split("\n"))
        found[tuple(location.path)] = "\n".join(line for line in lines if not line.startswith("buf:lint:"))
    return found


if __name__ == "__main__":
    main()
