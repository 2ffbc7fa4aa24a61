"""A worker: decides, records, takes outcomes, by the snapshot that the controller published last."""

from __future__ import annotations

import gc
import logging
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

from oversight.app.access import CurrentAccess
from oversight.app.clock import now_us
from oversight.app.cpus import choose_cpu, read_cpus
from oversight.app.current import CurrentSnapshot, wait_for_snapshot
from oversight.app.handover import read_drained_us, run_folder
from oversight.app.journal_watch import JournalWatch
from oversight.app.keys import load_keys
from oversight.app.listeners import Listeners
from oversight.app.local_stops import LocalStops
from oversight.app.repetition import Repetition
from oversight.app.signals import SignalPipe
from oversight.app.store_reader import StoreReader
from oversight.app.worker_reporter import WorkerReporter
from oversight.decisions import Decisions
from oversight.grpc_api.convert.frames import decode_frame
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.server import Server, build_server
from oversight.journal.journal import Journal
from oversight.journal.search import JournalSearch
from oversight.outcomes import Outcomes
from oversight.reading import Reading
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from oversight.telemetry.logs import configure_logs
from oversight.telemetry.tracing import start_telemetry

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallTracer

__all__ = ["run_worker"]

_SNAPSHOT_S = 30.0
_LOOK_S = 0.1
_UPKEEP_S = 0.25
_TELEMETRY_S = 1.0
_GC_THRESHOLDS = (50_000, 20, 50)
_log = logging.getLogger(__name__)


def run_worker(settings: Settings, index: int, *, generation: int = 0, in_turn: bool = False) -> int:
    """
    Run worker *index* until SIGTERM; return 0.

    A younger *generation* takes over from an older one. With *in_turn* it gets no connections while another worker has
    listened longer.

    Raises `StartError` when no rules are published, `AddressError` when the data port cannot be had, `KeyFileError`.
    """
    configure_logs(f"worker-{index}", level=settings.log_level, form=settings.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SignalPipe(signal.SIGTERM)
    cpu = _pin(index, settings)
    run = run_folder(settings.data_dir)
    local_stops = LocalStops(settings.data_dir)
    current = wait_for_snapshot(run, clock_us=now_us, timeout_s=_SNAPSHOT_S, local_stops=local_stops)
    counters = Counters()
    journal = _make_journal(settings, index, counters)
    gauges = {
        "oversight.thresholds.revision": lambda: current.snapshot.threshold_revision,
        "oversight.thresholds.age": lambda: max(0.0, (now_us() - current.thresholds_confirmed_at_us) / 1e6),
    }
    telemetry = start_telemetry("worker", f"worker-{index}", counters, gauges)
    access = CurrentAccess(settings)
    server = _build(settings, current, journal, counters, telemetry.tracer, access)
    reporter = WorkerReporter(
        run, index, generation, cpu, current, counters, clock_us=now_us, journal_problem=lambda: journal.problem
    )
    upkeep = Repetition("the upkeep of the journal", _UPKEEP_S, _watch(settings, journal, server).step)
    _settle_memory()
    listeners = _hold_listeners(server.start(serving=not journal.problem), in_turn=in_turn)
    upkeep.start()
    _follow(signals, current, access, reporter)
    reporter.report()  # what comes now may take the whole grace
    _stop(server, listeners, settings.shutdown_grace_s)
    upkeep.stop(_UPKEEP_S)
    journal.close()  # after the last call: none may be answered that cannot be recorded any more
    reporter.report()
    telemetry.shutdown(_TELEMETRY_S)
    return 0


def _make_journal(settings: Settings, index: int, counters: Counters) -> Journal:
    return Journal(
        settings.data_dir / "journal" / f"worker-{index}",
        segment_bytes=settings.journal_segment_bytes,
        segment_age_s=settings.journal_segment_age_s,
        max_bytes=settings.journal_max_bytes,
        sync=settings.record_sync == "always",
        count_sync=counters.count_sync,
    )


def _watch(settings: Settings, journal: Journal, server: Server) -> JournalWatch:
    """Return what tends *journal*; where health depends on it, find out now how it is."""
    if settings.on_record_failure == "tighten":
        return JournalWatch(journal, None)
    journal.check()
    return JournalWatch(journal, lambda serving: server.set_serving(serving=serving))


def _settle_memory() -> None:
    """
    Take what was loaded at start out of the garbage collector's sight, and collect less often.

    Calls leave no cycles behind; full collections over all loaded modules are milliseconds that some caller waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _build(
    settings: Settings,
    current: CurrentSnapshot,
    journal: Journal,
    counters: Counters,
    tracer: CallTracer | None,
    access: CurrentAccess,
) -> Server:
    run = run_folder(settings.data_dir)
    wire = ProtobufWire()
    keys = load_keys(settings)
    decisions = Decisions(
        current=current,
        journal=journal,
        wire=wire,
        keys=keys,
        counters=counters,
        refuse_unrecorded=settings.on_record_failure == "refuse",
    )
    reading = Reading(
        reader=StoreReader(settings),
        journals=JournalSearch(settings.data_dir / "journal", partial(decode_frame, keys=keys)),
        drained_through_us=lambda: read_drained_us(run),
        clock_us=now_us,
    )
    outcomes = Outcomes(journal=journal, wire=wire, counters=counters, clock_us=now_us)
    return build_server(
        settings,
        decisions=decisions,
        reading=reading,
        outcomes=outcomes,
        counters=counters,
        tracer=tracer,
        clock_us=now_us,
        access=access,
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


def _hold_listeners(port: int, *, in_turn: bool) -> Listeners | None:
    """Hold the sockets that the server listens on; where that cannot be, the worker serves all the same."""
    try:
        listeners = Listeners(port)
    except OSError as error:
        _log.warning("some callers may notice it if this worker is killed: %s", error)
        return None
    if in_turn:
        try:
            listeners.prefer_oldest()
        except OSError as error:
            _log.warning("the worker on standby serves, too, and shares the CPU: %s", error)
    return listeners


def _follow(signals: SignalPipe, current: CurrentSnapshot, access: CurrentAccess, reporter: WorkerReporter) -> None:
    """Take over newer snapshots and report, until SIGTERM; calls are answered by other threads meanwhile."""
    reporter.report()
    while signal.SIGTERM not in signals.wait(_LOOK_S):
        before = current.snapshot
        current.refresh()
        access.refresh()
        if current.snapshot is before:
            reporter.report_if_due()
        else:
            reporter.report()  # who watches a change must not take its last second for a difference


def _stop(server: Server, listeners: Listeners | None, grace_s: float) -> None:
    if listeners is not None:
        listeners.stop()
    server.stop(grace_s)
