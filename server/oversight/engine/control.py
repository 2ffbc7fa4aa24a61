"""
What administrators decided, in order: threshold values and stops, each change an event that is never altered.

The state in force is nothing but its events, folded. One revision numbers them all; a store keeps them in a hash chain
and hands them to every replica. Pure: no I/O, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from oversight.engine.limits import LiveValue
from oversight.engine.snapshot import Stop

__all__ = [
    "SYSTEM",
    "ControlEvent",
    "ControlState",
    "ControlStore",
    "EngagedStop",
    "EventKind",
    "PendingChange",
    "Setting",
    "fold",
    "local_stop_of",
]

SYSTEM = "system"
"""The author of what the service does by itself: it tightens, it never loosens."""


class EventKind(StrEnum):
    """What an event did."""

    THRESHOLDS_SET = "THRESHOLDS_SET"
    CHANGE_PROPOSED = "CHANGE_PROPOSED"
    CHANGE_APPROVED = "CHANGE_APPROVED"
    CHANGE_REJECTED = "CHANGE_REJECTED"
    CHANGE_LAPSED = "CHANGE_LAPSED"
    STOP_ENGAGED = "STOP_ENGAGED"
    STOP_RELEASED = "STOP_RELEASED"


class Setting(NamedTuple):
    """
    One threshold value in one scope; None in a scope field means every one.

    `value` None removes the live value, so that the file's is in force again. `expires_at_us` (microseconds since 1970,
    UTC) is when the live value ends by itself, None never.
    """

    policy: str
    name: str
    value: float | None
    intent: str | None = None
    department: str | None = None
    currency: str | None = None
    expires_at_us: int | None = None


class ControlEvent(NamedTuple):
    """
    One event; `revision` counts from 1 without gaps over all replicas.

    `author` is the authenticated caller. `settings` are those of THRESHOLDS_SET and CHANGE_PROPOSED; CHANGE_APPROVED
    has those that it puts in force. `refers_to` is the revision of the proposal that is approved, rejected or lapsed,
    or that a rollback (a THRESHOLDS_SET, or a CHANGE_PROPOSED where it waits) goes back to; 0 otherwise.
    `lapses_at_us`: until when a proposal may be approved. `stop` is that of STOP_ENGAGED and STOP_RELEASED. `evidence`
    is a JSON text for people, "" where there is none.
    """

    revision: int
    at_us: int
    kind: EventKind
    author: str
    justification: str
    settings: tuple[Setting, ...] = ()
    refers_to: int = 0
    lapses_at_us: int | None = None
    stop: Stop | None = None
    evidence: str = ""


class PendingChange(NamedTuple):
    """A proposal that waits for a second person, by the revision of its event."""

    revision: int
    author: str
    at_us: int
    justification: str
    settings: tuple[Setting, ...]
    lapses_at_us: int | None


class EngagedStop(NamedTuple):
    """
    A stop in force, as it was engaged once: by whom, when and why.

    `local_stop` is the id of the file by which it was engaged on one machine alone, "" through the admin port.
    """

    stop: Stop
    author: str
    at_us: int
    justification: str
    revision: int
    local_stop: str = ""


@dataclass(frozen=True, slots=True)
class ControlState:
    """What is in force after the event `revision`; at revision 0 nothing is."""

    revision: int = 0
    values: Mapping[tuple[str, str, str | None, str | None, str | None], Setting] = field(default_factory=dict)
    """By policy, name, intent, department, currency."""
    pending: Mapping[int, PendingChange] = field(default_factory=dict)
    stops: tuple[EngagedStop, ...] = ()
    """Oldest first. A scope is there once for each author and way it was engaged in, and stopped while it is there."""

    @property
    def stopped(self) -> tuple[Stop, ...]:
        """What is stopped, each scope once."""
        return tuple(dict.fromkeys(one.stop for one in self.stops))

    def live(self, at_us: int) -> tuple[LiveValue, ...]:
        """Return the live values in force at *at_us*: those that have expired are not."""
        return tuple(
            LiveValue(one.policy, one.name, one.value, one.intent, one.department, one.currency)
            for one in self.values.values()
            if one.value is not None and (one.expires_at_us is None or at_us < one.expires_at_us)
        )


class ControlStore(Protocol):
    """The events, in order, each seen by every replica."""

    def append(self, event: ControlEvent, *, expected_revision: int) -> int:
        """
        Put *event* behind the event *expected_revision* and return its own revision (the event's is not looked at).

        Raises `StaleRevisionError` if another came first, `StoreUnavailableError`.
        """
        ...

    def events_after(self, revision: int) -> Sequence[ControlEvent]:
        """Return the events behind *revision*, in order; raise `StoreUnavailableError`."""
        ...


def fold(state: ControlState, events: Iterable[ControlEvent]) -> ControlState:
    """Return what is in force after *events*, the first of which follows the last of *state*; ValueError for a gap."""
    for event in events:
        if event.revision != state.revision + 1:
            raise ValueError(f"event {event.revision} does not follow {state.revision}")
        state = _apply(state, event)
    return state


def local_stop_of(event: ControlEvent) -> str:
    """Return the id of the file of one machine by which *event* came about, "" where there was none."""
    try:
        found = json.loads(event.evidence) if event.evidence else {}
    except ValueError:
        return ""
    return str(found.get("local_stop", "")) if isinstance(found, dict) else ""


def _apply(state: ControlState, event: ControlEvent) -> ControlState:
    values, pending, stops = dict(state.values), dict(state.pending), state.stops
    match event.kind:
        case EventKind.THRESHOLDS_SET | EventKind.CHANGE_APPROVED:
            if event.kind is EventKind.CHANGE_APPROVED:
                pending.pop(event.refers_to, None)
            for one in event.settings:
                key = one.policy, one.name, one.intent, one.department, one.currency
                if one.value is None:
                    values.pop(key, None)
                else:
                    values[key] = one
        case EventKind.CHANGE_PROPOSED:
            pending[event.revision] = PendingChange(
                event.revision, event.author, event.at_us, event.justification, event.settings, event.lapses_at_us
            )
        case EventKind.CHANGE_REJECTED | EventKind.CHANGE_LAPSED:
            pending.pop(event.refers_to, None)
        case EventKind.STOP_ENGAGED if event.stop is not None:
            engaged = EngagedStop(
                event.stop, event.author, event.at_us, event.justification, event.revision, local_stop_of(event)
            )
            stops = (*(one for one in stops if not _is_again(engaged, one)), engaged)
        case EventKind.STOP_RELEASED:
            # A release on one machine ends what was engaged by that very file: whoever let go there may not know more.
            local_stop = local_stop_of(event)
            stops = tuple(
                one for one in stops if one.stop != event.stop or (local_stop and one.local_stop != local_stop)
            )
        case _:
            raise ValueError(f"event {event.revision} is a {event.kind} without a stop")
    return ControlState(event.revision, values, pending, stops)


def _is_again(engaged: EngagedStop, before: EngagedStop) -> bool:
    return (engaged.stop, engaged.author, engaged.local_stop) == (before.stop, before.author, before.local_stop)
