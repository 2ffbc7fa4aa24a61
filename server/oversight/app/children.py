"""The supervisor's children: spawned, never forked with gRPC loaded, and gone at once when their parent is."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from oversight.errors import StartError
from oversight.settings import Settings

__all__ = ["PROGRAM", "Brief", "Child", "end_with_parent", "read_brief"]

PROGRAM = (sys.executable, "-P", "-m", "oversight.app")
"""-P: a folder named `oversight` where the server is started must not be taken for the package."""

_PR_SET_PDEATHSIG = 1
_STABLE_S = 5.0
"""A child that lives this long has started well; one that dies sooner is restarted with a growing delay."""
_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 15.0
_log = logging.getLogger(__name__)


class Brief(NamedTuple):
    """
    What a child is told at its start: who its parent is, the settings, and its generation.

    Generations count rolling restarts: a process that is to replace another one is of the next.
    """

    parent: int
    settings: Settings
    generation: int


class Child:
    """
    One child process, started anew whenever it dies, then of the same *generation*.

    Settings go to its standard input: what stands in arguments or the environment, every user of the machine may read.
    Call all methods from the main thread: the kernel tells a child that its parent died when the *thread* that spawned
    it ends.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Settings,
        *,
        program: Sequence[str] = PROGRAM,
        clock: Callable[[], float] = time.monotonic,
        generation: int = 0,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._arguments = arguments
        self._settings = settings
        self._program = program
        self._generation = generation
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._due_s: float | None = None
        self._early_deaths = 0
        self._restarting = False

    def successor(self) -> Child:
        """Return a child like this one, not yet started, that is to take its place."""
        successor = Child(
            self.name,
            self._arguments,
            self._settings,
            program=self._program,
            clock=self._clock,
            generation=self._generation + 1,
        )
        successor.restarts = self.restarts
        return successor

    @property
    def pid(self) -> int:
        """Process id of the child as it runs or last ran; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def due_in_s(self) -> float | None:
        """Seconds until the child is to be started again; None while no restart is planned."""
        return None if self._due_s is None else max(0.0, self._due_s - self._clock())

    def start(self) -> None:
        """Start the process. Raise `StartError` where the operating system refuses."""
        command = [*self._program, *self._arguments]
        brief = Brief(os.getpid(), self._settings, self._generation)._asdict()
        brief["settings"] = self._settings.told_to_child()
        try:
            # A group of its own: Ctrl-C in the terminal reaches only the supervisor, which stops children in order.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - our own
        except OSError as problem:
            raise StartError(f"the {self.name} cannot be started: {problem}") from problem
        self._process = process
        self._started_s = self._clock()
        self._due_s = None
        if process.stdin is None:  # never: it was asked for
            return
        try:
            process.stdin.write(json.dumps(brief).encode())
            process.stdin.close()
        except BrokenPipeError:
            _log.warning("the %s died before it read its settings", self.name)

    def exit_code(self) -> int | None:
        """Return None while the process runs, else its exit code, negative for a signal; 0 before the first start."""
        return 0 if self._process is None else self._process.poll()

    def keep_alive(self) -> bool:
        """
        Start the process again if it is dead and its time has come; return whether it was.

        The first time at once; one that keeps dying within seconds waits longer each time, 15 s at most.
        """
        code = self.exit_code()
        if code is None:
            return False
        if self._due_s is None:
            self._due_s = self._clock() + (0.0 if self._restarting else self._count_death(code))
        if self._clock() < self._due_s:
            return False
        self.restarts += not self._restarting
        self._restarting = False
        try:
            self.start()
        except StartError:
            _log.exception("trying again in %.0f s", _LONGEST_DELAY_S)
            self._due_s = self._clock() + _LONGEST_DELAY_S
            return False
        return True

    def terminate(self) -> None:
        """Ask the process to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def restart(self) -> None:
        """
        Ask the process to stop, by SIGUSR1 because a successor follows at once.

        `keep_alive` starts that one, which counts as no death.
        """
        self._restarting = True
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End the process now; nothing that was answered is lost by it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code, or None if the process still runs after *timeout_s*."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            return None

    def _count_death(self, code: int) -> float:
        """Return after how many seconds to start again."""
        lived_s = self._clock() - self._started_s
        self._early_deaths = 0 if lived_s >= _STABLE_S else self._early_deaths + 1
        delay_s = 0.0
        if self._early_deaths > 1:
            # The exponent is bounded, or years of dying would overflow.
            delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(self._early_deaths - 2, 16))
        _log.error(
            "the %s (pid %d) ended with %s after %.1f s; it is started again in %.2f s",
            self.name,
            self.pid,
            _say_code(code),
            lived_s,
            delay_s,
        )
        return delay_s


def _say_code(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def end_with_parent(parent: int) -> None:
    """
    Let the kernel kill this process when its parent dies, and end it now if *parent* already has.

    The first thing that a child does. Without it, workers of a killed supervisor would keep the port and the journals.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise StartError(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    # It may have died before the kernel was told.
    if parent != os.getppid():
        raise StartError("the process that started this one is gone")


def read_brief(text: bytes) -> Brief:
    """Return what a child is told as *text*. Raise `StartError` where that is none."""
    try:
        said = json.loads(text)
        return Brief(int(said["parent"]), Settings.model_validate(said["settings"]), int(said["generation"]))
    except (ValueError, KeyError, TypeError) as problem:
        raise StartError("no usable settings came on standard input; `oversight serve` starts a server") from problem
