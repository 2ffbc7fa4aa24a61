"""
The plain part of YAML, which most rule files keep to, read twelve times as fast as all of it.

Block mappings and lists, flow collections, and scalars that stand on one line, plain or in quotes without escapes. What
is written in any other way, or may be wrong, is left to the full reader: here nothing is ever reported.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from oversight.rules.report import Place
from oversight.rules.scalars import check_text, read_scalar
from oversight.rules.tree import Entries, Items

__all__ = ["read_plain"]

_MOST_LEVELS = 20

# No tab, no carriage return, none of the line breaks of YAML 1.1, nothing that a file may not hold.
_CHARACTERS = re.compile("[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\U00010000-\U0010ffff]*")

_KEY = r"([A-Za-z_][A-Za-z0-9_.]{0,127})"
_START = r"(?:[A-Za-z0-9_$]|[-+]?\.?[0-9])"
_QUOTED = r"""\"([^"\\\n]*)\"|'([^'\n]*)'"""
_END = r"(?: +(?:#[^\n]*)?)?(?=\n|\Z)"
_SCALAR = rf"(?:({_START}(?:[^\n#:]|:(?=[^ \n]))*)|{_QUOTED})"

_ENTRY = re.compile(rf"{_KEY}:(?: +{_SCALAR})?{_END}")
_FLOW_ENTRY = re.compile(rf"{_KEY}: +(?=[\[{{])")
_DASH = re.compile(r"- +(?=[^ \n#])")
_ITEM = re.compile(_SCALAR + _END)
_LINE_END = re.compile(_END)

# In flow collections fewer characters are sure to be no more than text.
_FLOW_SPACE = re.compile(r"(?:[ \n]|(?<=[ \n])#[^\n]*)*")
_FLOW_SCALAR = re.compile(rf"(?:({_START}[A-Za-z0-9_$.+\-/()=; ']*)|{_QUOTED})")
_FLOW_KEY = re.compile(rf"{_KEY}:(?=[ \n])")


class _Line(NamedTuple):
    """A line that is neither empty nor a comment: where it starts in the text, its number and its indent."""

    start: int
    number: int
    indent: int


class _UnusualError(Exception):
    """The text is not plain, or not right."""


def read_plain(text: str) -> Entries | None:
    """Return the one mapping that *text* holds, just as the full reader would; None where that one must be asked."""
    if not _CHARACTERS.fullmatch(text):
        return None
    try:
        return _Reader(text).read()
    except (_UnusualError, ValueError):
        return None


