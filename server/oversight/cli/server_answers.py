"""What a server answers, as the values that commands also find without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from oversight.policy_versions import PolicyName
from oversight.server_status import ProcessState, ServerStatus
from oversight_client import ServerStatus as Answer

__all__ = ["status_of"]

_EPOCH = datetime.fromtimestamp(0, UTC)


def status_of(answer: Answer) -> ServerStatus:
    """Return the status that a server gave; a state that it did not give is `impaired`."""
    policy, records, thresholds = answer.policy, answer.records, answer.thresholds
    return ServerStatus(
        state=answer.state.value.lower() if answer.state else "impaired",
        alarms=answer.alarms,
        advice=answer.advice,
        started_us=_us(answer.started_at),
        listen=answer.listen,
        admin_listen=answer.admin_listen,
        workers=answer.workers,
        standby=answer.standby,
        rolling=answer.rolling,
        restarts=answer.restarts,
        digest=policy.digest,
        commit=policy.commit,
        policies=tuple(PolicyName(one.name, one.version) for one in policy.policies),
        agreed=policy.agreed,
        since_us=_us(policy.since),
        confirmed_us=_us(policy.confirmed_at),
        last_good=policy.last_good,
        problems=policy.problems,
        warnings=policy.warnings,
        processes=tuple(ProcessState(one.name, one.pid, one.alive, one.silent_s) for one in answer.processes),
        decisions=records.decisions,
        outcomes=records.outcomes,
        lost=records.lost,
        pending=records.pending,
        pending_bytes=records.pending_bytes,
        oldest_age_s=records.oldest_age_s,
        pending_age_s=records.pending_age_s,
        store_problem=records.store_problem,
        drained_through_us=_us(records.drained_through),
        waiting_outcomes=records.waiting_outcomes,
        expired_outcomes=records.expired_outcomes,
        evidence_through_us=_us(records.evidence_through),
        threshold_revision=thresholds.revision,
        threshold_age_s=thresholds.age_s,
        live_values=thresholds.values,
        stops=thresholds.stops,
        local_stops=thresholds.local_stops,
    )


def _us(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)
