"""The state of a server as its files tell it, as the value that the admin port gives out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oversight.app.status import Status
from oversight.server_status import ProcessState, ServerStatus

__all__ = ["server_status"]


def server_status(found: Status) -> ServerStatus:
    """Return what the admin port says of the server that *found* describes."""
    supervisor, controller, keeper = found.supervisor, found.controller, found.keeper
    return ServerStatus(
        state=found.state,
        alarms=found.alarms,
        advice=found.advice,
        started_us=supervisor.started_us if supervisor else None,
        listen=supervisor.listen if supervisor else "",
        admin_listen=supervisor.admin_listen if supervisor else "",
        workers=supervisor.workers if supervisor else len(found.workers),
        standby=supervisor.standby if supervisor else False,
        rolling=supervisor.rolling if supervisor else False,
        restarts=supervisor.restarts if supervisor else {},
        digest=found.digest,
        commit=found.commit,
        policies=found.policies,
        agreed=found.agreed,
        since_us=found.since_us,
        confirmed_us=controller.policy_confirmed_at_us if controller else None,
        last_good=found.last_good,
        problems=found.problems,
        warnings=found.warnings,
        processes=tuple(ProcessState(one.name, one.pid, one.alive, one.silent_s) for one in found.processes),
        decisions=found.decisions,
        outcomes=found.outcomes,
        lost=found.lost,
        pending=found.pending_records,
        pending_bytes=found.pending_bytes,
        oldest_age_s=found.oldest_age_s,
        pending_age_s=found.pending_age_s,
        store_problem=keeper.store_problem if keeper else "",
        drained_through_us=keeper.drained_through_us if keeper else None,
        waiting_outcomes=found.waiting_outcomes,
        expired_outcomes=found.expired_outcomes,
        evidence_through_us=keeper.feedback_through_us if keeper else None,
        threshold_revision=found.threshold_revision,
        threshold_age_s=found.threshold_age_s,
        live_values=tuple(map(_value, found.values)),
        stops=tuple(map(_stop, found.stops)),
        local_stops=found.local_stops,
    )


def _value(value: Mapping[str, Any]) -> str:
    until = "" if value["expires_at_us"] is None else f" until {_time(value['expires_at_us'])}"
    return f"{value['name']} {value['value']:g} in {value['policy']}{_scope(value)}{until}"


def _stop(stop: Mapping[str, Any]) -> str:
    return (
        f"{_scope(stop).strip() or 'everything'} by {stop['author']} at {_time(stop['at_us'])}: {stop['justification']}"
    )


def _scope(one: Mapping[str, Any]) -> str:
    named = [f" {name} {one[name]}" for name in ("intent", "department", "currency") if one.get(name) is not None]
    return "".join(named)


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
