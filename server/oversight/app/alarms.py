"""What is wrong with a server, from what its processes say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, WorkerReport

__all__ = ["ProcessStatus", "find_alarms"]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process: whether it lives, and for how many seconds it has said nothing (None: it says nothing regularly)."""

    name: str
    pid: int
    alive: bool
    silent_s: float | None
    stale: bool


def find_alarms(
    processes: tuple[ProcessStatus, ...],
    supervisor: SupervisorReport | None,
    controller: ControllerReport | None,
    keeper: KeeperReport | None,
    workers: tuple[WorkerReport, ...],
    *,
    agreed: bool,
) -> tuple[str, ...]:
    """Return what is wrong with a server whose processes said all this, one sentence each; *agreed*: by like rules."""
    alarms = []
    stopped = not any(process.alive for process in processes)
    for process in () if stopped else processes:
        if not process.alive:
            alarms.append(f"the {process.name} (pid {process.pid}) is not running")
        elif process.stale:
            alarms.append(f"the {process.name} (pid {process.pid}) has said nothing for {process.silent_s:.0f} s")
    if supervisor and not stopped and len(workers) < supervisor.workers:
        alarms.append(f"{len(workers)} of {supervisor.workers} workers have started")
    if supervisor and supervisor.rolling_problem:
        alarms.append(f"the last rolling restart stopped: {supervisor.rolling_problem}")
    alarms += _controller_alarms(controller)
    alarms += _keeper_alarms(keeper)
    if not agreed:
        alarms.append("workers decide by different rules")
    alarms += [f"worker-{worker.index}: {worker.problem}" for worker in workers if worker.problem]
    if lost := sum(worker.records_lost for worker in workers):
        alarms.append(f"{lost} records could not be written since the server started")
    return tuple(alarms)


def _controller_alarms(controller: ControllerReport | None) -> Iterator[str]:
    if controller is None:
        return
    if controller.problems:
        which = "the last good rules of an earlier run decide" if controller.last_good else "the last good ones decide"
        yield f"the rule files have {len(controller.problems)} problem(s); {which}"
    if controller.admin_problem:
        yield f"nothing is served on the admin port: {controller.admin_problem}"
    if controller.control_problem:
        yield f"changes of thresholds and stops may be missing here: {controller.control_problem}"
    if controller.access_problem:
        yield f"whose credentials are taken may be out of date: {controller.access_problem}"
    yield from controller.failing
    yield from controller.broken_constraints


def _keeper_alarms(keeper: KeeperReport | None) -> Iterator[str]:
    if keeper is None:
        return
    if keeper.store_problem:
        yield f"the store does not take records: {keeper.store_problem}"
    if keeper.feedback_problem:
        yield f"outcomes teach nothing at the moment: {keeper.feedback_problem}"
    if keeper.warnings_problem:
        yield f"the warning signs cannot be tested: {keeper.warnings_problem}"
    yield from keeper.failing
