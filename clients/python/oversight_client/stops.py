"""Oversight stops as the admin port tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oversight.v1 import threshold_service_pb2 as pb
from oversight_client.wire import time_from_proto

__all__ = ["EngagedStop", "scope_to_proto", "stop_from_proto"]


@dataclass(frozen=True, slots=True)
class EngagedStop:
    """
    A stop in force, of messages of `department` with `intent`; where both are empty, of every message.

    Replies whose threshold_revision is `revision` or later were made with it.
    """

    department: str
    intent: str
    author: str
    at: datetime
    justification: str
    revision: int


def scope_to_proto(department: str, intent: str) -> pb.StopScope | None:
    """Return the scope as the admin port takes it, None for everything."""
    return pb.StopScope(department=department, intent=intent) if department or intent else None


def stop_from_proto(stop: pb.EngagedStop) -> EngagedStop:
    """Return the stop as a value."""
    return EngagedStop(
        stop.scope.department,
        stop.scope.intent,
        stop.author,
        time_from_proto(stop.at),
        stop.justification,
        stop.revision,
    )
