"""The loop under a real server, with methods that break."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from oversight.errors import InvalidRequestError, OverloadedError
from oversight.grpc_api.call_loop import CallLoop, Headers, Method, ReadingPool, Steps
from oversight.grpc_api.status import INTERNAL, refuse
from oversight.journal.protocols import Done
from refusals import refusal_of


def echo(data: bytes, _headers: Headers) -> Steps:
    """Answer with what was sent."""
    yield None
    return data


def break_at_once(_data: bytes, _headers: Headers) -> Steps:
    """Fail where no method may."""
    raise RuntimeError("broken")


def break_later(_data: bytes, _headers: Headers) -> Steps:
    """Fail in a turn."""
    yield None
    raise RuntimeError("broken")


def wait_for_disk(_data: bytes, _headers: Headers) -> Steps:
    """Wait for what only the loop can wait for."""
    yield Never()
    return b"quiet"


class Never:
    """A disk for which nobody can wait."""

    def when_synced(self, done: Done) -> None:
        """Fail."""
        raise RuntimeError("broken", done)


@pytest.fixture
def channel() -> Iterator[grpc.Channel]:
    """Return a channel to a server of the methods above."""
    reads = ReadingPool(2, "read")
    server = grpc.server(ThreadPoolExecutor(1))
    functions: dict[str, Any] = {
        "Echo": echo,
        "BreakAtOnce": break_at_once,
        "BreakLater": break_later,
    }
    methods = [Method(f"/example.Service/{name}", function) for name, function in functions.items()]
    methods += [
        Method("/example.Service/Read", echo, reads),
        Method("/example.Service/BreakInPool", break_later, reads),
        Method("/example.Service/Sync", wait_for_disk),
        Method("/example.Service/SyncInPool", wait_for_disk, reads),
    ]
    loop = CallLoop(
        server,
        methods,
        max_waiting=10,
        overloaded=lambda path: refuse(OverloadedError(path)),
        incomplete=lambda path: refuse(InvalidRequestError("message", path)),
        broken=INTERNAL,
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    loop.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(0).wait(5)
    assert loop.join(5), "the loop did not end with its server"
    reads.shutdown()


def call(channel: grpc.Channel, method: str) -> object:
    """Return what *method* answers."""
    stub: Any = channel.unary_unary(f"/example.Service/{method}")
    return stub(b"sent", timeout=5)


@pytest.mark.parametrize("method", ["BreakAtOnce", "BreakLater", "BreakInPool", "Sync", "SyncInPool"])
def test_what_fails_outside_a_method_costs_one_call(
    channel: grpc.Channel, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One thread answers all calls: whatever happens to one of them, it has to go on."""
    with caplog.at_level(logging.ERROR):
        refusal = refusal_of(lambda: call(channel, method))

    assert (grpc.StatusCode.INTERNAL, "INTERNAL") == refusal[:2]
    assert f"/example.Service/{method}: a call failed outside its method" in caplog.text
    assert b"sent" == call(channel, "Echo")


def test_a_method_with_a_pool_answers_from_there(channel: grpc.Channel) -> None:
    """What waits must not wait in the loop."""
    assert b"sent" == call(channel, "Read")
