"""The reports of a worker, and of two processes that are one worker for a while."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from builders import a_policy
from oversight.app.current import CurrentSnapshot
from oversight.app.reports import WorkerReport, forget_worker, read_retired, read_worker, read_workers
from oversight.app.snapshot_file import publish_snapshot
from oversight.app.worker_reporter import WorkerReporter
from oversight.engine.compile import compile_policies
from oversight.policies import SnapshotSource, assemble_source
from oversight.telemetry.counters import Counters

SECOND_US = 1_000_000


class Clock:
    """Microseconds that pass when told to."""

    now_us = 1_800_000_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us


class Workers:
    """Processes that are worker 0, one after the other or at the same time."""

    def __init__(self, run: Path) -> None:
        blueprint = compile_policies({"contact_centre": a_policy(version="1")})
        source = SnapshotSource(files={}, default_policy="contact_centre", commit="")
        publish_snapshot(run, assemble_source(source, blueprint), blueprint, source)
        self.run = run
        self.clock = Clock()

    def start(
        self, pid: int, generation: int = 0, *, lost: int = 0, counters: Counters | None = None
    ) -> WorkerReporter:
        """Return the reporter of a process that has lost so many records."""
        counters = counters or Counters()
        counters.count_lost(lost)
        current = CurrentSnapshot(self.run, clock_us=self.clock)
        return WorkerReporter(self.run, 0, generation, 3, current, counters, clock_us=self.clock, pid=pid)

    def said(self) -> WorkerReport:
        """Return the report of worker 0."""
        report = read_worker(self.run, 0)
        assert report is not None
        return report

    def pids(self) -> tuple[int, int | None]:
        """Return who says to be worker 0, and who to have been."""
        retired = read_retired(self.run, 0)
        return self.said().pid, None if retired is None else retired.pid


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    """A run folder with rules in it, and nobody there yet."""
    return Workers(tmp_path)


def test_a_report_says_who_where_and_by_what(workers: Workers) -> None:
    """What `oversight status` knows of a worker."""
    workers.start(7).report()

    said = workers.said()
    assert (0, 7, 3, 0, 0) == (said.index, said.pid, said.cpu, said.generation, said.records_lost)
    assert (64, workers.clock.now_us) == (len(said.digest), said.at_us)
    assert said.rss_bytes > 1_000_000


def test_it_is_written_once_a_second(workers: Workers) -> None:
    """The loop comes by ten times as often."""
    reporter = workers.start(7)
    reporter.report()
    first_us = workers.clock.now_us

    workers.clock.now_us += SECOND_US - 1
    reporter.report_if_due()
    assert first_us == workers.said().at_us

    workers.clock.now_us += 1
    reporter.report_if_due()
    assert first_us + SECOND_US == workers.said().at_us


def test_the_one_that_was_replaced_reports_apart(workers: Workers) -> None:
    """Else the worker would seem to be now this process, now that, and a replacement never to be ready."""
    old = workers.start(7)
    old.report()
    new = workers.start(8, 1)
    old.report()
    assert (7, None) == workers.pids(), "it serves until the other one does"

    new.report()
    old.report()

    assert (8, 7) == workers.pids(), "whichever of them was the last"
    assert (8,) == tuple(report.pid for report in read_workers(workers.run))


def test_one_that_took_over_from_a_killed_one_is_the_worker(workers: Workers) -> None:
    """The report of the dead process is still there."""
    workers.start(7).report()

    again = workers.start(8)
    again.report()
    again.report()

    assert (8, None) == workers.pids()


def test_one_that_is_started_again_does_not_get_in_the_way_of_its_replacement(workers: Workers) -> None:
    """It was killed while its replacement was starting; whoever reports first, the replacement is the worker."""
    workers.start(7, lost=2).report()
    new = workers.start(8, 1, lost=1)
    again = workers.start(9, lost=4)

    again.report()
    new.report()
    again.report()

    assert (8, 9) == workers.pids()
    assert 7 == workers.said().records_lost, "of all three"


def test_one_whose_replacement_failed_is_the_worker_again(workers: Workers) -> None:
    """The replacement may die just after it has reported."""
    old = workers.start(7)
    old.report()
    workers.start(8, 1).report()
    forget_worker(workers.run, "worker-0", 7)
    assert 8 == workers.said().pid, "only its own report is taken away"

    forget_worker(workers.run, "worker-0", 8)
    old.report()

    assert (7, None) == workers.pids()


def test_what_was_lost_is_counted_on_over_every_replacement(workers: Workers) -> None:
    """One counter says how blind the operator is; a restart must not make it smaller."""
    first = workers.start(7, lost=2)
    first.report()
    killed = workers.start(8, lost=3)
    killed.report()
    assert 5 == workers.said().records_lost

    last = workers.start(9, lost=10)
    last.report()
    assert 15 == workers.said().records_lost


def test_what_the_predecessor_lost_while_it_finished_is_counted(workers: Workers) -> None:
    """Both served for a while; the report that stays is the younger one's."""
    counters = Counters()
    old = workers.start(7, counters=counters)
    old.report()
    new = workers.start(8, 1, lost=1)
    new.report()

    counters.count_lost(4)
    old.report()
    new.report()

    assert 5 == workers.said().records_lost


def test_a_report_that_cannot_be_written_is_said_once(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk for an hour is one line, not 3,600."""
    reporter = workers.start(7)
    (workers.run / "worker-0.0.json").mkdir()

    with caplog.at_level(logging.WARNING):
        reporter.report()
        reporter.report()

    assert 1 == len([line for line in caplog.messages if "report cannot be written" in line])
    (workers.run / "worker-0.0.json").rmdir()
    reporter.report()
    assert 7 == workers.said().pid


def test_what_keeps_a_worker_from_recording_is_in_its_report(tmp_path: Path) -> None:
    """`oversight status` has no other way to learn it."""
    workers = Workers(tmp_path)
    current = CurrentSnapshot(tmp_path, clock_us=workers.clock)
    reporter = WorkerReporter(
        tmp_path, 0, 0, None, current, Counters(), clock_us=workers.clock, journal_problem=lambda: "the disk is full"
    )

    reporter.report()

    assert "the disk is full" == workers.said().problem
