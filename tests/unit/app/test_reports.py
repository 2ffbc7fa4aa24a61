"""What processes say about themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from oversight.app.reports import (
    ControllerReport,
    KeeperReport,
    SupervisorReport,
    WorkerReport,
    forget_retired,
    forget_worker,
    read_controller,
    read_keeper,
    read_retired,
    read_supervisor,
    read_worker,
    read_workers,
    reporting_pid,
    write_report,
)

SUPERVISOR = SupervisorReport(1, "127.0.0.1:50051", "127.0.0.1:50052", 10, 2, {"controller": 0, "worker-0": 3})
CONTROLLER = ControllerReport(2, 20, 10, "d" * 64, "c" * 40, 11, 12, 13, problems=("a.yaml:1:1: no",))
KEEPER = KeeperReport(4, 20, 10, "locked", oldest_us=5, feedback_through_us=7)
WORKER = WorkerReport(0, 3, 30, 10, 1, "d" * 64, "c" * 40, 12, 4, 5, {"decisions": 6, "calls": {"m": {"OK": 6}}})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Every field, with its type."""
    for report in (SUPERVISOR, CONTROLLER, KEEPER, WORKER):
        write_report(tmp_path, report)

    assert (SUPERVISOR, CONTROLLER, KEEPER, WORKER) == (
        read_supervisor(tmp_path),
        read_controller(tmp_path),
        read_keeper(tmp_path),
        read_worker(tmp_path, 0),
    )


def test_workers_come_in_their_order(tmp_path: Path) -> None:
    """The tenth stands behind the second."""
    for index in (10, 2, 0):
        write_report(tmp_path, WorkerReport(index, 3, 30, 10, None, "", "", 12, 0, 0))

    assert [0, 2, 10] == [worker.index for worker in read_workers(tmp_path)]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"pid": 1}', '{"pid": 1, "of_a_later_version": 2}'])
def test_what_cannot_be_read_was_not_said(tmp_path: Path, text: str | None) -> None:
    """A reader never fails because a process has not spoken, or speaks another version."""
    if text is not None:
        for name in ("supervisor.json", "controller.json", "keeper.json", "worker-0.0.json"):
            (tmp_path / name).write_text(text)

    assert (None, None) == (read_supervisor(tmp_path), read_controller(tmp_path))
    assert (None, None) == (read_keeper(tmp_path), read_worker(tmp_path, 0))
    assert () == read_workers(tmp_path)


def test_the_report_of_a_process_that_was_replaced_stands_apart(tmp_path: Path) -> None:
    """Two processes are one worker for some seconds; of the tenth generation and the ninth, the tenth is younger."""
    younger, older = replace(WORKER, generation=10), replace(WORKER, pid=2, generation=9)
    write_report(tmp_path, younger)
    write_report(tmp_path, older)

    assert (younger, older) == (read_worker(tmp_path, 0), read_retired(tmp_path, 0))
    assert (older, None) == (read_worker(tmp_path, 0, 9), read_worker(tmp_path, 0, 8))
    assert (younger,) == read_workers(tmp_path)
    assert (3, None) == (reporting_pid(tmp_path, "worker-0"), reporting_pid(tmp_path, "controller"))


def test_only_the_report_of_the_process_that_ended_is_forgotten(tmp_path: Path) -> None:
    """Another one may have taken over already."""
    older = replace(WORKER, pid=7, generation=0)
    younger = replace(WORKER, pid=8, generation=1)
    write_report(tmp_path, older)
    write_report(tmp_path, younger)
    forget_worker(tmp_path, "worker-0", 2)
    assert (younger, older) == (read_worker(tmp_path, 0), read_retired(tmp_path, 0))

    forget_worker(tmp_path, "worker-0", 8)
    forget_worker(tmp_path, "worker-0", 8)
    assert (older, None) == (read_worker(tmp_path, 0), read_retired(tmp_path, 0))


def test_only_the_reports_of_earlier_generations_are_forgotten(tmp_path: Path) -> None:
    """After a hundred rolling restarts there are not a hundred files, and another worker's stay."""
    for generation in range(3):
        write_report(tmp_path, replace(WORKER, generation=generation))
    write_report(tmp_path, replace(WORKER, index=10))

    forget_retired(tmp_path, "worker-0")
    forget_retired(tmp_path, "worker-10")

    assert ["worker-0.2.json", "worker-10.0.json"] == sorted(path.name for path in tmp_path.iterdir())
