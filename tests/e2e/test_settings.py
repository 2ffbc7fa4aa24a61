"""Settings that only a whole server can honour."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from oversight.app.reports import read_supervisor
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
    """The controller compiles and drains when there is time."""
    server.start()
    controller = server.status().controller
    assert controller is not None

    niceness = {pid: os.getpriority(os.PRIO_PROCESS, pid) for pid in (controller.pid, server.worker_pid())}

    assert os.getpriority(os.PRIO_PROCESS, 0) == niceness[server.worker_pid()]
    assert niceness[controller.pid] > niceness[server.worker_pid()]


def test_no_secret_and_no_setting_stands_in_the_arguments_of_a_process(server: ServerProcess) -> None:
    """Every user of the machine may read them."""
    server.start()

    arguments = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in server.child_pids()]

    assert [[b"controller", b""], [b"worker", b"--index", b"0", b""]] == [
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
        store.execute("UPDATE schema_version SET version = 99")

    server.launch()

    assert 1 == server.wait()
    assert "99" in server.log.read_text()
    assert "oversight controller: " in server.log.read_text()
