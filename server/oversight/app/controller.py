"""The controller: publishes the rules, drains the journals, serves the admin port, and says that it lives."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from oversight.app.access_desk import AccessDesk
from oversight.app.admin_port import AdminPort
from oversight.app.clock import now_us
from oversight.app.drain_watch import DrainWatch
from oversight.app.handover import run_folder
from oversight.app.keys import load_keys
from oversight.app.last_good import LastGoodFile
from oversight.app.policy_watch import PolicyWatch
from oversight.app.repetition import Repetition
from oversight.app.reports import ControllerReport, write_report
from oversight.app.retention_watch import RetentionWatch
from oversight.app.signals import SignalPipe
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.app.store import open_store, open_store_database, open_store_reader
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.convert.frames import count_records, decode_frame
from oversight.journal.drain import Drain
from oversight.settings import Settings
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.erasure import Erasure
from oversight.storage.listing import SqlListing
from oversight.storage.pending import PendingOutcomes
from oversight.storage.retention import Retention, months_before
from oversight.telemetry.counters import Counters
from oversight.telemetry.logs import configure_logs
from oversight.telemetry.tracing import Telemetry, start_telemetry

__all__ = ["run_controller"]

_HEARTBEAT_S = 1.0
_TELEMETRY_S = 1.0
_RETENTION_S = 1.0
_NICENESS = 19
_COUNT_S = 5.0
_ADMIN_GRACE_S = 0.5
_GC_THRESHOLDS = (50_000, 10, 10)
_HANDING_OVER_S = 1.0
"""What a drain may take when a successor goes on with it at once."""
_log = logging.getLogger(__name__)


def run_controller(settings: Settings) -> int:
    """
    Run the controller until SIGTERM, or until SIGUSR1, by which another one follows at once; return 0.

    Raises `InvalidPolicyError` where neither the folder nor an earlier run has rules that compile, and
    `StoreVersionError` for a database of another version.
    """
    os.nice(_NICENESS)  # on a shared CPU deciding comes first; set before there are threads, which inherit it
    configure_logs("controller", level=settings.log_level, form=settings.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SignalPipe(signal.SIGTERM, signal.SIGUSR1)
    controller = _Controller(settings, wake=signals.wake)
    controller.publish()
    _yield_to_callers()
    _settle_memory()
    controller.start()
    while not (told := signals.wait(_HEARTBEAT_S)):
        controller.report()
    controller.stop(followed=signal.SIGTERM not in told)
    return 0


def _yield_to_callers() -> None:
    """
    Leave a shared CPU to deciding, as soon as there is something to decide by.

    SCHED_IDLE, because the kernel lets even the nicest thread of another class finish a slice of some milliseconds
    before a worker that wakes gets the CPU (docs/adr/0021).
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        _log.warning("draining and compiling may make callers wait: SCHED_IDLE: %s", error)


