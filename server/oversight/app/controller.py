"""The controller: publishes rules, thresholds, stops and callers, serves the admin port, and says that it lives."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from functools import partial

from oversight.app.access_desk import AccessDesk
from oversight.app.admin_port import AdminPort
from oversight.app.clock import now_us
from oversight.app.compiling import compile_beside_callers
from oversight.app.control_report import describe_control
from oversight.app.control_watch import ControlWatch
from oversight.app.file_check import FileCheck
from oversight.app.handover import run_folder
from oversight.app.insights import open_insights
from oversight.app.keys import load_keys
from oversight.app.last_control import LastControlFile
from oversight.app.last_good import LastGoodFile
from oversight.app.local_stops import LocalStops
from oversight.app.policy_watch import PolicyWatch
from oversight.app.publication import Publication
from oversight.app.reloading import Reloading
from oversight.app.repetition import Repetition, failing
from oversight.app.reports import ControllerReport, write_report
from oversight.app.server_status import server_status
from oversight.app.signals import SignalPipe
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.app.status import read_status
from oversight.app.store import open_control_listener, open_control_store, open_store_reader
from oversight.app.store_reader import StoreReader
from oversight.app.threshold_desk import ThresholdDesk
from oversight.app.yielding import settle_memory
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.admin_server import build_admin_server
from oversight.policy_desk import PolicyDesk
from oversight.settings import Settings
from oversight.storage.listing import SqlListing
from oversight.storage.snapshot_listing import SqlSnapshotListing
from oversight.telemetry.counters import Counters
from oversight.telemetry.logs import configure_logs
from oversight.telemetry.tracing import Telemetry, start_telemetry

__all__ = ["run_controller"]

_HEARTBEAT_S = 1.0
_TELEMETRY_S = 1.0
_NICENESS = 10
"""
Enough for deciding to come first on a shared CPU. Not SCHED_IDLE, nor much nicer: a thread that waits for a CPU with
the interpreter's lock in its hand keeps those that bring a stop into force waiting, too (docs/adr/0028).
"""
_LAPSE_S = 10.0
_ADMIN_GRACE_S = 0.5
_log = logging.getLogger(__name__)


def run_controller(settings: Settings) -> int:
    """
    Run the controller until SIGTERM, or until SIGUSR1, by which another one follows at once; return 0.

    Raises `InvalidPolicyError` where neither the folder nor an earlier run has rules that compile, and
    `StoreVersionError` for a database of another version.
    """
    configure_logs("controller", level=settings.log_level, form=settings.log_format)
    # Before the priority is given up: a stop and a revocation must not wait until nobody calls.
    control, desk = _Control(), AccessDesk(settings)
    os.nice(_NICENESS)  # threads that are made from now on inherit it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SignalPipe(signal.SIGTERM, signal.SIGUSR1)
    controller = _Controller(settings, control, desk, wake=signals.wake)
    controller.publish()
    settle_memory()
    controller.start()
    while not signals.wait(_HEARTBEAT_S):
        controller.report()
    controller.stop()
    return 0


class _Control:
    """The loop that brings thresholds and stops into force, made before there is anything that it could do."""

    def __init__(self) -> None:
        self.step: Callable[[], object] = lambda: None
        # Not the function itself: what it does is known only later.
        self.loop = Repetition("the look at thresholds and stops", 0.0, lambda: self.step(), urgent=True)  # noqa: PLW0108 - as above


class _Controller:
    def __init__(self, settings: Settings, control: _Control, desk: AccessDesk, *, wake: Callable[[], None]) -> None:
        self._settings = settings
        self._wake = wake
        self._run = run_folder(settings.data_dir)
        self._started_us = now_us()
        self._last_good = LastGoodFile(settings.data_dir)
        self._outbox = SnapshotOutbox(settings.data_dir)
        self._publication = Publication(self._run, outbox=self._outbox, clock_us=now_us)
        self._policy = PolicyWatch(
            settings,
            self._publication,
            last_good=self._last_good,
            clock_us=now_us,
            compile_rules=partial(compile_beside_callers, self._run),
        )
        self._control_store = open_control_store(settings)
        self._control_listener = open_control_listener(settings)
        self._control = ControlWatch(
            self._control_store,
            self._publication,
            local_stops=LocalStops(settings.data_dir),
            last=LastControlFile(settings.data_dir),
            clock_us=now_us,
        )
        control.step = self._look_at_control
        self._control_loop = control.loop
        self._reloading = Reloading(self._policy, published=lambda: self._publication.in_force.digest, wake=wake)
        self._policy_loop = Repetition("the look at the rule files", settings.policy_poll_s, self._reloading.look)
        self._reader = open_store_reader(settings)
        self._insights = open_insights(settings, self._reader, id_key=load_keys(settings).id_key, clock_us=now_us)
        self._thresholds = ThresholdDesk(
            settings,
            self._control_store,
            rules=self._policy.in_force,
            records=SqlListing(self._reader.reading),
            clock_us=now_us,
        )
        self._lapse_loop = Repetition("the lapse of proposals", _LAPSE_S, self._thresholds.step)
        self._desk = desk
        self._loops = (
            self._control_loop,
            self._policy_loop,
            self._lapse_loop,
            *self._desk.loops,
        )
        self._admin: AdminPort | None = None
        self._telemetry: Telemetry | None = None

    def publish(self) -> None:
        """Publish the rules with the thresholds and stops in force: workers wait for them; before them, who may ask."""
        self._desk.publish()
        self._control.start()
        self._policy.start()

    def start(self) -> None:
        """Begin with everything that goes on."""
        try:
            # A database of another version is found now, not under load.
            self._control_store.prepare()
        except StoreUnavailableError as error:
            _log.warning("starting without the store: %s", error)
        counters = Counters()
        self._telemetry = start_telemetry(
            "controller",
            "controller",
            counters,
            {
                "oversight.policy.problems": lambda: len(self._policy.state.problems),
                "oversight.thresholds.revision": lambda: self._publication.in_force.control.revision,
                "oversight.thresholds.age": lambda: max(0.0, (now_us() - self._control.state.confirmed_at_us) / 1e6),
            },
        )
        self._admin = AdminPort(
            build_admin_server(
                self._settings,
                insights=self._insights,
                thresholds=self._thresholds.use_cases,
                policies=self._policy_desk(),
                counters=counters,
                tracer=self._telemetry.tracer,
                access=self._desk.access,
            )
        )
        self.report()
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """End what goes on; what is published stays, for workers and for the next controller."""
        for loop in self._loops:
            loop.stop(0.0)
        if self._admin is not None:
            self._admin.close(_ADMIN_GRACE_S)
        self._confirm_at_once()
        self.report()
        if self._telemetry is not None:
            self._telemetry.shutdown(_TELEMETRY_S)

    def report(self) -> None:
        """Say what is the case; open the admin port where that could not be done before."""
        if self._admin is not None:
            self._admin.open()
        # Before the times of confirmation: they must not be those of what is published a moment later.
        in_force = self._publication.in_force
        policy, control = self._policy.state, self._control.state
        at_us = now_us()
        report = ControllerReport(
            pid=os.getpid(),
            at_us=at_us,
            started_us=self._started_us,
            digest=in_force.digest,
            commit=in_force.commit,
            published_us=in_force.published_us,
            policy_confirmed_at_us=policy.confirmed_at_us,
            thresholds_confirmed_at_us=control.confirmed_at_us,
            last_good=policy.last_good,
            problems=policy.problems,
            warnings=policy.warnings,
            failing=failing(self._loops),
            admin_problem="" if self._admin is None else self._admin.problem,
            access_problem=self._desk.problem,
            **describe_control(in_force, control, at_us),
        )
        try:
            write_report(self._run, report)
        except OSError as error:
            _log.warning("the heartbeat cannot be written: %s", error)

    def _policy_desk(self) -> PolicyDesk:
        data_dir = self._settings.data_dir
        return PolicyDesk(
            snapshots=StoreReader(self._settings, self._reader),
            lister=SqlSnapshotListing(self._reader.reading),
            publishing=self._reloading,
            check_files=FileCheck(self._settings),
            read_status=lambda: server_status(read_status(data_dir)),
        )

    def _look_at_control(self) -> None:
        self._control_listener.wait()
        if self._control.step():
            self._wake()

    def _confirm_at_once(self) -> None:
        policy = self._policy.state
        try:
            self._control.confirm_at_once()
            if not policy.last_good:
                self._last_good.confirm(policy.digest, policy.confirmed_at_us, at_once=True)
        except OSError as error:
            _log.warning("the time of the last confirmation cannot be written: %s", error)
