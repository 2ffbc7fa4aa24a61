"""Sockets that many processes share: who gets a connection, and what happens to them when a process dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple

import pytest

from oversight.app.listeners import Listeners

CONNECTIONS = 20
SERVES = """
import socket, sys
from oversight.app.listeners import Listeners
listener = socket.create_server(("127.0.0.1", 0))
held = Listeners(listener.getsockname()[1])
print(listener.getsockname()[1], flush=True)
connections = [listener.accept() for _ in range(int(sys.argv[1]))]
print("accepted", flush=True)
sys.stdin.read()
"""


class Sharing(NamedTuple):
    """Sockets that listen on one port; the first is the oldest, and held."""

    first: socket.socket
    held: Listeners
    second: socket.socket
    third: socket.socket


@pytest.fixture
def sharing() -> Iterator[Sharing]:
    """Three listeners in one process, as three workers would have one each."""
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0), reuse_port=True))
        address = first.getsockname()
        held = Listeners(address[1])
        stack.callback(held.stop)
        others = [stack.enter_context(socket.create_server(address, reuse_port=True)) for _ in range(2)]
        yield Sharing(first, held, *others)


def count_accepted(*listeners: socket.socket) -> list[int]:
    """Connect some times and return how many connections each listener got."""
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(listeners[0].getsockname()))
        return [accept_all(one) for one in listeners]


def accept_all(listener: socket.socket) -> int:
    """Accept what waits and return how many there were."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_the_oldest_gets_every_connection(sharing: Sharing) -> None:
    """A lone worker keeps its CPU for itself; the one on standby has nothing to do."""
    sharing.held.prefer_oldest()

    assert [CONNECTIONS, 0, 0] == count_accepted(sharing.first, sharing.second, sharing.third)


def test_when_the_oldest_ends_another_gets_every_connection_at_once(sharing: Sharing) -> None:
    """There must be no moment in which nobody listens: gRPC would pause for longer than a decision may take."""
    sharing.held.prefer_oldest()

    sharing.held.stop()

    assert [0, CONNECTIONS] == sorted(count_accepted(sharing.second, sharing.third))


def test_a_stop_refuses_connections_and_leaves_the_server_its_file(sharing: Sharing) -> None:
    """The server closes that file itself; until then its number must not become anybody else's."""
    address, number = sharing.first.getsockname(), sharing.first.fileno()
    sharing.second.close()
    sharing.third.close()

    sharing.held.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    assert number == sharing.first.fileno()
    assert 0 == sharing.first.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_nobody_can_connect_to_a_process_that_is_killed() -> None:
    """A caller that was cut would be cut again, and then wait longer than its deadline."""
    callers = 8
    with (
        subprocess.Popen(
            [sys.executable, "-c", SERVES, str(callers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        ExitStack() as stack,
    ):
        assert process.stdout is not None
        address = ("127.0.0.1", int(process.stdout.readline()))
        connections = [stack.enter_context(socket.create_connection(address)) for _ in range(callers)]
        assert "accepted\n" == process.stdout.readline()
        found: list[str] = []
        threads = [threading.Thread(target=connect_again, args=(one, found)) for one in connections]
        for thread in threads:
            thread.start()

        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()

    assert ["refused"] * callers == found


def connect_again(connection: socket.socket, found: list[str]) -> None:
    """Wait until the connection is cut, connect anew at once, and note how that went."""
    address = connection.getpeername()
    with suppress(ConnectionResetError):
        connection.recv(1)
    try:
        socket.create_connection(address).close()
        found.append("accepted")
    except ConnectionRefusedError:
        found.append("refused")


def test_a_port_that_this_process_does_not_listen_on_is_said() -> None:
    """Then nothing is held, and the worker must not believe so."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        with pytest.raises(OSError, match=f"does not listen on port {bound.getsockname()[1]}"):
            Listeners(bound.getsockname()[1])
