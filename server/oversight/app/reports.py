"""What each process says about itself, as files in the data folder's `run` that anyone may read at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from oversight.app.handover import write_file

__all__ = [
    "ControllerReport",
    "KeeperReport",
    "SupervisorReport",
    "WorkerReport",
    "forget_retired",
    "forget_worker",
    "read_controller",
    "read_keeper",
    "read_retired",
    "read_supervisor",
    "read_worker",
    "read_workers",
    "reporting_pid",
    "write_report",
]

_Report = TypeVar("_Report", "ControllerReport", "KeeperReport", "SupervisorReport", "WorkerReport")
_Any: TypeAlias = "SupervisorReport | ControllerReport | KeeperReport | WorkerReport"


@dataclass(frozen=True, slots=True)
class SupervisorReport:
    """
    What the supervisor says of itself.

    `workers` decide, with `standby` another one waits; `restarts` maps a child (`worker-0`) to how often it died and
    was started anew. `rolling`: a rolling restart is under way; `rolling_problem`: why the last one stopped, or empty.
    `simulated_clock` is the file that the time is read from, empty where it is the machine's.
    `tls`: the data port speaks TLS.
    """

    pid: int
    listen: str
    admin_listen: str
    started_us: int
    workers: int
    restarts: Mapping[str, int] = field(default_factory=dict)
    standby: bool = False
    rolling: bool = False
    rolling_problem: str = ""
    simulated_clock: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class ControllerReport:
    """
    The controller's heartbeat, each second and at every change.

    `digest` and `commit` are of the snapshot published last. `policy_confirmed_at_us` is when the folder was last found
    to say just that; `problems` are why it does not; `last_good` is True while an earlier start's rules are served.
    `failing` says which of its steps ended with an unexpected error when they were taken last. `admin_problem` says why
    nothing is served on the admin port, `access_problem` why it may be out of date whose credentials are taken.

    `threshold_revision` is that of the administrators' last event in what is published, `values` and `stops` are what
    is in force by it, as JSON has them; `control_problem` says why newer ones may be missing, and `local_stops` how
    many are engaged on this machine alone.
    """

    pid: int
    at_us: int
    started_us: int
    digest: str
    commit: str
    published_us: int
    policy_confirmed_at_us: int
    thresholds_confirmed_at_us: int
    last_good: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    admin_problem: str = ""
    threshold_revision: int = 0
    values: tuple[Mapping[str, Any], ...] = ()
    stops: tuple[Mapping[str, Any], ...] = ()
    control_problem: str = ""
    local_stops: int = 0
    access_problem: str = ""
    broken_constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeeperReport:
    """
    The keeper's heartbeat, each second.

    `store_problem` says why the store takes no records, or is empty. Everything appended before `drained_through_us` is
    in the store (0: not known). `pending_*` and `oldest_us` describe what is in journals and not in the store, as of
    `counted_at_us` (0: not counted yet); of the outcomes that are in the store, `waiting_outcomes` have no decision
    there yet, and for `expired_outcomes` retention's time is over. `failing` says which of its steps ended with an
    unexpected error when they were taken last.

    The loop that learns from outcomes has come through `feedback_through_us` (None: nowhere yet); `feedback_problem`
    says why it does not go on, or is empty. `critical_warnings` are the warning signs that stand at critical, in words,
    at most ten; `warnings_problem` says why the signs could not be tested, or is empty.
    """

    pid: int
    at_us: int
    started_us: int
    store_problem: str = ""
    drained_through_us: int = 0
    pending_records: int = 0
    pending_bytes: int = 0
    oldest_us: int | None = None
    counted_at_us: int = 0
    waiting_outcomes: int = 0
    expired_outcomes: int = 0
    failing: tuple[str, ...] = ()
    feedback_problem: str = ""
    feedback_through_us: int | None = None
    critical_warnings: tuple[str, ...] = ()
    warnings_problem: str = ""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """
    One worker's state, each second.

    `records_lost` counts since the server started, over restarts of this worker; `counters` only since the worker did.
    `since_us` is when `digest` came into force here. `problem` is what it cannot do at the moment, or empty. Of two
    processes that are one worker for a while, the one of the younger `generation` has taken over as soon as it reports.
    """

    index: int
    pid: int
    at_us: int
    started_us: int
    cpu: int | None
    digest: str
    commit: str
    since_us: int
    records_lost: int
    rss_bytes: int
    counters: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    generation: int = 0
    threshold_revision: int = 0


def write_report(run: Path, report: _Any) -> None:
    """Replace the file of *report*. Raises OSError."""
    write_file(run / _file_name(report), json.dumps(asdict(report)).encode())


def read_supervisor(run: Path) -> SupervisorReport | None:
    """Return what the supervisor last said; None where it said nothing that can be read."""
    return _read_report(run / "supervisor.json", SupervisorReport)


def read_controller(run: Path) -> ControllerReport | None:
    """Return the controller's last heartbeat; None where there is none that can be read."""
    return _read_report(run / "controller.json", ControllerReport)