class _Reader:
    """Reads one text, line by line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[_Line] = []
        self._at = 0
        start = 0
        for number, line in enumerate(text.split("\n"), 1):
            content = line.lstrip(" ")
            if content and content[0] != "#":
                self._lines.append(_Line(start, number, len(line) - len(content)))
            start += len(line) + 1
        # An end that is to the left of everything, so that no look ahead need ask whether there is another line.
        self._lines.append(_Line(len(text), 0, -1))

    def read(self) -> Entries:
        """Return the mapping."""
        entries = self._mapping(0, 1)
        if not entries or self._at != len(self._lines) - 1:
            raise _UnusualError
        return entries

    def _mapping(self, indent: int, depth: int) -> Entries:
        """Return the block mapping whose keys stand at *indent*."""
        line = self._lines[self._at]
        entries = Entries(Place(line.number, indent + 1))
        while line.indent == indent:
            found = _ENTRY.match(self._text, line.start + indent) or _FLOW_ENTRY.match(self._text, line.start + indent)
            if found is None or depth > _MOST_LEVELS:
                raise _UnusualError
            key = found[1]
            if key in entries or not isinstance(read_scalar(key), str):
                raise _UnusualError
            self._at += 1
            if found.re is _FLOW_ENTRY:
                entries[key] = self._flow(line, found.end(), depth)
            elif found.lastindex == 1:
                entries[key] = self._nested(indent, depth)
            else:
                entries[key] = _scalar(found[2], found[3], found[4])
            entries.places[key] = Place(line.number, indent + 1)
            line = self._lines[self._at]
        if line.indent > indent:
            raise _UnusualError
        return entries

    def _nested(self, indent: int, depth: int) -> Entries | Items:
        """Return the collection in the lines below a key at *indent*; a list may stand as far left as its key."""
        line = self._lines[self._at]
        if _DASH.match(self._text, line.start + line.indent) and line.indent >= indent:
            return self._sequence(line.indent, depth + 1)
        if line.indent <= indent:
            raise _UnusualError
        return self._mapping(line.indent, depth + 1)

    def _sequence(self, indent: int, depth: int) -> Items:
        """Return the block sequence whose dashes stand at *indent*."""
        line = self._lines[self._at]
        items = Items(Place(line.number, indent + 1))
        while line.indent == indent and (dash := _DASH.match(self._text, line.start + indent)):
            column = dash.end() - line.start
            items.places.append(Place(line.number, column + 1))
            if found := _ITEM.match(self._text, dash.end()):
                self._at += 1
                items.append(_scalar(found[1], found[2], found[3]))
            elif self._text[dash.end()] in "[{":
                self._at += 1
                items.append(self._flow(line, dash.end(), depth))
            else:
                # The keys of a mapping that starts behind the dash stand where its first one does.
                self._lines[self._at] = line._replace(indent=column)
                items.append(self._mapping(column, depth + 1))
            line = self._lines[self._at]
        if line.indent > indent:
            raise _UnusualError
        return items

    def _flow(self, line: _Line, start: int, depth: int) -> Entries | Items:
        """Return the flow collection that opens at *start*; it may go on in lines that stand further right."""
        flow = _Flow(self._text, line)
        value, end = flow.collection(start, depth + 1)
        if not _LINE_END.match(self._text, end):
            raise _UnusualError
        while self._lines[self._at].start < end:
            if self._lines[self._at].indent <= line.indent:
                raise _UnusualError
            self._at += 1
        return value


class _Flow:
    """Reads one flow collection."""

    def __init__(self, text: str, line: _Line) -> None:
        self._text = text
        self._number = line.number
        self._start = line.start

    def collection(self, at: int, depth: int) -> tuple[Entries | Items, int]:
        """Return the collection that opens at *at*, and where it ends."""
        if depth > _MOST_LEVELS:
            raise _UnusualError
        place = self._place(at)
        return self._entries(at, place, depth) if self._text[at] == "{" else self._items(at, place, depth)

    def _entries(self, at: int, place: Place, depth: int) -> tuple[Entries, int]:
        entries = Entries(place)
        while True:
            at = self._skip(at + 1)
            found = _FLOW_KEY.match(self._text, at)
            if found is None or found[1] in entries or not isinstance(read_scalar(found[1]), str):
                raise _UnusualError
            entries.places[found[1]] = self._place(at)
            entries[found[1]], at = self._value(self._skip(found.end()), depth)
            if self._closes(at, "}"):
                return entries, at + 1

    def _items(self, at: int, place: Place, depth: int) -> tuple[Items, int]:
        items = Items(place)
        while True:
            at = self._skip(at + 1)
            items.places.append(self._place(at))
            value, at = self._value(at, depth)
            items.append(value)
            if self._closes(at, "]"):
                return items, at + 1

    def _value(self, at: int, depth: int) -> tuple[object, int]:
        """Return the value at *at*, and where the next sign stands."""
        if found := _FLOW_SCALAR.match(self._text, at):
            return _scalar(found[1], found[2], found[3]), self._skip(found.end())
        if self._text[at : at + 1] not in ("[", "{"):
            raise _UnusualError
        value, end = self.collection(at, depth + 1)
        return value, self._skip(end)

    def _closes(self, at: int, bracket: str) -> bool:
        """Return whether the collection ends at *at*; otherwise another part follows there."""
        sign = self._text[at : at + 1]
        if sign not in (",", bracket):
            raise _UnusualError
        return sign == bracket

    def _skip(self, at: int) -> int:
        """Return where the next sign stands behind blanks, comments and line breaks."""
        found = _FLOW_SPACE.match(self._text, at)
        end = at if found is None else found.end()
        breaks = self._text.count("\n", at, end)
        if breaks:
            self._number += breaks
            self._start = self._text.rindex("\n", at, end) + 1
        return end

    def _place(self, at: int) -> Place:
        return Place(self._number, at - self._start + 1)


def _scalar(plain: str | None, double: str | None, single: str | None) -> str | bool | int | float:
    """Return the value of a scalar, of which one form was found; ValueError for one that no rule may have."""
    if plain is None:
        return check_text(double if double is not None else single or "")
    value = read_scalar(plain.rstrip(" "))
    if value is None:
        raise _UnusualError
    return value
