"""The state of a server as its files tell it, as the value that the admin port gives out."""

from __future__ import annotations

from oversight.app.status import Status
from oversight.server_status import ProcessState, ServerStatus

__all__ = ["server_status"]


def server_status(found: Status) -> ServerStatus:
    """Return what the admin port says of the server that *found* describes."""
    supervisor, controller = found.supervisor, found.controller
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
        store_problem=controller.store_problem if controller else "",
        drained_through_us=controller.drained_through_us if controller else None,
        waiting_outcomes=found.waiting_outcomes,
        expired_outcomes=found.expired_outcomes,
    )
