"""Settings that only a whole server can honour."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from oversight.app.reports import ControllerReport, read_controller, read_supervisor
from servers import ServerProcess, started, wait_until


@pytest.mark.parametrize("pinning", ["on", "off"])
def test_workers_stay_on_one_cpu_each_where_they_are_told_to(tmp_path: Path, pinning: str) -> None:
    """A Python process can use one CPU; moving costs it up to a third."""
    allowed = sorted(os.sched_getaffinity(0))
    with started(tmp_path, workers=2, worker_pinning=pinning) as server:
        workers = server.status().workers
        masks = [os.sched_getaffinity(worker.pid) for worker in workers]

    if pinning == "on":
        expected = [allowed[index % len(allowed)] for index in range(2)]
        assert [{cpu} for cpu in expected] == masks
        assert expected == [worker.cpu for worker in workers]
    else:
        assert [set(allowed)] * 2 == masks
        assert [None, None] == [worker.cpu for worker in workers]


def test_deciding_wins_a_shared_cpu(server: ServerProcess) -> None:
    """The keeper drains when there is time; the controller is nicer than workers, but for what must not wait."""
    server.start()
    status = server.status()
    assert status.controller is not None
    assert status.keeper is not None
    processes = (server.worker_pid(), status.controller.pid, status.keeper.pid)

    worker, controller, keeper = (os.getpriority(os.PRIO_PROCESS, pid) for pid in processes)
    urgent = [one for one in threads(status.controller.pid) if os.getpriority(os.PRIO_PROCESS, one) == worker]

    assert os.getpriority(os.PRIO_PROCESS, 0) == worker < controller < keeper
    # So that a worker that wakes need not wait for the end of the keeper's slice.
    assert [os.SCHED_OTHER, os.SCHED_OTHER, os.SCHED_IDLE] == list(map(os.sched_getscheduler, processes))
    prompt = [one for one in threads(status.keeper.pid) if os.sched_getscheduler(one) != os.SCHED_IDLE]
    assert [controller] == [os.getpriority(os.PRIO_PROCESS, one) for one in prompt], "commits, and nothing else"
    assert 3 == len(urgent), "stops and thresholds, tokens, keys"
    assert {os.SCHED_OTHER} == set(map(os.sched_getscheduler, threads(status.controller.pid)))


def threads(pid: int) -> list[int]:
    """Return the ids of a process' threads."""
    return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]


def test_no_secret_and_no_setting_stands_in_the_arguments_of_a_process(server: ServerProcess) -> None:
    """Every user of the machine may read them."""
    server.start()

    arguments = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in server.child_pids()]

    assert [[b"controller", b""], [b"keeper", b""], [b"worker", b"--index", b"0", b""]] == [
        given[given.index(b"oversight.app") + 1 :] for given in arguments
    ]


def test_a_signal_in_the_middle_of_a_start_is_a_stop(server: ServerProcess) -> None:
    """A process manager may change its mind."""
    server.launch()
    wait_until(lambda: read_supervisor(server.data_dir / "run"), "the start to begin")

    os.kill(server.pid, signal.SIGTERM)

    assert 0 == server.wait()
    assert b"" == server.out.read_bytes()


def test_a_store_that_is_away_keeps_no_server_from_starting(server: ServerProcess) -> None:
    """Records wait; the operator is told."""
    server.data_dir.mkdir()
    (server.data_dir / "records.db").mkdir()

    server.start()

    assert server.decide("r").recorded
    status = wait_until(lambda: found if (found := server.status()).pending_records == 1 else None, "it to wait")
    assert any("the store does not take records" in alarm for alarm in status.alarms)
    (server.data_dir / "records.db").rmdir()
    wait_until(lambda: server.status().state == "serving", "the store to be made")
    assert 0 == server.terminate()


def test_a_store_of_another_version_ends_the_start(server: ServerProcess) -> None:
    """Records must not be written into tables that mean something else."""
    server.start()
    server.terminate()
    with closing(sqlite3.connect(server.data_dir / "records.db", isolation_level=None)) as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")

    server.launch()

    assert 1 == server.wait()
    assert "9999" in server.log.read_text()
    assert "oversight keeper: " in server.log.read_text()


def test_the_folder_of_rules_is_looked_at_as_often_as_said(tmp_path: Path) -> None:
    """A folder on a slow network share need not be read each second."""
    with started(tmp_path, policy_poll_s=3600) as server:
        # The loop begins with a look, after the one that published; after that none is due for an hour.
        first = wait_until(lambda: looked_again(server), "the loop's first look")
        later = heartbeat(server, from_s=(first.at_us - first.started_us) / 1e6 + 2)

    assert first.policy_confirmed_at_us == later.policy_confirmed_at_us


def looked_again(server: ServerProcess) -> ControllerReport | None:
    """Return what the controller says once it has looked at the rules since it published them."""
    found = read_controller(server.data_dir / "run")
    return found if found and found.policy_confirmed_at_us > found.published_us else None


def heartbeat(server: ServerProcess, *, from_s: float) -> ControllerReport:
    """Return what the controller says when it has run for *from_s* seconds."""

    def late_enough() -> ControllerReport | None:
        found = read_controller(server.data_dir / "run")
        return found if found and found.at_us - found.started_us >= from_s * 1e6 else None

    return wait_until(late_enough, f"a heartbeat after {from_s} s")


@pytest.mark.parametrize("settings", [{"journal_segment_bytes": 4096}, {"journal_segment_age_s": 0.05}])
def test_a_segment_is_closed_at_the_size_and_the_age_that_are_set(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Only a closed segment can be removed, and with it what an erasure must reach."""
    with started(tmp_path, drain_interval_s=60, **settings) as server:
        wait_until(
            lambda: server.decide().recorded and len(list((server.data_dir / "journal").rglob("*.journal"))) > 1,
            "a second segment",
        )


def test_a_journal_that_nobody_drains_stops_at_the_size_that_is_set(tmp_path: Path) -> None:
    """The disk belongs to others too; what is not recorded any more is answered for people."""
    limit_bytes = 65_536
    settings: dict[str, Any] = {"drain_interval_s": 60, "journal_max_bytes": limit_bytes, "journal_segment_bytes": 4096}
    with started(tmp_path, **settings) as server:
        last = wait_until(lambda: None if (reply := server.decide()).recorded else reply, "the limit")
        held_bytes = sum(path.stat().st_size for path in (server.data_dir / "journal").rglob("*.journal"))

    assert "RECORD_UNAVAILABLE" in [reason.code for reason in last.reasons]
    assert limit_bytes - 4096 < held_bytes <= limit_bytes


@pytest.mark.parametrize(
    ("settings", "processes", "words"),
    [
        ({}, {"supervisor", "controller"}, '"message": "stopped"'),
        ({"log_format": "text"}, set(), "stopped"),
        ({"log_level": "error"}, set(), ""),
    ],
)
def test_every_process_logs_in_the_form_and_from_the_level_that_are_set(
    tmp_path: Path, settings: dict[str, Any], processes: set[str], words: str
) -> None:
    """A log that machines cannot read, or that says too much, is read by nobody."""
    with started(tmp_path, **settings) as server:
        server.terminate()

    # What a keeper has to say depends on the moment: here it may have tested the warning signs already.
    assert processes == {line["process"] for line in server.log_lines()} - {"keeper"}
    assert words in server.log.read_text()
    assert ("stopped" in words) == ("stopped" in server.log.read_text())
