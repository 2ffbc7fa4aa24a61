"""
YAML 1.2 text as plain values that know where they stand.

Read from ruamel.yaml's events rather than its objects: so every key keeps its line and column, duplicate keys are seen,
and depth and aliases are bounded before anything is built.
"""

from __future__ import annotations

from collections.abc import Iterator

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from oversight.errors import InvalidPolicyError, Problem
from oversight.rules.report import NOWHERE, Place, Report
from oversight.rules.scalars import check_text, read_scalar
from oversight.rules.yaml_events import read_events

__all__ = ["MAX_FILE_BYTES", "Entries", "Items", "read_tree"]

MAX_FILE_BYTES = 1024 * 1024
"""Largest rule file, in bytes of UTF-8."""

_MAX_DEPTH = 40
_MAX_ALIASED_NODES = 10_000


class Entries(dict[str, object]):
    """
    A mapping that knows where it stands and where each of its keys does.

    `places` also has the keys that were left out because they have no value: so that they are not missed twice.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}


class Items(list[object]):
    """A list that knows where it stands and where each of its items does."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []


def read_tree(file: str, text: str, report: Report, *, empty_in: frozenset[str] = frozenset()) -> Entries | None:
    """
    Return the one mapping that *text* holds; None if it cannot be read, which is then in *report*.

    A key without a value (null) is an error, because a value that was forgotten would look like one that was never set;
    only right under the keys *empty_in* it is read as None.
    """
    if (size_bytes := len(text.encode("utf-8", "surrogatepass"))) > MAX_FILE_BYTES:
        message = f"the file has {size_bytes:,} bytes, the limit is {MAX_FILE_BYTES:,} (1 MiB); split it into several"
        report.error(file, NOWHERE, message)
        return None
    try:
        return _Builder(file, text, report, empty_in).read()
    except InvalidPolicyError as error:
        report.extend(error.problems)
    except MarkedYAMLError as error:
        report.error(file, *_explain(error, text))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        code = ord(text[error.position])
        report.error(file, Place(line, column), f"the character U+{code:04X} cannot stand in a YAML file; remove it")
    except YAMLError as error:
        report.error(file, NOWHERE, f"this is not valid YAML: {error}")
    return None


def _explain(error: MarkedYAMLError, text: str) -> tuple[Place, str]:
    mark = error.problem_mark or error.context_mark
    place = _place(mark) if mark is not None else NOWHERE
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return place, "a tab indents this line; indent with spaces"
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return place, f"this is not valid YAML: {words}; look for a missing quote, bracket, colon or indent just above"


def _place(mark: object) -> Place:
    return Place(getattr(mark, "line", -1) + 1, getattr(mark, "column", -1) + 1)


class _Builder:
    """Builds the tree of one file, event by event."""

    def __init__(self, file: str, text: str, report: Report, empty_in: frozenset[str]) -> None:
        self._file = file
        self._report = report
        self._empty_in = empty_in
        self._events: Iterator[Event] = iter(read_events(text.removeprefix("\ufeff")))
        self._anchors: dict[str, tuple[object, int] | None] = {}
        self._aliased_nodes = 0
        self._nodes = 0

    def read(self) -> Entries:
        """Return the one mapping of the file."""
        value: object = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                self._check_start(event, documents)
                value = self._value(next(self._events), 0)
            elif not isinstance(event, StreamStartEvent | StreamEndEvent):
                continue
        if value is None:
            raise self._broken(NOWHERE, "the file is empty; a rule file starts with 'policy: NAME'")
        if not isinstance(value, Entries):
            raise self._broken(Place(1, 1), "a rule file holds keys and values and starts with 'policy: NAME'")
        return value

    def _check_start(self, event: DocumentStartEvent, number: int) -> None:
        place = _place(event.start_mark)
        if number > 1:
            raise self._broken(place, "a second document starts here; put each policy into a file of its own")
        if event.version is not None and tuple(event.version) != (1, 2):
            raise self._broken(place, "rule files are YAML 1.2; remove the %YAML line")

    def _broken(self, place: Place, message: str) -> InvalidPolicyError:
        return InvalidPolicyError([Problem(self._file, *place, message)])

    def _value(self, event: Event, depth: int, under: str = "") -> object:
        place = _place(event.start_mark)
        if depth > _MAX_DEPTH:
            raise self._broken(place, f"this is nested deeper than {_MAX_DEPTH} levels; simplify it")
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor, place)
        if not isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            raise self._broken(place, "this is not valid YAML: a value is missing here")
        if event.tag is not None:
            raise self._broken(place, f"the tag {event.tag!r} is not supported; write a plain value (text in quotes)")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._nodes
        self._nodes += 1
        value: object
        if isinstance(event, MappingStartEvent):
            value = self._mapping(place, depth, under)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(place, depth, under)
        else:
            value = self._scalar(event, place, under)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _alias(self, name: str, place: Place) -> object:
        anchored = self._anchors.get(name)
        if anchored is None:
            what = "stands for something that contains it" if name in self._anchors else "has no anchor above it"
            raise self._broken(place, f"the alias *{name} {what}")
        value, nodes = anchored
        self._nodes += nodes
        self._aliased_nodes += nodes
        if self._aliased_nodes > _MAX_ALIASED_NODES:
            message = f"the aliases of this file stand for more than {_MAX_ALIASED_NODES:,} values; write them out"
            raise self._broken(place, message)
        return value

    def _mapping(self, place: Place, depth: int, under: str) -> Entries:
        entries = Entries(place)
        while not isinstance(event := next(self._events), MappingEndEvent):
            key_place = _place(event.start_mark)
            key = self._value(event, depth + 1)
            value = self._value(next(self._events), depth + 1, key if isinstance(key, str) else "")
            if not isinstance(key, str):
                raise self._broken(key_place, f"the key {key!r} is not text; put it in quotes")
            if key == "<<":
                raise self._broken(key_place, "merging with '<<' is not part of YAML 1.2; write the keys out")
            if key in entries.places:
                message = f"{key!r} stands here a second time; the first is in line {entries.places[key].line}"
                self._report.error(self._file, key_place, message)
                continue
            if value is None and under not in self._empty_in:
                self._report.error(self._file, key_place, f"{key!r} has no value; give it one or remove the line")
            else:
                entries[key] = value
            entries.places[key] = key_place
        return entries

    def _sequence(self, place: Place, depth: int, under: str) -> Items:
        items = Items(place)
        while not isinstance(event := next(self._events), SequenceEndEvent):
            item_place = _place(event.start_mark)
            # For its name alone: what may be empty right under a key may not be so in a list under it.
            value = self._value(event, depth + 1, under if isinstance(event, ScalarEvent) else "")
            if value is None:
                self._report.error(self._file, item_place, "this list item is empty; give it a value or remove it")
                continue
            items.append(value)
            items.places.append(item_place)
        return items

    def _scalar(self, event: ScalarEvent, place: Place, under: str) -> object:
        text: str = event.value
        try:
            return read_scalar(text) if event.implicit[0] else check_text(text)
        except ValueError as error:
            raise self._broken(place, f"'{under}': {error}" if under else str(error)) from None
