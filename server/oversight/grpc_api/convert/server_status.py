"""The state of a server to protobuf."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from oversight.grpc_api.convert.policies import policy_names
from oversight.server_status import ServerStatus
from oversight.v1 import policy_service_pb2 as pb

__all__ = ["status_to_proto"]

_STATES: Mapping[str, pb.ServerState.ValueType] = {
    "serving": pb.SERVER_STATE_SERVING,
    "impaired": pb.SERVER_STATE_IMPAIRED,
    "stopped": pb.SERVER_STATE_STOPPED,
}


def status_to_proto(status: ServerStatus) -> pb.GetStatusResponse:
    """Return *status* as a message."""
    response = pb.GetStatusResponse(
        state=_STATES[status.state],
        alarms=status.alarms,
        advice=status.advice,
        started_at=_time(status.started_us),
        listen=status.listen,
        admin_listen=status.admin_listen,
        policy=_policy(status),
        workers=status.workers,
        restarts={name: count for name, count in status.restarts.items() if count},
        standby=status.standby,
        rolling=status.rolling,
        records=_records(status),
        thresholds=_thresholds(status),
    )
    for one in status.processes:
        response.processes.add(name=one.name, pid=one.pid, alive=one.alive, silent_s=one.silent_s)
    return response


def _policy(status: ServerStatus) -> pb.PolicyStatus:
    return pb.PolicyStatus(
        digest=status.digest,
        commit=status.commit,
        policies=policy_names(status.policies),
        agreed=status.agreed,
        since=_time(status.since_us),
        confirmed_at=_time(status.confirmed_us),
        last_good=status.last_good,
        problems=status.problems,
        warnings=status.warnings,
    )


def _records(status: ServerStatus) -> pb.RecordStatus:
    return pb.RecordStatus(
        decisions=status.decisions,
        outcomes=status.outcomes,
        lost=status.lost,
        pending=status.pending,
        pending_bytes=status.pending_bytes,
        oldest_age_s=status.oldest_age_s,
        store_problem=status.store_problem,
        drained_through=_time(status.drained_through_us or None),
        waiting_outcomes=status.waiting_outcomes,
        expired_outcomes=status.expired_outcomes,
        pending_age_s=status.pending_age_s,
        evidence_through=_time(status.evidence_through_us),
    )


def _thresholds(status: ServerStatus) -> pb.ThresholdStatus:
    return pb.ThresholdStatus(
        revision=status.threshold_revision,
        age_s=status.threshold_age_s,
        values=status.live_values,
        stops=status.stops,
        local_stops=status.local_stops,
    )


def _time(at_us: int | None) -> Timestamp | None:
    if at_us is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(at_us)
    return stamp
