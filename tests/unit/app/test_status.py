"""What `oversight status` says of a server, running or not."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from oversight.app.handover import clear_run, run_folder
from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, WorkerReport, write_report
from oversight.app.status import Status, read_status

NOW_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
DIGEST = "d" * 64

SUPERVISOR = SupervisorReport(1, "127.0.0.1:50051", "127.0.0.1:50052", NOW_US - 60 * SECOND_US, 2)
CONTROLLER = ControllerReport(
    2, NOW_US - SECOND_US, NOW_US, DIGEST, "c" * 40, NOW_US, NOW_US - 2 * SECOND_US, NOW_US - SECOND_US
)
KEEPER = KeeperReport(5, NOW_US - SECOND_US, NOW_US, counted_at_us=NOW_US - SECOND_US)
WORKER = WorkerReport(
    0, 3, NOW_US, NOW_US, 0, DIGEST, "c" * 40, NOW_US - 9 * SECOND_US, 0, 1, {"decisions": 5, "outcomes": 2}
)
OTHER = replace(WORKER, index=1, pid=4, since_us=NOW_US - 8 * SECOND_US)


def status_of(
    data_dir: Path,
    *,
    supervisor: SupervisorReport | None = SUPERVISOR,
    controller: ControllerReport | None = CONTROLLER,
    keeper: KeeperReport | None = KEEPER,
    workers: tuple[WorkerReport, ...] = (WORKER, OTHER),
    dead: tuple[int, ...] = (),
) -> Status:
    """Return the status of a server that said this."""
    clear_run(data_dir)
    for report in (supervisor, controller, keeper, *workers):
        if report is not None:
            write_report(run_folder(data_dir), report)
    return read_status(data_dir, clock_us=lambda: NOW_US, is_alive=lambda pid: pid not in dead)


def test_a_server_that_is_well_has_no_alarms(tmp_path: Path) -> None:
    """What is in force, since when, and how much was done."""
    status = status_of(tmp_path)

    assert ("serving", (), ()) == (status.state, status.alarms, status.advice)
    assert (DIGEST, "c" * 40, True) == (status.digest, status.commit, status.agreed)
    assert (NOW_US - 8 * SECOND_US, 2.0) == (status.since_us, status.policy_age_s)
    assert (10, 4, 0) == (status.decisions, status.outcomes, status.lost)
    assert ["supervisor", "controller", "keeper", "worker-0", "worker-1"] == [one.name for one in status.processes]
    assert (SUPERVISOR, CONTROLLER, KEEPER) == (status.supervisor, status.controller, status.keeper)
    assert (WORKER, OTHER) == status.workers


def test_a_critical_warning_is_named_and_the_server_is_well(tmp_path: Path) -> None:
    """It is about what people have to do, and no reason to take the server out."""
    keeper = replace(KEEPER, critical_warnings=("CSAT_FALLS (department orders): It fell.",))
    status = status_of(tmp_path, keeper=keeper)

    assert ("serving", ("oversight warning: CSAT_FALLS (department orders): It fell.",)) == (
        status.state,
        status.alarms,
    )
    untested = status_of(tmp_path, keeper=replace(keeper, warnings_problem="the store is away"))
    assert ("impaired", "the warning signs cannot be tested: the store is away") == (
        untested.state,
        untested.alarms[0],
    )
    (advice,) = untested.advice
    assert "nobody knows how they stand" in advice


def test_a_folder_without_a_server_is_stopped(tmp_path: Path) -> None:
    """The command works before the first start, and says so."""
    for folder in (tmp_path, tmp_path / "missing"):
        status = read_status(folder)

        assert ("stopped", ()) == (status.state, status.processes)
        assert ("", None, None, None) == (status.digest, status.supervisor, status.since_us, status.policy_age_s)


def test_a_server_that_has_ended_is_stopped(tmp_path: Path) -> None:
    """Its last words are still there."""
    status = status_of(tmp_path, dead=(1, 2, 3, 4, 5))

    assert ("stopped", ()) == (status.state, status.alarms)
    assert DIGEST == status.digest


@pytest.mark.parametrize(
    ("said", "alarm"),
    [
        ({"dead": (2,)}, "the controller (pid 2) is not running"),
        ({"dead": (5,)}, "the keeper (pid 5) is not running"),
        (
            {"keeper": replace(KEEPER, at_us=NOW_US - 8 * SECOND_US)},
            "the keeper (pid 5) has said nothing for 8 s",
        ),
        ({"dead": (4,)}, "the worker-1 (pid 4) is not running"),
        (
            {"controller": replace(CONTROLLER, at_us=NOW_US - 7 * SECOND_US)},
            "the controller (pid 2) has said nothing for 7 s",
        ),
        (
            {"workers": (replace(WORKER, at_us=NOW_US - 6 * SECOND_US), OTHER)},
            "the worker-0 (pid 3) has said nothing for 6 s",
        ),
        (
            {"controller": replace(CONTROLLER, problems=("a.yaml:1:1: no", "b.yaml:1:1: no"))},
            "the rule files have 2 problem(s); the last good ones decide",
        ),
        (
            {"controller": replace(CONTROLLER, problems=("a.yaml:1:1: no",), last_good=True)},
            "the rule files have 1 problem(s); the last good rules of an earlier run decide",
        ),
        (
            {"supervisor": replace(SUPERVISOR, rolling_problem="the new worker-0 was not ready within 60 s")},
            "the last rolling restart stopped: the new worker-0 was not ready within 60 s",
        ),
        ({"keeper": replace(KEEPER, store_problem="locked")}, "the store does not take records: locked"),
        ({"keeper": replace(KEEPER, failing=("retention fails",))}, "retention fails"),
        ({"controller": replace(CONTROLLER, failing=("the lapse fails",))}, "the lapse fails"),
        (
            {"controller": replace(CONTROLLER, control_problem="locked")},
            "changes of thresholds and stops may be missing here: locked",
        ),
        (
            {"controller": replace(CONTROLLER, broken_constraints=("the constraint 'a < b' does not hold",))},
            "the constraint 'a < b' does not hold",
        ),
        ({"workers": (WORKER, replace(OTHER, digest="e" * 64))}, "workers decide by different rules"),
        ({"workers": (WORKER, replace(OTHER, problem="cannot load"))}, "worker-1: cannot load"),
        ({"workers": (WORKER,)}, "1 of 2 workers have started"),
        (
            {"workers": (replace(WORKER, records_lost=2), replace(OTHER, records_lost=1))},
            "3 records could not be written since the server started",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, said: dict[str, object], alarm: str) -> None:
    """Someone reads it at night, and must know what to look at."""
    status = status_of(tmp_path, **said)  # type: ignore[arg-type]  # each case gives arguments of its own

    assert ("impaired", (alarm,)) == (status.state, status.alarms)
    assert 1 == len(status.advice), "and what to do about it is another"


@pytest.mark.parametrize("alive", [True, False])
def test_one_that_is_finishing_is_shown_while_it_lives(tmp_path: Path, alive: bool) -> None:
    """In a rolling restart a worker is two processes; afterwards nobody misses the older one."""
    younger = replace(WORKER, generation=1)
    retired = replace(WORKER, pid=6, at_us=NOW_US - 60 * SECOND_US, digest="e" * 64)

    status = status_of(tmp_path, workers=(younger, OTHER, retired), dead=() if alive else (6,))

    assert ("serving", (), DIGEST) == (status.state, status.alarms, status.digest)
    shown = [process.name for process in status.processes if process.pid == 6]
    assert (["worker-0 (finishing)"] if alive else []) == shown
    assert (younger, OTHER) == status.workers


def test_workers_that_differ_have_no_digest_in_common(tmp_path: Path) -> None:
    """For some milliseconds of a change that is right; for longer it is not."""
    status = status_of(tmp_path, workers=(WORKER, replace(OTHER, digest="e" * 64)))

    assert ("", "", False) == (status.digest, status.commit, status.agreed)


def test_what_waits_is_shown_with_its_age(tmp_path: Path) -> None:
    """How late records are."""
    waiting = replace(KEEPER, pending_records=3, pending_bytes=900, oldest_us=NOW_US - 4 * SECOND_US)

    status = status_of(tmp_path, keeper=waiting)

    assert (3, 900, 4.0) == (status.pending_records, status.pending_bytes, status.oldest_age_s)


def test_a_count_of_what_waits_has_an_age_of_its_own(tmp_path: Path) -> None:
    """A keeper that gets no CPU, or waits for the store, says an old number; nobody must take it for today's."""
    assert 1.0 == status_of(tmp_path).pending_age_s
    assert 70.0 == status_of(tmp_path, keeper=replace(KEEPER, counted_at_us=NOW_US - 70 * SECOND_US)).pending_age_s
    assert None is status_of(tmp_path, keeper=replace(KEEPER, counted_at_us=0)).pending_age_s
    assert None is status_of(tmp_path, keeper=None).pending_age_s


