"""
Whatever is sent to whichever method: a declared status or an end, no crash, no leak, nothing changed.

Methods are found in the descriptors and ports by reflection, so that one that is added is fuzzed from then on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import grpc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import http2_frames as h2
from drawn_messages import Rpc, all_rpcs, damaged, messages
from fuzzed_server import FuzzedServer, missing_services
from oversight_client import AdminClient, Client, ServerState
from servers import started, wait_until

pytestmark = pytest.mark.e2e

_ROUNDS = 3
_MOST_GROWTH_BYTES = 4 * 1024 * 1024
"""By which a process may grow in each of the rounds: 10 KB a call."""
_CLOSES_WITHIN_S = 30.0
_EXAMPLES = 40
_LONGER = 10
_BY_PATH = [pytest.param(rpc, id=rpc.path.removeprefix("/oversight.v1.")) for rpc in all_rpcs()]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedServer]:
    """Yield one server for the whole module: each test says in what state it must be after all that was sent."""
    with started(tmp_path_factory.mktemp("fuzzed")) as server:
        wait_until((server.data_dir / "records.db").exists, "the store")
        fuzzed = FuzzedServer(server)
        yield fuzzed
        fuzzed.close()


@pytest.fixture(scope="module")
def times(pytestconfig: pytest.Config) -> int:
    """How many times the usual effort is made."""
    return _LONGER if pytestconfig.getoption("long") else 1


def send_drawn(fuzzed: FuzzedServer, rpc: Rpc, drawn: st.SearchStrategy[bytes], examples: int) -> None:
    """Send what is *drawn* to the method, and see that the server is still there."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        # What fails is sent again as it is: to find a smaller one would take minutes of everybody's time.
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def send(data: bytes) -> None:
        fuzzed.call(rpc, data)

    send()
    assert fuzzed.pids == fuzzed.processes(), "a process died"


def assert_still_serving(fuzzed: FuzzedServer) -> None:
    """Decide and ask for the state, as callers would: nothing that was sent may keep others from that."""
    with Client(fuzzed.addresses[0], timeout_s=30, on_unavailable="raise") as client:
        fuzzed.decided.add(client.decide(intent="order_status", response_confidence=0.9).decision_id)
    with AdminClient(fuzzed.addresses[1], timeout_s=30) as admin:
        status = wait_until(
            lambda: found if (found := admin.get_status()).state is ServerState.SERVING else None, "all to be well"
        )
    assert (fuzzed.pids, {}) == (fuzzed.processes(), status.restarts)


def test_every_service_is_served_on_one_of_the_ports(fuzzed: FuzzedServer) -> None:
    """One that is not would pass all that follows without being looked at."""
    assert set() == missing_services(fuzzed)
    assert 12 <= len(all_rpcs())


@pytest.mark.parametrize("rpc", _BY_PATH)
def test_any_message_gets_a_declared_status(fuzzed: FuzzedServer, rpc: Rpc, times: int) -> None:
    """Every field of every kind: odd Unicode, NaN, the largest numbers, unknown enums, too many items."""
    drawn = messages(rpc).map(lambda message: message.SerializeToString())

    send_drawn(fuzzed, rpc, drawn, _EXAMPLES * times)


@pytest.mark.parametrize("rpc", _BY_PATH)
def test_any_bytes_get_a_declared_status(fuzzed: FuzzedServer, rpc: Rpc, times: int) -> None:
    """A peer with another contract, a broken proxy, or somebody who tries."""
    send_drawn(fuzzed, rpc, damaged(rpc), _EXAMPLES * times)


@pytest.mark.parametrize("rpc", _BY_PATH)
def test_a_call_that_ends_without_a_message_is_refused(fuzzed: FuzzedServer, rpc: Rpc) -> None:
    """It must not wait for one for ever."""
    assert fuzzed.call_without_message(rpc) is grpc.StatusCode.INVALID_ARGUMENT
    assert "INVALID_ARGUMENT" in rpc.declared


