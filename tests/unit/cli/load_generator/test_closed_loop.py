"""What a server answers at most."""

import asyncio

import pytest

from oversight.cli.load_generator.closed_loop import Pace, find_pace
from oversight.cli.load_generator.transport import Answer
from unit.cli.load_generator.fakes import SlowServer, requests
from unit.cli.load_generator.virtual_time import run_virtually


def find(make_server, callers=4):
    """Return the pace of *callers*, and the server."""

    async def work():
        server = make_server()
        return await find_pace(server, requests(), callers=callers, warmup_s=1.0, duration_s=2.0), server

    return run_virtually(work())


def test_callers_send_on_as_soon_as_they_are_answered():
    """Four callers and 10 ms a call are 400 calls a second."""
    pace, server = find(lambda: SlowServer(lambda _: 0.01))
    assert pytest.approx(400, rel=0.02) == pace.answered_per_s
    assert 4 == server.most_under_way
    assert pytest.approx(1200, rel=0.02) == len(server.sent_s)


def test_the_warm_up_does_not_count():
    """A server is slow at first; its pace is what it does then."""
    pace, _ = find(lambda: SlowServer(lambda now_s: 0.5 if now_s < 0.9 else 0.01))
    assert pytest.approx(400, rel=0.03) == pace.answered_per_s


def test_failures_are_no_answers():
    """A server that refuses everything at once is not a fast one."""
    pace, _ = find(lambda: SlowServer(lambda _: 0.01, Answer("RESOURCE_EXHAUSTED")))
    assert 0 == pace.answered_per_s
    assert pytest.approx(800, rel=0.02) == pace.failed["RESOURCE_EXHAUSTED"]


def test_paces_of_processes_add_up():
    """Two processes that each got half are one that got it all."""
    pace = Pace(100.0, generator_cpu=0.4)
    other = Pace(120.0, generator_cpu=0.9)
    other.failed["UNAVAILABLE"] = 2
    pace.add(other)
    assert (220.0, {"UNAVAILABLE": 2}, 0.9) == (pace.answered_per_s, dict(pace.failed), pace.generator_cpu)


def test_a_server_that_fails_at_once_does_not_hang_the_loop():
    """The loop ends by the clock, whatever is answered."""

    class Down(SlowServer):
        async def call(self, _):
            await asyncio.sleep(0)
            return Answer("UNAVAILABLE")

    pace, _ = find(lambda: Down(lambda _: 0.0))
    assert 0 == pace.answered_per_s
    assert pace.failed["UNAVAILABLE"] > 0