def test_only_processes_of_ours_count_as_alive(tmp_path: Path) -> None:
    """After a restart of the machine the same numbers belong to others."""
    code = "import sys; sys.stdin.read()"
    with (
        subprocess.Popen([sys.executable, "-c", f"'oversight'; {code}"], stdin=subprocess.PIPE) as ours,
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as others,
    ):
        clear_run(tmp_path)
        write_report(run_folder(tmp_path), replace(SUPERVISOR, pid=ours.pid))
        write_report(run_folder(tmp_path), replace(WORKER, pid=others.pid))
        write_report(run_folder(tmp_path), replace(OTHER, pid=2**22 + os.getpid()))

        alive = {process.name: process.alive for process in read_status(tmp_path).processes}

    assert {"supervisor": True, "worker-0": False, "worker-1": False} == alive


def test_thresholds_and_stops_are_those_that_all_workers_have(tmp_path: Path) -> None:
    """The revision is what an administrator compares with the reply to a change."""
    stop = {"department": "bank", "intent": None, "author": "anna", "at_us": 5, "justification": "wrong answers"}
    controller = replace(CONTROLLER, thresholds_confirmed_at_us=NOW_US - 2 * SECOND_US, stops=(stop,), local_stops=2)
    workers = (replace(WORKER, threshold_revision=7), replace(OTHER, threshold_revision=7))

    status = status_of(tmp_path, controller=controller, workers=workers)

    assert (7, 2.0, (stop,), 2) == (
        *(status.threshold_revision, status.threshold_age_s),
        *(status.stops, status.local_stops),
    )
    differ = status_of(tmp_path, controller=controller, workers=(workers[0], replace(OTHER, threshold_revision=6)))
    assert differ.threshold_revision is None