def broken_connections(seed: int, rounds: int) -> Iterator[bytes]:
    """Yield what a connection may bring that is no gRPC call, or never becomes a whole one."""
    chance = random.Random(seed)  # noqa: S311 - a fuzz run must be repeatable
    path = chance.choice(all_rpcs()).path
    yield b""
    yield h2.PREFACE
    yield b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200  # the hello of a TLS client
    yield h2.opening(path)
    yield h2.opening(path) + h2.frame(h2.DATA, 0, 1, b"\0\xff\xff\xff\xff")  # a message of 4 GiB, it says
    yield h2.opening(path) + h2.frame(h2.DATA, h2.END_STREAM, 1, b"\0\0\0\1\0ab")  # one that ends before its end
    yield h2.opening(path) + h2.frame(h2.DATA, h2.END_STREAM, 1, b"\1\0\0\0\2\x1f\x8b")  # compressed, it says
    yield h2.opening(path) + h2.frame(h2.DATA, 0, 1, b"", length=0xFFFFFF)  # a frame of 16 MiB, it says
    yield h2.opening(path) + h2.frame(h2.RST_STREAM, 0, 1, b"\0\0\0\x08") * 100
    yield h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.PING, 0, 0, b"12345678") * 200
    yield h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff")
    yield h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.HEADERS, 0, 1) + h2.frame(h2.CONTINUATION, 0, 1) * 500
    yield h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.HEADERS, h2.END_HEADERS, 1, b"\xff" * 50)
    for _ in range(rounds):
        whole = h2.opening(chance.choice(all_rpcs()).path) + h2.frame(h2.DATA, 0, 1, chance.randbytes(4))
        yield chance.randbytes(chance.randint(1, 300))
        yield whole[: chance.randint(1, len(whole) - 1)]
        yield (
            h2.PREFACE
            + h2.frame(h2.SETTINGS)
            + h2.frame(
                chance.randrange(256),
                chance.randrange(256),
                chance.randrange(2**32),
                chance.randbytes(chance.randrange(40)),
            )
        )


@pytest.mark.parametrize("port", [0, 1], ids=["data", "admin"])
def test_a_broken_connection_is_closed(
    fuzzed: FuzzedServer, port: int, times: int, pytestconfig: pytest.Config
) -> None:
    """Random bytes, half a preface, frames that lie: each ends, and keeps nobody else from being answered."""
    seed = int(pytestconfig.getoption("seed"))
    for number, data in enumerate(broken_connections(seed, 25 * times)):
        answer = h2.send_and_read(fuzzed.addresses[port], data, _CLOSES_WITHIN_S)
        first = next(h2.frame_kinds(answer), h2.SETTINGS)
        assert h2.SETTINGS == first, f"connection {number} of seed {seed}: {answer[:100]!r}"

    assert_still_serving(fuzzed)


@pytest.mark.parametrize("port", [0, 1], ids=["data", "admin"])
def test_a_whole_call_of_a_method_that_is_not_there_is_answered(fuzzed: FuzzedServer, port: int) -> None:
    """The hand-made frames are understood: the broken ones are refused for what is broken in them."""
    data = h2.opening("/oversight.v1.Nobody/Nothing") + h2.frame(h2.DATA, h2.END_STREAM, 1, b"\0" * 5)

    assert h2.HEADERS in h2.frame_kinds(h2.send_and_read(fuzzed.addresses[port], data, _CLOSES_WITHIN_S))


def test_what_was_answered_is_on_record_and_nothing_else_changed(fuzzed: FuzzedServer) -> None:
    """After all the above: the rules in force are those of the start, and of records only what replies promised."""
    account = fuzzed.account()

    assert [fuzzed.decided, fuzzed.reported] == [set(account.decisions), set(account.outcomes)]
    with AdminClient(fuzzed.addresses[1], timeout_s=30) as admin:
        policy = admin.get_policy()
    assert policy.threshold_revision <= len(fuzzed.changes), "more changed than was answered"
    if not fuzzed.changes:
        assert fuzzed.digest == account.digest == policy.policy.digest


def test_nothing_leaks(fuzzed: FuzzedServer, times: int, pytestconfig: pytest.Config) -> None:
    """
    The same again and again: what grows with the calls would fill the machine in a night.

    Memory goes up and down by what one large message needs; a leak goes up in every round.
    """
    seed = int(pytestconfig.getoption("seed"))
    sizes = [fuzzed.sizes()]
    for number in range(1, _ROUNDS + 1):
        for rpc in all_rpcs():
            drawn = messages(rpc).map(lambda message: message.SerializeToString()) | damaged(rpc)
            send_drawn(fuzzed, rpc, drawn, _EXAMPLES * times)
        for port in (0, 1):
            for data in broken_connections(seed + number, 10 * times):
                h2.send_and_read(fuzzed.addresses[port], data, _CLOSES_WITHIN_S)
        fuzzed.account()
        sizes.append(fuzzed.sizes())

    grown = {
        name: [after[name].rss_bytes - before[name].rss_bytes for before, after in pairwise(sizes)] for name in sizes[0]
    }
    print(f"\n{fuzzed.calls} calls: {fuzzed.statuses}; grown by {grown} bytes")
    assert [] == [name for name, by in grown.items() if min(by) > _MOST_GROWTH_BYTES * times], grown
    most = {name: size.files + 8 for name, size in sizes[0].items()}
    wait_until(lambda: all(size.files <= most[name] for name, size in fuzzed.sizes().items()), "connections to close")
    assert_still_serving(fuzzed)