def _settle_memory() -> None:
    """
    Take what was loaded at start out of the garbage collector's sight, and collect less often.

    Records leave no cycles behind, and looking for them among the thousands of a batch takes 5 % of the drain.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


class _Controller:
    def __init__(self, settings: Settings, *, wake: Callable[[], None]) -> None:
        self._settings = settings
        self._run = run_folder(settings.data_dir)
        self._wake = wake
        self._started_us = now_us()
        self._last_good = LastGoodFile(settings.data_dir)
        self._outbox = SnapshotOutbox(settings.data_dir)
        self._policy = PolicyWatch(settings, self._run, last_good=self._last_good, outbox=self._outbox, clock_us=now_us)
        keys = load_keys(settings)
        self._store = open_store(settings)
        self._drain = DrainWatch(
            self._run,
            Drain(
                settings.data_dir / "journal",
                self._store,
                decode=partial(decode_frame, keys=keys),
                count=count_records,
            ),
            self._store,
            self._outbox,
        )
        self._policy_loop = Repetition("the look at the rule files", settings.policy_poll_s, self._look)
        self._drain_loop = Repetition(
            "the drain",
            settings.drain_interval_s,
            self._drain.step,
            finish=self._drain.step,
            hurry=lambda: self._drain.hurries,
        )
        self._reader = open_store_reader(settings)
        # Connections of its own, for retention and erasing: the drain's thread has the store's.
        engine = open_store_database(settings).engine
        retention = RetentionWatch(
            Retention(engine, CheckpointKey(keys.id_key), clock_us=now_us),
            months=settings.retention_months,
            in_force=lambda: [self._policy.state.digest],
            clock_us=now_us,
        )
        self._retention_loop = Repetition("retention", _RETENTION_S, retention.step)
        self._eraser = Erasure(engine, id_key=keys.id_key, clock_us=now_us)
        self._pending = PendingOutcomes(self._reader.reading)
        self._pending_loop = Repetition("the count of outcomes that wait", _COUNT_S, self._count_waiting)
        self._desk = AccessDesk(settings)
        self._loops = (
            self._policy_loop,
            self._drain_loop,
            self._retention_loop,
            self._pending_loop,
            *self._desk.loops,
        )
        self._admin: AdminPort | None = None
        self._telemetry: Telemetry | None = None

    def publish(self) -> None:
        """Publish the rules: workers wait for them; before them, who may ask."""
        self._desk.publish()
        self._policy.start()

    def start(self) -> None:
        """Begin with everything that goes on."""
        try:
            self._store.prepare()  # a database of another version is found now, not under load
            self._outbox.send(self._store)
        except StoreUnavailableError as error:
            _log.warning("starting without the store: %s", error)
        counters = Counters()
        self._telemetry = start_telemetry(
            "controller",
            "controller",
            counters,
            {
                "oversight.records.pending": lambda: self._drain.state.pending_records,
                "oversight.records.oldest_age": self._oldest_age_s,
                "oversight.policy.problems": lambda: len(self._policy.state.problems),
            },
        )
        self._admin = AdminPort(
            build_admin_server(
                self._settings,
                lister=SqlListing(self._reader.reading),
                eraser=self._eraser,
                counters=counters,
                tracer=self._telemetry.tracer,
                access=self._desk.access,
            )
        )
        self.report()
        for loop in self._loops:
            loop.start()

    def stop(self, *, followed: bool) -> None:
        """Drain once more within the grace; what is left waits for the next start, or for the one that follows now."""
        self._policy_loop.stop(0.0)
        self._retention_loop.stop(0.0)
        self._pending_loop.stop(0.0)
        self._desk.stop()
        if self._admin is not None:
            self._admin.close(_ADMIN_GRACE_S)
        grace_s = self._settings.shutdown_grace_s
        drained = self._drain_loop.stop(min(grace_s, _HANDING_OVER_S) if followed else grace_s)
        if not followed and (not drained or self._drain.state.pending_records):
            _log.warning("not all records reached the store in time; they are drained at the next start")
        self._confirm_at_once()
        self.report()
        if self._telemetry is not None:
            self._telemetry.shutdown(_TELEMETRY_S)

    def report(self) -> None:
        """Say what is the case; open the admin port where that could not be done before."""
        if self._admin is not None:
            self._admin.open()
        policy, drain = self._policy.state, self._drain.state
        at_us = now_us()
        waiting, expired = self._pending.count(months_before(at_us, self._settings.retention_months))
        report = ControllerReport(
            pid=os.getpid(),
            at_us=at_us,
            started_us=self._started_us,
            digest=policy.digest,
            commit=policy.commit,
            published_us=policy.published_us,
            policy_confirmed_at_us=policy.confirmed_at_us,
            # Only the files' values exist yet: they are as fresh as the process that read them is alive.
            thresholds_confirmed_at_us=at_us,
            last_good=policy.last_good,
            problems=policy.problems,
            warnings=policy.warnings,
            store_problem=drain.problem,
            drained_through_us=drain.drained_through_us,
            pending_records=drain.pending_records,
            pending_bytes=drain.pending_bytes,
            oldest_us=drain.oldest_us,
            failures=sum(loop.failures for loop in self._loops),
            admin_problem="" if self._admin is None else self._admin.problem,
            waiting_outcomes=waiting,
            expired_outcomes=expired,
            access_problem=self._desk.problem,
        )
        try:
            write_report(self._run, report)
        except OSError as error:
            _log.warning("the heartbeat cannot be written: %s", error)

    def _look(self) -> None:
        if self._policy.look():
            self._wake()

    def _count_waiting(self) -> None:
        # A store that is down is said by the drain.
        with suppress(StoreUnavailableError):
            self._pending.step()

    def _oldest_age_s(self) -> float:
        oldest_us = self._drain.state.oldest_us
        return 0.0 if oldest_us is None else max(0.0, (now_us() - oldest_us) / 1e6)

    def _confirm_at_once(self) -> None:
        policy = self._policy.state
        if policy.last_good:
            return
        try:
            self._last_good.confirm(policy.digest, policy.confirmed_at_us, at_once=True)
        except OSError as error:
            _log.warning("the time of the last confirmation cannot be written: %s", error)
