"""Rolling restarts, with processes that do nothing but live, report and die."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from oversight.app.cpus import Cpus
from oversight.app.handover import clear_run, run_folder
from oversight.app.processes import Processes
from oversight.app.reports import reporting_pid
from oversight.app.rolling import RollingRestart
from oversight.settings import Settings
from servers import is_running, wait_until

CPUS = Cpus(allowed=(0,), machine=1, quota=None, in_container=False)
PROGRAM = """#!/bin/sh
cd "${0%/*}"
read -r brief
name=$1; [ -n "$3" ] && name=worker-$3
echo "start $name" >> history
[ -e "$name-dies" ] && exit 3
trap 'echo "stop $name" >> history; [ -e stubborn ] || exit 0' TERM USR1
generation=${brief##*: }; generation=${generation%\\}}
# As workers do, each generation has a report of its own.
file=$name; [ -n "$3" ] && file=$name.$generation
report() {
    if [ ! -e "$name-hangs" ]; then
        echo "{\\"pid\\": $$}" > "$$.partial"
        mv "$$.partial" "run/$file.json"
    fi
}
while :; do report; sleep 0.03; done
"""
STARTUP_S = 60.0
FINISH_S = 8.0


class Clock:
    """Seconds that pass when told to."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class Server:
    """What the supervisor does for a rolling restart: keep processes alive, and step."""

    def __init__(self, folder: Path) -> None:
        clear_run(folder)
        self.folder = folder
        self.program = folder / "program"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o700)
        self.clock = Clock()
        self.processes = Processes(Settings(data_dir=folder, workers=2), CPUS, program=[str(self.program)])
        self.rolling = RollingRestart(
            self.processes, run_folder(folder), startup_s=STARTUP_S, finish_s=FINISH_S, clock=self.clock
        )
        self.least_ready = 2

    def start(self) -> None:
        """Start all and wait until they are ready."""
        for child in self.processes.kept:
            child.start()
        wait_until(lambda: all(map(self.processes.is_ready, self.processes.kept)), "the processes to be ready")
        (self.folder / "history").unlink()

    def tick(self) -> None:
        """Go once through the supervisor's loop, and look how many of two workers could answer."""
        for child in self.processes.kept:
            child.keep_alive()
        self.rolling.step()
        ready = [worker for worker in self.processes.workers if is_running(worker.pid)]
        self.least_ready = min(self.least_ready, len(ready))

    def roll(self, until: Callable[[], object] | None = None) -> None:
        """Go through the loop until the rolling restart is over, or *until* something."""
        over = until or (lambda: not self.rolling.under_way)

        def is_over() -> object:
            self.tick()
            return over()

        wait_until(is_over, "the rolling restart")

    def touch(self, name: str) -> None:
        """Make the processes behave in another way from now on."""
        (self.folder / name).touch()

    def pids(self) -> list[int]:
        """Return the process ids of controller, keeper and workers."""
        return [child.pid for child in (*self.processes.single, *self.processes.workers)]

    def was(self, line: str) -> bool:
        """Tell whether this is in the history."""
        return line in self.history()

    def history(self) -> list[str]:
        """Return who started and was told to stop, in order."""
        file = self.folder / "history"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a controller, a keeper and two workers, all of them ready."""
    made = Server(tmp_path)
    try:
        made.start()
        yield made
    finally:
        for child in made.processes.all:
            child.kill()
            child.wait(5)


def test_everything_is_replaced_and_a_worker_only_by_one_that_is_ready(server: Server) -> None:
    """No moment with fewer workers than before."""
    before = server.pids()

    server.rolling.ask()
    server.roll()

    assert [
        *("stop controller", "start controller"),
        *("stop keeper", "start keeper"),
        *("start worker-0", "stop worker-0"),
        *("start worker-1", "stop worker-1"),
    ] == server.history()
    assert not set(before) & set(server.pids())
    assert (2, "", []) == (server.least_ready, server.rolling.problem, server.processes.passing)
    assert not any(map(is_running, before))
    assert [0, 0, 0, 0] == [child.restarts for child in server.processes.all], "nobody died"


def test_nothing_happens_unasked(server: Server) -> None:
    """The loop comes by all the time."""
    before = server.pids()

    assert (False, False) == (server.rolling.under_way, server.rolling.step())

    assert before == server.pids()


def test_asked_again_during_a_round_it_does_one_more(server: Server) -> None:
    """Who asks after changing something must get processes that have seen the change, and not ten rounds."""
    server.rolling.ask()
    server.tick()
    for _ in range(3):
        server.rolling.ask()
    server.roll()

    assert 2 == server.history().count("start worker-1")
    assert 2 == server.history().count("start controller")


def test_a_replacement_that_dies_leaves_everything_as_it_was(server: Server) -> None:
    """A broken installation must not take a worker away that still serves."""
    _, _, first, second = server.pids()
    server.touch("worker-0-dies")

    server.rolling.ask()
    server.roll()

    assert [first, second] == server.pids()[2:]
    assert "the new worker-0 ended while starting; its reason stands above in the log" == server.rolling.problem
    assert ["start worker-0"] == [line for line in server.history() if "worker" in line], "the next is not touched"
    assert (True, []) == (is_running(first), server.processes.passing)

    (server.folder / "worker-0-dies").unlink()
    server.rolling.ask()
    server.roll()

    assert "" == server.rolling.problem
    assert not {first, second} & set(server.pids())


def test_a_replacement_that_is_never_ready_is_ended(server: Server) -> None:
    """It may wait for something for ever; the one that serves goes on."""
    _, _, first, second = server.pids()
    server.touch("worker-0-hangs")
    server.rolling.ask()
    server.roll(until=partial(server.was, "start worker-0"))
    replacement = server.processes.passing[0].pid

    server.clock.now_s += STARTUP_S + 1
    server.roll()

    assert "the new worker-0 was not ready within 60 s" == server.rolling.problem
    assert [first, second] == server.pids()[2:]
    assert (False, True) == (is_running(replacement), is_running(first))


def test_a_replacement_that_cannot_be_started_is_said(server: Server) -> None:
    """No memory, no processes left: the machine may have its limits."""
    _, keeper, first, second = server.pids()
    server.rolling.ask()
    server.roll(until=lambda: server.processes.keeper.pid != keeper)
    wait_until(partial(server.was, "start keeper"), "the keeper to be past its start")
    server.program.rename(server.folder / "away")
    server.roll()

    assert "the worker-0 cannot be started" in server.rolling.problem
    assert [first, second] == server.pids()[2:]


@pytest.mark.parametrize("name", ["controller", "keeper"])
def test_one_that_there_is_once_and_does_not_come_back_ends_the_round(server: Server, name: str) -> None:
    """Its code or its store is what the new workers would need, too."""
    workers = server.pids()[2:]
    server.touch(f"{name}-dies")

    server.rolling.ask()
    server.roll()

    assert f"the new {name} ended while starting; its reason stands above in the log" == server.rolling.problem
    assert workers == server.pids()[2:]
    assert all(map(is_running, workers))


def test_a_process_that_does_not_finish_is_ended(server: Server) -> None:
    """A call that hangs must not hold the round up for ever."""
    before = server.pids()
    server.touch("stubborn")

    server.rolling.ask()
    for name in ("controller", "keeper", "worker-0", "worker-1"):
        server.roll(until=partial(server.was, f"stop {name}"))
        server.clock.now_s += FINISH_S + 1
    server.roll()

    assert not any(map(is_running, before))
    assert ("", 2) == (server.rolling.problem, server.least_ready)


def test_a_worker_that_dies_meanwhile_is_started_again(server: Server) -> None:
    """The rest of the server is watched as always."""
    server.rolling.ask()
    server.roll(until=partial(server.was, "start worker-0"))
    victim = server.processes.workers[1]
    victim.kill()
    victim.wait(5)
    server.roll()

    assert "" == server.rolling.problem
    assert 1 == server.processes.workers[1].restarts, "the count is handed on"
    assert all(is_running(pid) for pid in server.pids())


def test_the_report_of_a_replacement_that_failed_does_not_stay(server: Server) -> None:
    """`oversight status` would show a process that is not there."""
    run = run_folder(server.folder)
    before = server.processes.workers[0].pid
    server.rolling.ask()
    server.roll(until=lambda: server.processes.passing)
    replacement = server.processes.passing[0]
    wait_until(lambda: reporting_pid(run, "worker-0") == replacement.pid, "its report")
    replacement.kill()
    replacement.wait(5)
    server.roll()

    assert before == reporting_pid(run, "worker-0")
    assert "ended while starting" in server.rolling.problem
