"""What goes to the terminal: text with colours for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

__all__ = [
    "ROLES",
    "Screen",
    "colour",
    "console",
    "error_console",
    "harmless",
    "in_words",
    "percent",
    "print_json",
    "shown",
]

ROLES: Mapping[str, str] = {
    "HUMAN_ON_THE_LOOP": "the AI acts, people watch metrics and exceptions",
    "HUMAN_IN_THE_LOOP": "the AI drafts, a person reviews and approves",
    "HUMAN_AS_THE_LOOP": "a person leads, the AI assists",
}
"""The tiers, least human first, with what each asks of people."""

_COLOURS: Mapping[str, str] = {
    "HUMAN_ON_THE_LOOP": "green",
    "HUMAN_IN_THE_LOOP": "yellow",
    "HUMAN_AS_THE_LOOP": "red",
    "NONE": "green",
    "OFFER": "yellow",
    "TRANSFER": "red",
}

# C0 and C1 but for the line feed: a terminal may take any of them, or what follows, for a command.
_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n")}, "\ufffd")


class Screen(Console):
    """A console on which text is only ever text: what callers sent (an intent, a department) commands no terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what *renderable* looks like, with control characters of its text replaced."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))


def harmless(text: str) -> str:
    """Return *text* with U+FFFD for each control character but the line feed."""
    return text.translate(_CONTROLS)


def console() -> Screen:
    """Return the console on stdout; made when asked for, because tests and pipes change what stdout is."""
    # Nothing is cut to the width of a screen that is not there.
    return Screen(highlight=False, width=None if sys.stdout.isatty() else 200)


def error_console() -> Screen:
    """Return the console on stderr, for progress and rows that failed."""
    return Screen(stderr=True, highlight=False, markup=False, soft_wrap=True)


def print_json(value: Mapping[str, object]) -> None:
    """Print *value* as one JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def colour(name: str) -> str:
    """Return the colour of a tier or an escalation; the more human, the warmer."""
    return _COLOURS.get(name, "default")


def in_words(name: str) -> str:
    """Return an enum's name as people write it: `HUMAN_ON_THE_LOOP` is "human on the loop"."""
    return name.lower().replace("_", " ")


def percent(share: object) -> str:
    """Return a share of 0..1 in per cent, "-" where there is none."""
    return f"{share:.2%}".replace("%", " %") if isinstance(share, int | float) else "-"


def shown(value: object) -> Text:
    """Return a value as rule files write it; absent is said in so many words."""
    return Text("absent", style="italic") if value is None else Text(json.dumps(value, ensure_ascii=False))