def test_a_server_with_a_simulated_clock_is_judged_by_its_own_time(tmp_path: Path) -> None:
    """By the machine's time every process would have said nothing for months; and who looks must know."""
    clock = tmp_path / "clock"
    clock.write_bytes((NOW_US + 2 * SECOND_US).to_bytes(8, "little", signed=True))
    supervisor = replace(SUPERVISOR, simulated_clock=str(clock))
    clear_run(tmp_path)
    for report in (supervisor, replace(CONTROLLER, warnings=("a rule",)), WORKER, OTHER):
        write_report(run_folder(tmp_path), report)

    status = read_status(tmp_path, clock_us=lambda: NOW_US + 10**15, is_alive=lambda _: True)

    assert ("serving", 4.0) == (status.state, status.policy_age_s)
    assert (f"simulated clock: all times are read from {clock}, none is real", "a rule") == status.warnings


def test_a_stop_that_cannot_be_read_is_an_alarm_with_advice(tmp_path: Path) -> None:
    """Everything is stopped here, and nobody would know why."""
    (tmp_path / "stops").mkdir()
    torn = tmp_path / "stops" / "torn.json"
    torn.write_text("{")
    status = status_of(tmp_path)

    assert ("impaired", (f"{torn} cannot be read: it stops everything on this machine",)) == (
        status.state,
        status.alarms,
    )
    assert ("the stop that cannot be read: find out what it was for",) == tuple(
        one.partition(",")[0] for one in status.advice
    )


def test_a_folder_of_stops_that_cannot_be_read_leaves_the_rest_of_the_status(tmp_path: Path) -> None:
    """What workers say of it is all there is to say."""
    (tmp_path / "stops").touch()

    assert "serving" == status_of(tmp_path).state


def test_a_feed_that_stands_still_is_an_alarm_with_advice(tmp_path: Path) -> None:
    """Error rates that do not move look like error rates that are well."""
    status = status_of(tmp_path, keeper=replace(KEEPER, feedback_problem="the store cannot be read: away"))

    assert ("outcomes teach nothing at the moment: the store cannot be read: away",) == status.alarms
    assert ("impaired", 1) == (status.state, len(status.advice))
    assert "mend the store" in status.advice[0]
