"""Control events that tests append."""

from __future__ import annotations

import json
from typing import Any

from oversight.engine.control import ControlEvent, EventKind, Setting
from oversight.engine.snapshot import Stop

AT_US = 1_800_000_000_000_000


def an_event(kind: EventKind = EventKind.THRESHOLDS_SET, **fields: Any) -> ControlEvent:
    """Return an event of *kind*; its revision is the store's to say."""
    given: dict[str, Any] = {"revision": 0, "at_us": AT_US, "author": "anna", "justification": "complaints", **fields}
    return ControlEvent(kind=kind, **given)


def a_setting(value: float | None = 0.9, **fields: Any) -> Setting:
    """Return a value of the small policy's threshold."""
    given: dict[str, Any] = {"policy": "contact_centre", "name": "autonomy_confidence", **fields}
    return Setting(value=value, **given)


def a_change(value: float | None = 0.9, **fields: Any) -> ControlEvent:
    """Return an event that sets the small policy's threshold."""
    return an_event(settings=(a_setting(value, **fields),))


def a_stop(department: str | None = None, intent: str | None = None, **fields: Any) -> ControlEvent:
    """Return an event that engages a stop."""
    return an_event(EventKind.STOP_ENGAGED, stop=Stop(department, intent), **fields)


def of_file(stop_id: str) -> str:
    """Return the evidence of an event that comes from the file *stop_id* of one machine."""
    return json.dumps({"local_stop": stop_id})


def a_release(department: str | None = None, intent: str | None = None, **fields: Any) -> ControlEvent:
    """Return an event that releases a stop."""
    return an_event(EventKind.STOP_RELEASED, stop=Stop(department, intent), **fields)
