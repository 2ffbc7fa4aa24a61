"""Rolling restarts in unusual moments."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from servers import SERVE, ServerProcess, is_running, started, wait_until

TAKES_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


def count_said(server: ServerProcess, words: str) -> int:
    """Return how many lines of the log have these words."""
    return sum(words in line["message"] for line in server.log_lines())


def begin(server: ServerProcess) -> None:
    """Ask for a rolling restart and wait until it begins."""
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: count_said(server, "rolling restart begins"), "the rolling restart to begin")


def test_asked_for_twice_it_is_done_twice(server: ServerProcess) -> None:
    """The second time something may have been changed that the first did not see."""
    server.start()

    begin(server)
    os.kill(server.pid, signal.SIGHUP)

    wait_until(lambda: count_said(server, "rolling restart is done") == 2, "both to be done")
    assert 2 == count_said(server, "the worker-0 with pid")
    assert server.decide().recorded


def test_a_stop_in_its_middle_is_a_stop(server: ServerProcess) -> None:
    """Nothing is left behind, neither old nor new."""
    server.start()
    begin(server)
    children = server.child_pids()

    os.kill(server.pid, signal.SIGTERM)

    assert 0 == server.wait()
    wait_until(lambda: not any(map(is_running, children)), "the children to end", 5)
    assert "stopped" == server.status().state


def test_a_worker_that_is_killed_in_its_middle_comes_back(tmp_path: Path) -> None:
    """One thing at a time is what we do; what happens is another matter."""
    with started(tmp_path, workers=2) as server:
        before = set(server.child_pids())
        begin(server)
        os.kill(server.worker_pid(1), signal.SIGKILL)

        wait_until(lambda: count_said(server, "rolling restart is done"), "it to be done")

        assert not before & set(server.child_pids())
        assert 4 == len(server.child_pids())
        assert server.decide().recorded


def test_where_a_new_process_does_not_start_the_workers_stay(server: ServerProcess) -> None:
    """The worst moment for a wrong key file must not become an outage; `oversight status` says what is wrong."""
    server.start()
    worker = server.worker_pid()
    key = server.data_dir / "keys" / "id.key"
    key.chmod(0o644)

    begin(server)
    wait_until(lambda: count_said(server, "rolling restart stopped"), "it to be given up")

    alarm = "the last rolling restart stopped: the new controller ended while starting; its reason stands above"
    wait_until(lambda: any(alarm in said for said in server.status().alarms), "the alarm")
    assert worker == server.worker_pid()
    assert server.decide().recorded
    key.chmod(0o600)
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: count_said(server, "rolling restart is done"), "it to be done after all")
    assert worker != server.worker_pid()
    wait_until(lambda: "serving" == server.status().state, "all to be well")


@pytest.mark.parametrize("index", [0, 1, 2])
def test_children_have_nothing_to_do_with_it(server: ServerProcess, index: int) -> None:
    """`pkill -HUP` reaches every process of that name; those that serve must not end by it."""
    server.start()
    children = server.child_pids()

    os.kill(children[index], signal.SIGHUP)

    assert server.decide().recorded
    assert children == server.child_pids()


def test_a_terminal_that_is_closed_ends_the_server(tmp_path: Path) -> None:
    """It sends the same signal, and nobody wants a server that has lost its terminal to go on."""
    server = ServerProcess(tmp_path)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", TAKES_TERMINAL, *SERVE]
    with (
        server.log.open("wb") as log,
        subprocess.Popen(
            command, stdin=theirs, stdout=log, stderr=log, env=server.all_variables(), start_new_session=True
        ) as process,
    ):
        os.close(theirs)
        try:
            wait_until(lambda: b"Ctrl-C stops the server" in server.log.read_bytes(), "the server to be ready")

            os.close(ours)

            assert 0 == process.wait(30)
        finally:
            process.kill()
    assert "stopped" == server.status().state
    assert 0 == count_said(server, "rolling restart begins")
