"""The state of one server as a value: what `GetStatus` says, whoever found it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oversight.policy_versions import PolicyName

__all__ = ["ProcessState", "ServerStatus"]


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process; `silent_s` is None where it says nothing regularly."""

    name: str
    pid: int
    alive: bool
    silent_s: float | None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """
    What is in force here, since when, whether anything is wrong, and what to do about it.

    `state` is `serving`, `impaired` (`alarms` say why) or `stopped`. Times are microseconds since 1970 (UTC), None
    where nobody has said; ages are in seconds. `digest` is empty where workers differ (`agreed` is False then), as
    `threshold_revision` is None. `live_values` and `stops` (those engaged everywhere) are sentences.
    Fields are those of the API's GetStatusResponse.
    """

    state: str
    alarms: tuple[str, ...]
    advice: tuple[str, ...]
    started_us: int | None
    listen: str
    admin_listen: str
    workers: int
    standby: bool
    rolling: bool
    restarts: Mapping[str, int]
    digest: str
    commit: str
    policies: tuple[PolicyName, ...]
    agreed: bool
    since_us: int | None
    confirmed_us: int | None
    last_good: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    processes: tuple[ProcessState, ...]
    decisions: int
    outcomes: int
    lost: int
    pending: int
    pending_bytes: int
    oldest_age_s: float | None
    pending_age_s: float | None
    store_problem: str
    drained_through_us: int | None
    waiting_outcomes: int
    expired_outcomes: int
    evidence_through_us: int | None
    threshold_revision: int | None
    threshold_age_s: float | None
    live_values: tuple[str, ...]
    stops: tuple[str, ...]
    local_stops: int
