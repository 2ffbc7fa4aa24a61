"""A worker: decides, records, takes outcomes, by the snapshot that the controller published last."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
from pathlib import Path

from opentelemetry.trace import Tracer

from oversight.app.clock import now_us
from oversight.app.cpus import choose_cpu, read_cpus
from oversight.app.current import CurrentSnapshot, wait_for_snapshot
from oversight.app.handover import read_drained_us, run_folder
from oversight.app.keys import load_keys
from oversight.app.reports import WorkerReport, read_worker, write_report
from oversight.app.signals import SignalPipe
from oversight.app.store_reader import StoreReader
from oversight.decisions import Decisions
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.server import Server, build_server
from oversight.journal.journal import Journal
from oversight.outcomes import Outcomes
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from oversight.telemetry.logs import configure_logs
from oversight.telemetry.tracing import start_telemetry

__all__ = ["run_worker"]

_SNAPSHOT_S = 30.0
_LOOK_S = 0.1
_REPORT_US = 1_000_000
_TELEMETRY_S = 1.0
_GC_THRESHOLDS = (50_000, 20, 50)
_log = logging.getLogger(__name__)


def run_worker(settings: Settings, index: int) -> int:
    """
    Run worker *index* until SIGTERM; return 0.

    Raises `StartError` when no rules are published, `AddressError` when the data port cannot be had, `KeyFileError`.
    """
    configure_logs(f"worker-{index}", level=settings.log_level, form=settings.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = SignalPipe(signal.SIGTERM)
    cpu = _pin(index, settings)
    run = run_folder(settings.data_dir)
    current = wait_for_snapshot(run, clock_us=now_us, timeout_s=_SNAPSHOT_S)
    counters = Counters()
    journal = Journal(
        settings.data_dir / "journal" / f"worker-{index}",
        segment_bytes=settings.journal_segment_bytes,
        segment_age_s=settings.journal_segment_age_s,
        max_bytes=settings.journal_max_bytes,
    )
    telemetry = start_telemetry("worker", f"worker-{index}", counters, {})
    server = _build(settings, current, journal, counters, telemetry.tracer)
    reporter = _Reporter(run, index, cpu, current, counters)
    _settle_memory()
    server.start()
    _follow(signals, current, reporter)
    _stop(server, journal, settings.shutdown_grace_s)
    reporter.report()
    telemetry.shutdown(_TELEMETRY_S)
    return 0


def _settle_memory() -> None:
    """
    Take what was loaded at start out of the garbage collector's sight, and collect less often.

    Calls leave no cycles behind; full collections over all loaded modules are milliseconds that some caller waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _build(
    settings: Settings, current: CurrentSnapshot, journal: Journal, counters: Counters, tracer: Tracer | None
) -> Server:
    run = run_folder(settings.data_dir)
    wire = ProtobufWire()
    decisions = Decisions(
        current=current,
        journal=journal,
        wire=wire,
        keys=load_keys(settings),
        reader=StoreReader(settings.data_dir),
        drained_through_us=lambda: read_drained_us(run),
        counters=counters,
        clock_us=now_us,
    )
    outcomes = Outcomes(journal=journal, wire=wire, counters=counters, clock_us=now_us)
    return build_server(
        settings, decisions=decisions, outcomes=outcomes, counters=counters, tracer=tracer, clock_us=now_us
    )


def _pin(index: int, settings: Settings) -> int | None:
    """Stay on one CPU, before there are threads, which inherit it; return which."""
    cpu = choose_cpu(index, settings.worker_pinning, read_cpus())
    if cpu is None:
        return None
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        _log.warning("cannot stay on CPU %d: %s", cpu, error)
        return None
    return cpu


def _follow(signals: SignalPipe, current: CurrentSnapshot, reporter: _Reporter) -> None:
    """Take over newer snapshots and report, until SIGTERM; calls are answered by other threads meanwhile."""
    reporter.report()
    while signal.SIGTERM not in signals.wait(_LOOK_S):
        current.refresh()
        reporter.report_if_due()


def _stop(server: Server, journal: Journal, grace_s: float) -> None:
    server.stop(grace_s)
    journal.close()  # after the last call: none may be answered that cannot be recorded any more


class _Reporter:
    def __init__(self, run: Path, index: int, cpu: int | None, current: CurrentSnapshot, counters: Counters) -> None:
        self._run = run
        self._index = index
        self._cpu = cpu
        self._current = current
        self._counters = counters
        self._started_us = now_us()
        self._reported_us = 0
        self._failed = False
        earlier = read_worker(run, index)
        self._lost_before = earlier.records_lost if earlier is not None else 0

    def report_if_due(self) -> None:
        if now_us() - self._reported_us >= _REPORT_US:
            self.report()

    def report(self) -> None:
        self._reported_us = now_us()
        report = WorkerReport(
            index=self._index,
            pid=os.getpid(),
            at_us=self._reported_us,
            started_us=self._started_us,
            cpu=self._cpu,
            digest=self._current.snapshot.digest,
            commit=self._current.snapshot.commit,
            since_us=self._current.since_us,
            records_lost=self._lost_before + self._counters.lost,
            rss_bytes=_rss_bytes(),
            counters=self._counters.as_dict(),
            problem=self._current.problem,
        )
        try:
            write_report(self._run, report)
            self._failed = False
        except OSError as error:
            if not self._failed:
                _log.warning("this worker's report cannot be written: %s", error)
            self._failed = True


def _rss_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0