def read_keeper(run: Path) -> KeeperReport | None:
    """Return the keeper's last heartbeat; None where there is none that can be read."""
    return _read_report(run / "keeper.json", KeeperReport)


def read_worker(run: Path, index: int, generation: int | None = None) -> WorkerReport | None:
    """Return what worker *index* last said, of *generation* or the youngest; None where it said nothing readable."""
    if generation is not None:
        return _read_report(run / f"worker-{index}.{generation}.json", WorkerReport)
    return next(_read_generations(run, f"worker-{index}"), None)


def read_workers(run: Path) -> tuple[WorkerReport, ...]:
    """Return what each worker last said, by index."""
    names = {path.name.partition(".")[0] for path in run.glob("worker-*.json")}
    found = (next(_read_generations(run, name), None) for name in names)
    return tuple(sorted((report for report in found if report is not None), key=lambda report: report.index))


def read_retired(run: Path, index: int) -> WorkerReport | None:
    """Return what the process that was worker *index* before said last; None where no process was replaced."""
    return next(islice(_read_generations(run, f"worker-{index}"), 1, None), None)


def reporting_pid(run: Path, name: str) -> int | None:
    """Return the process id in the youngest report of *name* (`controller`, `worker-0`); None where there is none."""
    return _pid_in(_paths(run, name)[0])


def forget_worker(run: Path, name: str, pid: int) -> None:
    """Remove the report of the worker *name* that is of process *pid*, which has ended."""
    for path in _paths(run, name):
        if _pid_in(path) == pid:
            path.unlink(missing_ok=True)


def forget_retired(run: Path, name: str) -> None:
    """Remove the reports of the processes that the worker *name* was before; they have ended."""
    for path in _paths(run, name)[1:]:
        path.unlink(missing_ok=True)


def _paths(run: Path, name: str) -> list[Path]:
    """Return where the reports of *name* are or would be, the youngest first."""
    # A file for each generation: two processes that shared one could put the older one's words over the younger's.
    numbered = [(path.name.split(".")[1], path) for path in run.glob(f"{name}.*.json")]
    found = sorted(((int(number), path) for number, path in numbered if number.isdecimal()), reverse=True)
    return [path for _, path in found] or [run / f"{name}.json"]


def _read_generations(run: Path, name: str) -> Iterator[WorkerReport]:
    reports = (_read_report(path, WorkerReport) for path in _paths(run, name))
    return (report for report in reports if report is not None)


def _pid_in(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_bytes())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file_name(report: _Any) -> str:
    match report:
        case SupervisorReport():
            return "supervisor.json"
        case ControllerReport():
            return "controller.json"
        case KeeperReport():
            return "keeper.json"
        case WorkerReport():
            return f"worker-{report.index}.{report.generation}.json"


def _read_report(path: Path, kind: type[_Report]) -> _Report | None:
    try:
        said = json.loads(path.read_bytes())
        # JSON knows lists only; in our values they are tuples.
        values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in said.items()}
        return kind(**values)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
