"""
One field of a request or an outcome as the command reads it, from an option, a CSV cell or a JSON value.

Ranges are not checked here: the server is the only judge of a value, and its reply names the field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from oversight.errors import InvalidRequestError
from oversight.rules.suggest import suggest

__all__ = ["Field", "attribute_value", "parse_attribute", "parse_text", "read_json", "with_hint"]

_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field.

    `kind` is `text`, `number`, `count` (a whole number), `choice` (an enum), `flag` (yes or no), `flags` (a list of
    text), `digest` (SHA-256 in hex), `time` (ISO 8601 with its zone) or `attributes` (names with values). `choices` are
    an enum's names in lower case; `prefix` is what the API puts before them.
    """

    name: str
    kind: str
    meaning: str
    choices: tuple[str, ...] = ()
    prefix: str = ""


def with_hint(text: str, word: str, known: Iterable[str]) -> str:
    """Return *text*, with "did you mean …?" behind it where one of *known* is near *word*."""
    near = suggest(word, known)
    return f"{text} (did you mean {near!r}?)" if near else text


def parse_text(field: Field, text: str) -> object:
    """Return the value that *text* stands for, None where it is empty; raise InvalidRequestError in words."""
    text = text.strip()
    if not text:
        return None
    match field.kind:
        case "number":
            return _number(field, text, float)
        case "count":
            return _number(field, text, int)
        case "flag":
            return _flag(field, text)
        case "choice":
            return _choice(field, text)
        case "flags":
            return _flags(field, text)
        case "time":
            return _time(field, text)
        case "attributes":
            return read_json(field, _json(field, text))
        case _:
            return text


def read_json(field: Field, value: object) -> object:
    """
    Return *value* in the field's type; None is absent; raise InvalidRequestError in words.

    It is as JSON has it, or a datetime or bytes, which other files have.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return parse_text(field, value)
    if isinstance(value, bool) or field.kind == "flag":
        # True is an int in Python, and never a number here.
        return _expect(field, value, isinstance(value, bool) and field.kind == "flag")
    match field.kind, value:
        case "text", int():
            return str(value)
        case "number", int() | float():
            return float(value)
        case "time", datetime():
            return _with_zone(field, value, str(value))
        case "digest", bytes():
            return value
        case "count", float() if value.is_integer():
            return int(value)
        case "choice", int() if 0 <= value <= len(field.choices):
            return field.choices[value - 1] if value else None
        case "attributes", dict():
            return {name: _scalar(field, name, item) for name, item in value.items()}
        case "flags", list():
            return _expect(field, value, all(isinstance(flag, str) for flag in value))
        case _:
            return _expect(field, value, field.kind == "count" and isinstance(value, int))


def parse_attribute(field: Field, text: str) -> tuple[str, object]:
    """Return name and value of `name=value`: true, false and numbers as in JSON, anything else is text."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidRequestError(field.name, f"{text!r} is not NAME=VALUE, for instance loyalty_years=7")
    return name, attribute_value(field, name, value)


def attribute_value(field: Field, name: str, text: str) -> object:
    """Return the value of the attribute *name* that *text* stands for: as JSON if it is JSON, else the text itself."""
    try:
        return _scalar(field, name, json.loads(text))
    except (ValueError, RecursionError):
        return text


def _number(field: Field, text: str, kind: type[int | float]) -> object:
    try:
        return kind(text)
    except ValueError:
        raise _wrong(field, text) from None


def _flag(field: Field, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise _wrong(field, text)


def _choice(field: Field, text: str) -> str | None:
    name = text.lower().removeprefix(field.prefix or f"{field.name}_")
    if name == "unspecified":
        return None
    if name not in field.choices:
        expected = f"{text!r} is not one of {', '.join(field.choices)}"
        raise InvalidRequestError(field.name, with_hint(expected, name, field.choices))
    return name


def _flags(field: Field, text: str) -> object:
    if text.startswith(("[", "{")):
        value = _json(field, text)
        return read_json(field, value.get("flags", []) if isinstance(value, dict) else value)
    return [flag.strip() for flag in text.split(",") if flag.strip()]


def _time(field: Field, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(field, text) from None
    return _with_zone(field, moment, text)


def _with_zone(field: Field, moment: datetime, text: str) -> datetime:
    if moment.tzinfo is None:
        raise InvalidRequestError(field.name, f"{text!r} names no zone; write for instance {text}Z")
    return moment


def _json(field: Field, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(field, text) from None


def _scalar(field: Field, name: str, value: object) -> object:
    if isinstance(value, str | int | float | bool):
        return value
    raise InvalidRequestError(f"{field.name}.{name}", f"{_shown(value)} is not text, a number, true or false")


_EXPECTED: Mapping[str, str] = {
    "text": "text",
    "number": "a number, for instance 0.42",
    "count": "a whole number, for instance 3",
    "choice": "a name of the list",
    "flag": "true or false",
    "flags": 'a list of flags, for instance ["pii"]; [] is a check that raised nothing',
    "digest": "64 hex digits",
    "time": "a time in ISO 8601 with its zone, for instance 2025-06-01T09:30:00Z",
    "attributes": 'an object of names and values, for instance {"loyalty_years": 7}',
}


def _expect(field: Field, value: object, fits: bool) -> object:  # reads as one sentence at each call
    if not fits:
        raise _wrong(field, value)
    return value


def _wrong(field: Field, value: object) -> InvalidRequestError:
    return InvalidRequestError(field.name, f"{_shown(value)} is not {_EXPECTED[field.kind]}")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"
