"""Processes that die: what ends, what goes on, and what comes back."""

from __future__ import annotations

import os
import signal

import pytest

from oversight.v1 import decision_pb2
from servers import ServerProcess, is_running, wait_until, write_policy


def test_children_end_with_a_killed_supervisor(server: ServerProcess) -> None:
    """Else they would keep the port and the journals, and the next start would find both taken."""
    server.start()
    children = server.child_pids()
    assert 3 == len(children)

    os.kill(server.pid, signal.SIGKILL)
    server.wait()

    wait_until(lambda: not any(map(is_running, children)), "the children to end", 5)


def test_a_server_starts_at_once_after_its_predecessor_was_killed(server: ServerProcess) -> None:
    """An operator who restarts a killed server must not be told that its port is taken."""
    server.start()
    listen = server.target
    os.kill(server.pid, signal.SIGKILL)
    server.wait()

    again = ServerProcess(server.data_dir.parent, listen=listen)
    try:
        assert again.start().decide().recorded
    finally:
        again.kill()


def test_a_killed_worker_comes_back(server: ServerProcess) -> None:
    """Nobody has to get up for it."""
    server.start()
    before = server.worker_pid()

    os.kill(before, signal.SIGKILL)
    wait_until(lambda: server.worker_pid() != before, "another worker")
    server.close_channel()

    assert server.decide("after").recorded
    supervisor = server.status().supervisor
    assert supervisor is not None
    assert 1 == supervisor.restarts["worker-0"]
    assert any("worker-0" in line["message"] and "SIGKILL" in line["message"] for line in server.log_lines())


def test_workers_go_on_while_the_controller_is_gone_and_it_comes_back(server: ServerProcess) -> None:
    """Deciding needs nothing but the snapshot in force."""
    server.start()
    controller = server.status().controller
    assert controller is not None

    os.kill(controller.pid, signal.SIGKILL)
    reply = server.decide("meanwhile")

    assert (decision_pb2.TIER_HUMAN_ON_THE_LOOP, True) == (reply.tier, reply.recorded)
    wait_until(
        lambda: (found := server.status().controller) is not None and found.pid not in (0, controller.pid),
        "another controller",
    )
    assert reply.decision_id == server.find(reply.decision_id).response.decision_id
    assert server.worker_pid() in server.child_pids(), "no worker was restarted for it"


def test_while_the_keeper_gets_no_cpu_it_is_said_and_everything_else_goes_on(server: ServerProcess) -> None:
    """A count of what waits that is old must not pass for today's; rules still change, and nothing is lost."""
    server.start()
    keeper = wait_until(
        lambda: found if (found := server.status().keeper) and found.counted_at_us else None, "the keeper's first count"
    )
    before = server.status().digest
    os.kill(keeper.pid, signal.SIGSTOP)
    reply = server.decide("meanwhile")
    write_policy(server.policy, version="2")

    wait_until(lambda: server.status().digest not in ("", before), "the new rules")
    silent = f"the keeper (pid {keeper.pid}) has said nothing"
    status = wait_until(lambda: found if silent in str((found := server.status()).alarms) else None, "the alarm")
    assert status.pending_age_s is not None
    assert status.pending_age_s >= 4

    os.kill(keeper.pid, signal.SIGKILL)
    wait_until(lambda: server.status().state == "serving", "another keeper")
    wait_until(lambda: server.status().pending_records == 0, "the records to reach the store")
    supervisor = server.status().supervisor
    assert supervisor is not None
    assert {"controller": 0, "keeper": 1, "worker-0": 0} == supervisor.restarts
    assert reply.decision_id == server.find(reply.decision_id).response.decision_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order(server: ServerProcess, number: signal.Signals) -> None:
    """A process manager and Ctrl-C want the same."""
    server.start()
    children = server.child_pids()
    server.decide()

    os.kill(server.pid, number)

    assert 0 == server.wait()
    assert not any(map(is_running, children))
    assert "stopped" == server.status().state
    messages = [line["message"] for line in server.log_lines() if line["process"] == "supervisor"]
    assert [f"stopping: {number.name}", "stopped"] == messages


def test_a_second_signal_ends_everything_at_once(server: ServerProcess) -> None:
    """Whoever presses Ctrl-C twice means it; journals keep what is not in the store."""
    server.start()
    children = server.child_pids()
    for pid in children:
        os.kill(pid, signal.SIGSTOP)  # so that an orderly stop would have to wait for them

    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: any("stopping" in line["message"] for line in server.log_lines()), "the stop to begin")
    os.kill(server.pid, signal.SIGTERM)

    assert 128 + signal.SIGTERM == server.wait(5)
    wait_until(lambda: not any(map(is_running, children)), "the children to end", 5)
