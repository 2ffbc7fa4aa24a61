"""Control events to rows of the database, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oversight.engine.control import ControlEvent, EventKind, Setting
from oversight.engine.snapshot import Stop
from oversight.storage.chain import canonical_row, link

__all__ = ["CONTROL_WRITER", "event_from_row", "event_row"]

CONTROL_WRITER = "control"
"""Writer of the one chain of events, which all replicas write."""

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def event_row(event: ControlEvent, previous_hash: str) -> tuple[Any, ...]:
    """Return the row of *event* in the table's order, linked to the hash of the event before."""
    row = (
        event.revision,
        event.at_us,
        event.kind.value,
        event.author,
        event.justification,
        _document(event),
        CONTROL_WRITER,
        event.revision,
    )
    return (*row, link(previous_hash, canonical_row(row)))


def event_from_row(row: Mapping[str, Any]) -> ControlEvent:
    """Return the event in a *row*; raise ValueError for one that this version did not write."""
    try:
        rest = json.loads(row["document"])
        stop = rest["stop"]
        return ControlEvent(
            revision=row["revision"],
            at_us=row["at_us"],
            kind=EventKind(row["kind"]),
            author=row["author"],
            justification=row["justification"],
            settings=tuple(Setting(**one) for one in rest["settings"]),
            refers_to=rest["refers_to"],
            lapses_at_us=rest["lapses_at_us"],
            stop=None if stop is None else Stop(**stop),
            evidence=rest["evidence"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"control event {row['revision']} cannot be read: {error!r}") from error


def _document(event: ControlEvent) -> str:
    return _encode(
        {
            "settings": [one._asdict() for one in event.settings],
            "refers_to": event.refers_to,
            "lapses_at_us": event.lapses_at_us,
            "stop": None if event.stop is None else event.stop._asdict(),
            "evidence": event.evidence,
        }
    )
