"""The state of a server as its files tell it: what `oversight status` shows, also when nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oversight.app.advice import advise
from oversight.app.alarms import ProcessStatus, find_alarms
from oversight.app.clock import now_us, read_simulated_us
from oversight.app.handover import run_folder
from oversight.app.local_stops import LocalStops
from oversight.app.policies_in_force import policies_of
from oversight.app.reports import (
    ControllerReport,
    KeeperReport,
    SupervisorReport,
    WorkerReport,
    read_controller,
    read_keeper,
    read_retired,
    read_supervisor,
    read_workers,
)
from oversight.policy_versions import PolicyName

__all__ = ["ProcessStatus", "Status", "read_status"]

_STALE_US = 5_000_000
"""Processes report each second; five are missed by one that hangs, not by one that is busy."""


@dataclass(frozen=True, slots=True)
class Status:
    """
    Everything known about the server of one data folder.

    `state` is `stopped` (nothing runs), `serving`, or `impaired` (`alarms` say why, one sentence each; warning signs
    that stand at critical are among them, too, and make nothing impaired). `digest` is in force on every worker, empty
    where they differ (`agreed` is False then) or there is none. The four reports are the processes' own words; None
    where a process has not said anything. Counts: `decisions`, `outcomes` since the workers started, `lost` since the
    server did, `pending_*` and `oldest_age_s` of what was not in the store yet when that was counted, `pending_age_s`
    ago (None: not yet). Of the outcomes in the store, `waiting_outcomes` are about a decision that is not there, and
    `expired_outcomes` have waited for it longer than records are kept. `policies` are those of `digest`, empty where
    workers do not have what was published last. `advice` says what to do about what is wrong, one sentence each.

    `threshold_revision` is in force on every worker, None where they differ or say nothing; `threshold_age_s` is the
    time since it was last found to be the newest, None where it never was. `values` are live values, `stops` those
    engaged everywhere and `local_stops` the number of those engaged on this machine alone.
    """

    data_dir: str
    state: str
    alarms: tuple[str, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    digest: str
    commit: str
    agreed: bool
    last_good: bool
    since_us: int | None
    policy_age_s: float | None
    decisions: int
    outcomes: int
    lost: int
    pending_records: int
    pending_bytes: int
    oldest_age_s: float | None
    pending_age_s: float | None
    waiting_outcomes: int
    expired_outcomes: int
    threshold_revision: int | None
    threshold_age_s: float | None
    values: tuple[Mapping[str, Any], ...]
    stops: tuple[Mapping[str, Any], ...]
    local_stops: int
    processes: tuple[ProcessStatus, ...]
    supervisor: SupervisorReport | None
    controller: ControllerReport | None
    keeper: KeeperReport | None
    workers: tuple[WorkerReport, ...]
    policies: tuple[PolicyName, ...] = ()
    advice: tuple[str, ...] = ()


def read_status(
    data_dir: Path,
    *,
    clock_us: Callable[[], int] = now_us,
    is_alive: Callable[[int], bool] | None = None,
) -> Status:
    """Read the hand-over files of *data_dir*. Never raises: what is missing or unreadable is None, zero or empty."""
    run = run_folder(data_dir)
    supervisor, controller, keeper, workers = (
        read_supervisor(run),
        read_controller(run),
        read_keeper(run),
        read_workers(run),
    )
    simulated = supervisor.simulated_clock if supervisor else ""
    # What the processes said is told in their time.
    now_us = (read_simulated_us(Path(simulated)) if simulated else None) or clock_us()
    is_alive = is_alive or _is_alive
    processes = _processes(supervisor, controller, keeper, workers, now_us, is_alive)
    # After a rolling restart they have ended, and nobody misses them.
    retired = [report for worker in workers if (report := read_retired(run, worker.index)) and is_alive(report.pid)]
    processes += tuple(
        ProcessStatus(f"worker-{report.index} (finishing)", report.pid, alive=True, silent_s=None, stale=False)
        for report in retired
    )
    digests = {worker.digest for worker in workers}
    agreed = len(digests) <= 1
    digest = digests.pop() if len(digests) == 1 else ""
    silent = tuple(process.name for process in processes if process.stale or not process.alive)
    revisions = {worker.threshold_revision for worker in workers}
    torn = _torn_stops(data_dir)
    alarms = find_alarms(processes, supervisor, controller, keeper, workers, agreed=agreed)
    alarms += tuple(f"{path} cannot be read: it stops everything on this machine" for path in torn)
    return Status(
        data_dir=str(data_dir.resolve()),
        state=_state(processes, alarms),
        alarms=(*alarms, *(f"oversight warning: {one}" for one in (keeper.critical_warnings if keeper else ()))),
        problems=controller.problems if controller else (),
        warnings=(*_say_simulated(simulated), *(controller.warnings if controller else ())),
        digest=digest,
        commit=workers[0].commit if workers and agreed else "",
        agreed=agreed,
        last_good=controller.last_good if controller else False,
        since_us=max((worker.since_us for worker in workers), default=None),
        policy_age_s=_seconds(now_us, controller.policy_confirmed_at_us) if controller else None,
        decisions=_total(workers, "decisions"),
        outcomes=_total(workers, "outcomes"),
        lost=sum(worker.records_lost for worker in workers),
        pending_records=keeper.pending_records if keeper else 0,
        pending_bytes=keeper.pending_bytes if keeper else 0,
        oldest_age_s=_seconds(now_us, keeper.oldest_us) if keeper and keeper.oldest_us else None,
        pending_age_s=_seconds(now_us, keeper.counted_at_us) if keeper and keeper.counted_at_us else None,
        waiting_outcomes=keeper.waiting_outcomes if keeper else 0,
        expired_outcomes=keeper.expired_outcomes if keeper else 0,
        threshold_revision=revisions.pop() if len(revisions) == 1 else None,
        threshold_age_s=_age(now_us, controller.thresholds_confirmed_at_us) if controller else None,
        values=controller.values if controller else (),
        stops=controller.stops if controller else (),
        local_stops=controller.local_stops if controller else 0,
        processes=processes,
        supervisor=supervisor,
        controller=controller,
        keeper=keeper,
        workers=workers,
        policies=policies_of(data_dir) if controller and digest == controller.digest else (),
        advice=advise(supervisor, controller, keeper, workers, silent=silent, agreed=agreed, torn=bool(torn)),
    )


def _torn_stops(data_dir: Path) -> tuple[Path, ...]:
    try:
        return LocalStops(data_dir).unreadable()
    except OSError:
        return ()  # workers and the controller say so


def _say_simulated(clock: str) -> tuple[str, ...]:
    return () if not clock else (f"simulated clock: all times are read from {clock}, none is real",)


def _processes(
    supervisor: SupervisorReport | None,
    controller: ControllerReport | None,
    keeper: KeeperReport | None,
    workers: tuple[WorkerReport, ...],
    now_us: int,
    is_alive: Callable[[int], bool],
) -> tuple[ProcessStatus, ...]:
    said: list[tuple[str, int, int | None]] = []
    if supervisor:
        said.append(("supervisor", supervisor.pid, None))
    if controller:
        said.append(("controller", controller.pid, controller.at_us))
    if keeper:
        said.append(("keeper", keeper.pid, keeper.at_us))
    said += [(f"worker-{worker.index}", worker.pid, worker.at_us) for worker in workers]
    return tuple(
        ProcessStatus(
            name=name,
            pid=pid,
            alive=is_alive(pid),
            silent_s=None if at_us is None else _seconds(now_us, at_us),
            stale=at_us is not None and now_us - at_us > _STALE_US,
        )
        for name, pid, at_us in said
    )


def _state(processes: tuple[ProcessStatus, ...], alarms: tuple[str, ...]) -> str:
    if not any(process.alive for process in processes):
        return "stopped"
    return "impaired" if alarms else "serving"


def _total(workers: tuple[WorkerReport, ...], name: str) -> int:
    return sum(int(worker.counters.get(name, 0)) for worker in workers)


def _age(now_us: int, confirmed_at_us: int) -> float | None:
    """Return how long ago it was confirmed, None where it never was."""
    return _seconds(now_us, confirmed_at_us) if confirmed_at_us else None


def _seconds(now_us: int, then_us: int) -> float:
    return max(0.0, (now_us - then_us) / 1e6)


def _is_alive(pid: int) -> bool:
    """Tell whether *pid* is a process of ours: after a restart of the machine it may be anybody's."""
    try:
        # Empty for a process that has ended and was not yet waited for.
        return b"oversight" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
