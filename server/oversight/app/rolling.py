"""The rolling restart: every process is replaced by a fresh one, and at any moment somebody answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from oversight.app.children import Child
from oversight.app.processes import Processes
from oversight.app.reports import forget_retired, forget_worker
from oversight.errors import StartError

__all__ = ["RollingRestart"]

_log = logging.getLogger(__name__)


class RollingRestart:
    """
    Replaces the processes of a server one after the other; the supervisor's loop drives it by calling `step`.

    First the controller and the keeper: where one does not come back, no worker is touched. Then each worker: the
    replacement starts beside it, and only when that one serves is the predecessor told to finish. Whatever fails ends
    the round with everything serving that served before; `problem` says why until a later round succeeds. A process
    gets *startup_s* to be ready and *finish_s* to end. *clock* returns seconds and never goes back.
    """

    def __init__(
        self,
        processes: Processes,
        run: Path,
        *,
        startup_s: float,
        finish_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem = ""
        self._processes = processes
        self._run = run
        self._startup_s = startup_s
        self._finish_s = finish_s
        self._clock = clock
        self._asked = False
        self._round: Iterator[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether there is something to do, so that `step` should be called soon."""
        return self._asked or self._round is not None

    def ask(self) -> None:
        """
        Ask for a round.

        However often it is asked for during one, one more follows: every process then is younger than the last ask.
        """
        self._asked = True

    def step(self) -> bool:
        """Do what can be done now, without waiting; return whether a round began or ended."""
        if self._round is None:
            if not self._asked:
                return False
            self._asked = False
            self._round = self._replace_all()
            return True
        try:
            next(self._round)
        except StopIteration:
            self.problem = ""
        except StartError as error:
            self.problem = str(error)
            _log.error("the rolling restart stopped: %s", error)
        else:
            return False
        self._round = None
        return True

    def _replace_all(self) -> Iterator[None]:
        """Yield while there is something to wait for; raise `StartError` where a process does not come up."""
        began_s = self._clock()
        _log.info("the rolling restart begins")
        for child in self._processes.single:
            yield from self._replace_single(child)
        for index in range(len(self._processes.workers)):
            yield from self._replace_worker(index)
        _log.info("the rolling restart is done, after %.1f s", self._clock() - began_s)

    def _replace_single(self, child: Child) -> Iterator[None]:
        """Stop, then start: two of them would be in each other's way."""
        before, deaths = child.pid, child.restarts
        child.restart()
        deadline_s = self._clock() + self._finish_s
        while child.pid == before:
            if self._clock() > deadline_s:
                child.kill()
            yield
        yield from self._wait_until_ready(child, deaths)

    def _replace_worker(self, index: int) -> Iterator[None]:
        before = self._processes.workers[index]
        after = before.successor()
        forget_retired(self._run, before.name)
        self._processes.passing.append(after)
        try:
            after.start()
            yield from self._wait_until_ready(after, after.restarts)
        except StartError:
            after.kill()
            after.wait(self._finish_s)
            self._processes.passing.remove(after)
            forget_worker(self._run, after.name, after.pid)
            raise
        after.restarts = before.restarts  # it may have died while the other one came up
        self._processes.workers[index] = after
        self._processes.passing[:] = [before]
        _log.info("the %s with pid %d takes over from pid %d", after.name, after.pid, before.pid)
        before.terminate()
        deadline_s = self._clock() + self._finish_s
        while before.exit_code() is None:
            if self._clock() > deadline_s:
                _log.warning("the %s with pid %d did not finish in time and is ended", before.name, before.pid)
                before.kill()
                before.wait(self._finish_s)
            yield
        self._processes.passing.clear()

    def _wait_until_ready(self, child: Child, deaths: int) -> Iterator[None]:
        deadline_s = self._clock() + self._startup_s
        while True:
            # Before its report: it may have died since.
            if child.exit_code() is not None or child.restarts > deaths:
                raise StartError(f"the new {child.name} ended while starting; its reason stands above in the log")
            if self._processes.is_ready(child):
                return
            if self._clock() > deadline_s:
                raise StartError(f"the new {child.name} was not ready within {self._startup_s:.0f} s")
            yield
