"""What a worker says about itself each second, also while another process is taking over from it."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path

from oversight.app.current import CurrentSnapshot
from oversight.app.reports import WorkerReport, read_worker, write_report
from oversight.telemetry.counters import Counters

__all__ = ["WorkerReporter"]

_INTERVAL_US = 1_000_000
_log = logging.getLogger(__name__)


class WorkerReporter:
    """
    Writes the report of worker *index*.

    In a rolling restart two processes are that worker for some seconds, and each *generation* has a report of its own.
    What could not be recorded is counted on from the process before, whatever that still lost while this one already
    served. *cpu* is the one it stays on; *journal_problem* says why nothing can be recorded, or ""; *pid* is given in
    tests.
    """

    def __init__(
        self,
        run: Path,
        index: int,
        generation: int,
        cpu: int | None,
        current: CurrentSnapshot,
        counters: Counters,
        *,
        clock_us: Callable[[], int],
        journal_problem: Callable[[], str] = lambda: "",
        pid: int | None = None,
    ) -> None:
        self._run = run
        self._index = index
        self._generation = generation
        self._cpu = cpu
        self._current = current
        self._counters = counters
        self._clock_us = clock_us
        self._journal_problem = journal_problem
        self._pid = os.getpid() if pid is None else pid
        self._started_us = clock_us()
        self._reported_us = 0
        self._failed = False
        self._lost_before = self._read_lost(generation)

    def report_if_due(self) -> None:
        """Report if the last time is a second ago."""
        if self._clock_us() - self._reported_us >= _INTERVAL_US:
            self.report()

    def report(self) -> None:
        """Write the report; where that fails it is logged once."""
        self._reported_us = self._clock_us()
        report = WorkerReport(
            index=self._index,
            pid=self._pid,
            at_us=self._reported_us,
            started_us=self._started_us,
            cpu=self._cpu,
            digest=self._current.snapshot.digest,
            commit=self._current.snapshot.commit,
            since_us=self._current.since_us,
            records_lost=self._count_lost(),
            rss_bytes=_rss_bytes(),
            counters=self._counters.as_dict(),
            problem="; ".join(filter(None, (self._journal_problem(), self._current.problem))),
            generation=self._generation,
            threshold_revision=self._current.snapshot.threshold_revision,
        )
        try:
            write_report(self._run, report)
            self._failed = False
        except OSError as error:
            if not self._failed:
                _log.warning("this worker's report cannot be written: %s", error)
            self._failed = True

    def _count_lost(self) -> int:
        # Never less than was known: that report may be gone.
        self._lost_before = max(self._lost_before, self._read_lost(self._generation - 1))
        return self._lost_before + self._counters.lost

    def _read_lost(self, generation: int) -> int:
        said = read_worker(self._run, self._index, generation)
        return 0 if said is None else said.records_lost


def _rss_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
