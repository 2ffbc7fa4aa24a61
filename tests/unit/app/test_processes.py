"""Which processes a server has, and when each is ready."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from oversight.app.cpus import Cpus
from oversight.app.handover import clear_run, run_folder
from oversight.app.processes import Processes
from oversight.app.reports import WorkerReport, write_report
from oversight.settings import Settings

CPUS = Cpus(allowed=(0, 1), machine=2, quota=None, in_container=False)
WAITS = ("/bin/sh", "-c", "read brief; exit 0")


@pytest.mark.parametrize(
    ("settings", "names", "serving"),
    [
        pytest.param({}, ["worker-0", "worker-1"], 2, id="one for each CPU"),
        pytest.param({"workers": 3}, ["worker-0", "worker-1", "worker-2"], 3, id="as many as set"),
        pytest.param({"workers": 1}, ["worker-0", "worker-1"], 1, id="a lone one has another beside it"),
        pytest.param({"workers": 1, "standby": False}, ["worker-0"], 1, id="unless that is not wanted"),
    ],
)
def test_a_server_has_a_controller_a_keeper_and_its_workers(
    settings: dict[str, int], names: list[str], serving: int, tmp_path: Path
) -> None:
    """Somebody must be there at once when a worker dies."""
    processes = Processes(Settings(data_dir=tmp_path, **settings), CPUS)  # type: ignore[arg-type]  # fields by name

    assert names == [child.name for child in processes.workers]
    assert (serving, len(names) > serving) == (processes.serving, processes.standby)
    assert [*names, "controller", "keeper"] == [child.name for child in processes.all]


def test_a_child_is_ready_when_it_has_reported_itself(tmp_path: Path) -> None:
    """The report of its predecessor is not its own."""
    clear_run(tmp_path)
    processes = Processes(Settings(data_dir=tmp_path, workers=1), CPUS, program=WAITS)
    worker = processes.workers[0]
    report = WorkerReport(0, os.getpid(), 1, 1, None, "", "", 1, 0, 1)
    assert not processes.is_ready(worker), "not started"

    worker.start()
    write_report(run_folder(tmp_path), report)
    assert not processes.is_ready(worker), "somebody else's report"
    write_report(run_folder(tmp_path), replace(report, pid=worker.pid))

    assert processes.is_ready(worker)
    assert 0 == worker.wait(10)
