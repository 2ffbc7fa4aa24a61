"""What callers notice when processes are killed or replaced: nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.callers import Callers
from servers import ServerProcess, started, wait_until

KILLS = 6
TRIES = 3
STALL_S = 0.02
"""A call has 50 ms. On a machine that is busy with something else it may miss that whatever the server does."""


def assert_nobody_notices(disturb: Callable[[ServerProcess], None], folder: Path, **settings: Any) -> None:
    """Assert that callers with the default client notice nothing of *disturb*, on a machine that has time for them."""
    seen: list[str] = []
    for number in range(TRIES):
        (folder / str(number)).mkdir()
        with started(folder / str(number), **settings) as server:
            wait_for_workers(server)
            with Callers(server.target) as callers:
                disturb(server)
                wait_until(partial(callers.have_answered, callers.answered + 20), "some more answers")
        assert len(callers.unanswered) == callers.unavailable_count
        if not callers.unanswered:
            return
        if callers.stalled_s < STALL_S:
            seen += callers.unanswered
    assert [] == seen
    pytest.skip(f"in {TRIES} tries this machine let threads wait for more than {STALL_S} s")


def wait_for_workers(server: ServerProcess) -> None:
    """Wait until every worker, also one on standby, has said that it serves."""
    wait_until(lambda: len(server.status().workers) == len(server.child_pids()) - 2, "all workers")


def kill_in_turn(server: ServerProcess) -> None:
    """Kill one worker after the other, each when the one before it is back."""
    for number in range(KILLS):
        index = number % 2
        before = server.worker_pid(index)
        os.kill(before, signal.SIGKILL)
        wait_until(partial(is_another, server, index, before), "another worker")


def is_another(server: ServerProcess, index: int, pid: int) -> bool:
    """Tell whether worker *index* is not the process *pid*."""
    return server.worker_pid(index) != pid


def roll(server: ServerProcess) -> None:
    """Replace every process, and wait until it is done."""
    status = server.status()
    before = set(server.child_pids())
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: not before & set(server.child_pids()), "the processes to be replaced")
    wait_until(lambda: is_settled(server), "the rolling restart to be over")
    after = server.status()
    assert ("serving", (), 0) == (after.state, after.alarms, after.lost)
    assert len(status.workers) == len(after.workers)
    assert after.supervisor is not None
    assert {0} == set(after.supervisor.restarts.values()), "nobody died"


def is_settled(server: ServerProcess) -> bool:
    """Tell whether no rolling restart is under way."""
    supervisor = server.status().supervisor
    return supervisor is not None and not supervisor.rolling


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_notices_killed_workers(tmp_path: Path, workers: int) -> None:
    """A crash at night is a line in the log, not a queue of messages that wait for people."""
    assert_nobody_notices(kill_in_turn, tmp_path, workers=workers, standby=True)


@pytest.mark.parametrize(
    "settings",
    [{"workers": 1, "standby": True}, {"workers": 1, "standby": False}, {"workers": 2}],
    ids=["one and one on standby", "one", "two"],
)
def test_nobody_notices_a_rolling_restart(tmp_path: Path, settings: dict[str, Any]) -> None:
    """It can be done in the busiest hour."""
    assert_nobody_notices(roll, tmp_path, **settings)


def test_a_lone_worker_does_all_the_work_while_another_stands_by(tmp_path: Path) -> None:
    """Two that share a CPU cost a third more for each call."""
    with started(tmp_path, workers=1, standby=True) as server:
        wait_for_workers(server)
        assert "with 1 worker and one on standby." in server.out.read_text()
        for _ in range(8):
            server.decide()
            server.close_channel()
        wait_until(lambda: server.status().decisions >= 8, "the reports")

        assert [8, 0] == [worker.counters["decisions"] for worker in server.status().workers]
