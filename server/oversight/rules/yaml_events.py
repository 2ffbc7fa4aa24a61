"""
The events of YAML text: those of ruamel.yaml, by libyaml where both are known to read the text alike.

ruamel.yaml alone decides what a rule file means. libyaml, which it brings along, is ten times faster, but of YAML 1.1:
the two differ in tabs, directives, block scalars, tags, anchors and rare line breaks. So it reads only text that has
none of these; what it refuses is read again, and explained, by ruamel.yaml's own parser. That both give the same events
for such text is tested on random documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import Event

__all__ = ["is_plain", "read_events"]

_LINES = re.compile(
    # Neither a directive nor the end of a document starts a line, and the last line has its end.
    r"(?![%.])(?:(?!\n[%.])"
    # No tab, no carriage return, no control character, no line break but "\n", no byte order mark.
    r"[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff])*\n"
)
_SPECIAL = re.compile(
    # Where an anchor, an alias, a tag or a block scalar may begin.
    r"(?:^|[\s\[\]{},:?-])[&*!|>]"
    # A list or a mapping that may be a key.
    r"|[\]}] *:"
)


def read_events(text: str) -> Iterable[Event]:
    """Return the events of *text*; raises `YAMLError`, which says where, at once or while they are iterated over."""
    if is_plain(text):
        try:
            return list(YAML(typ="safe", pure=False).parse(text))
        except YAMLError:
            pass  # it is not well formed to one of the two: only the other one's words count
    events: Iterable[Event] = YAML(typ="safe", pure=True).parse(text)
    return events


def is_plain(text: str) -> bool:
    """Return whether *text* has nothing that YAML 1.1 and 1.2 read otherwise."""
    return _LINES.fullmatch(text) is not None and _SPECIAL.search(text) is None
