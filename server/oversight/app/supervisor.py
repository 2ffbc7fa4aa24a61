"""The supervisor: checks before anything starts, then spawns, watches, restarts and stops the other processes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence

from oversight.app.access import published_tokens
from oversight.app.addresses import check_addresses, find_ports
from oversight.app.announcement import announce
from oversight.app.children import Child
from oversight.app.clock import now_us, use_simulated_clock
from oversight.app.cpus import read_cpus
from oversight.app.data_dir import DataDirLock, make_private_folder, mark_clock, protect_folders
from oversight.app.handover import clear_run, run_folder
from oversight.app.keys import load_keys, make_keys
from oversight.app.processes import Processes
from oversight.app.reports import SupervisorReport, read_controller, write_report
from oversight.app.role_watch import publish_roles
from oversight.app.rolling import RollingRestart
from oversight.app.signals import SignalPipe
from oversight.app.store_password import read_store_password
from oversight.app.writer import make_writer
from oversight.errors import OversightError, StartError
from oversight.grpc_api.tls import check_tls
from oversight.settings import Settings
from oversight.telemetry.logs import configure_logs

__all__ = ["serve"]

_COMPILING_S = 300.0
"""Long enough for the controller to compile a hundred thousand rules on a busy machine."""
_STARTUP_S = 60.0
"""Long enough for a worker, which compiles nothing."""
_LOOK_S = 0.02
_CLOSING_S = 3.0
"""What a child may take beyond the grace: closing its journal, sending its last spans."""
_log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """
    Serve until SIGTERM or SIGINT; return the exit code.

    0 after an orderly stop, 1 if the server could not start (the reason is on standard error), 128 + the signal's
    number if a second signal cut the stop short.
    """
    configure_logs("supervisor", level=settings.log_level, form=settings.log_format)
    try:
        check_addresses(settings)
        use_simulated_clock(settings.simulated_clock)
        make_private_folder(settings.data_dir)
        with DataDirLock(settings.data_dir, settings.listen) as lock:
            protect_folders(settings.data_dir)
            mark_clock(settings.data_dir, simulated=settings.simulated_clock is not None)
            settings = find_ports(settings)
            lock.write(settings.listen)
            make_keys(settings)
            make_writer(settings)
            load_keys(settings)  # said here once, instead of by every worker
            read_store_password(settings)
            check_tls(settings)
            clear_run(settings.data_dir)
            publish_roles(settings)
            return _Server(settings).run()
    except (OversightError, OSError) as error:
        sys.stderr.write(f"oversight serve: {error}\n")
        return 1


class _Server:
    """One run of the server: its children, from the first to the last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = run_folder(settings.data_dir)
        self._terminal = _Terminal()
        self._signals = SignalPipe(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        self._processes = Processes(settings, read_cpus())
        self._rolling = RollingRestart(
            self._processes, self._run, startup_s=_STARTUP_S, finish_s=settings.shutdown_grace_s + _CLOSING_S
        )
        self._started_us = now_us()
        self._stopped_by: list[int] = []

    def run(self) -> int:
        try:
            self._report()
            self._start()
            if not self._stopped_by:
                self._announce()
                self._watch()
            return self._stop()
        finally:
            for child in self._processes.all:
                child.kill()
                child.wait(_CLOSING_S)

    def _start(self) -> None:
        for child in self._processes.single:
            child.start()
        self._wait_until_ready(self._processes.single, _COMPILING_S)
        if self._stopped_by:
            return
        serving = self._processes.workers[: self._processes.serving]
        for worker in serving:
            worker.start()
        self._wait_until_ready(serving, _STARTUP_S)
        # Behind those that serve: callers wait for them, not for the one on standby.
        for worker in self._processes.workers[self._processes.serving :]:
            worker.start()

    def _announce(self) -> None:
        controller, standby = read_controller(self._run), self._processes.standby
        tokens = published_tokens(self._settings.data_dir)
        sys.stdout.write(announce(self._settings, self._processes.serving, controller, standby=standby, tokens=tokens))
        sys.stdout.flush()

    def _wait_until_ready(self, children: Sequence[Child], within_s: float) -> None:
        """Return when all are ready or a signal came; raise `StartError` when one dies or takes too long."""
        deadline = time.monotonic() + within_s
        while not self._stopped_by:
            waiting = [child for child in children if not self._processes.is_ready(child)]
            if not waiting:
                return
            for child in self._processes.kept:
                if child.pid and child.exit_code() is not None:
                    raise StartError(f"the {child.name} ended while starting; its reason stands above")
            if time.monotonic() > deadline:
                raise StartError(f"the {waiting[0].name} was not ready within {within_s:.0f} s")
            self._take(self._signals.wait(_LOOK_S))

    def _watch(self) -> None:
        while not self._stopped_by:
            restarted = [child.keep_alive() for child in self._processes.kept]
            rolled = self._rolling.step()
            if rolled or any(restarted):
                self._report()
            self._take(self._signals.wait(self._pause_s()))

    def _pause_s(self) -> float:
        if self._rolling.under_way:
            return _LOOK_S
        due = [child.due_in_s for child in self._processes.kept if child.due_in_s is not None]
        return min(due, default=60.0)

    def _stop(self) -> int:
        """Workers first and the keeper last: when it drains for the last time, nothing is answered any more."""
        _log.info("stopping: %s", signal.Signals(self._stopped_by[0]).name)
        processes = self._processes
        for children in ([*processes.workers, *processes.passing], [processes.controller], [processes.keeper]):
            for child in children:
                child.terminate()
            deadline = time.monotonic() + self._settings.shutdown_grace_s + _CLOSING_S
            while any(child.exit_code() is None for child in children):
                if len(self._stopped_by) > 1:
                    _log.warning("a second signal: ending at once; what is in journals is drained at the next start")
                    return 128 + self._stopped_by[1]
                if time.monotonic() > deadline:
                    _log.warning("not everything stopped in time; what is in journals is drained at the next start")
                    break
                self._take(self._signals.wait(0.1))
            for child in children:
                child.kill()
        _log.info("stopped")
        return 0

    def _take(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if number == signal.SIGHUP and not self._terminal.is_gone():
                self._rolling.ask()
            elif number != signal.SIGCHLD:
                self._stopped_by.append(number)

    def _report(self) -> None:
        processes = self._processes
        report = SupervisorReport(
            pid=os.getpid(),
            listen=self._settings.listen,
            admin_listen=self._settings.admin_listen,
            started_us=self._started_us,
            workers=processes.serving,
            restarts={child.name: child.restarts for child in (*processes.single, *processes.workers)},
            standby=processes.standby,
            rolling=self._rolling.under_way,
            rolling_problem=self._rolling.problem,
            simulated_clock=str(self._settings.simulated_clock.resolve()) if self._settings.simulated_clock else "",
            tls=self._settings.tls_cert_file is not None,
        )
        try:
            write_report(self._run, report)
        except OSError as problem:
            _log.warning("the supervisor's report cannot be written: %s", problem)


class _Terminal:
    """The terminal that this process was started from: closing it sends SIGHUP too, and means a stop."""

    def __init__(self) -> None:
        self._was_there = self._is_there()

    def is_gone(self) -> bool:
        return self._was_there and not self._is_there()

    def _is_there(self) -> bool:
        try:
            return os.isatty(sys.stdin.fileno())
        except (AttributeError, OSError, ValueError):  # started without standard input
            return False
