"""Calls are sent when they are due, and their latency counts from then."""

import asyncio

import pytest

from oversight.cli.load_generator.arrivals import uniform
from oversight.cli.load_generator.open_loop import OpenLoop
from oversight.cli.load_generator.transport import OK, Answer
from unit.cli.load_generator.fakes import SlowServer, a_measurement, requests
from unit.cli.load_generator.virtual_time import VirtualLoop, run_virtually

MS = 1e6


def run(make_server, due_times_s, *, max_in_flight=10_000, give_up_s=1e6, cancel_at_s=None):
    """Send to a server at *due_times_s*; return server, measurement, and when it was stopped."""

    async def work():
        server, measured = make_server(), a_measurement()
        loop = OpenLoop(server, measured, max_in_flight=max_in_flight)
        zero_s = asyncio.get_running_loop().time()
        if cancel_at_s is not None:
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_at(zero_s + cancel_at_s, task.cancel)
        stopped_s = await loop.run(due_times_s, requests(), zero_s=zero_s, give_up_s=give_up_s)
        return server, measured, stopped_s

    return run_virtually(work())


def percentiles_ms(histogram, *percents):
    """Return percentiles in milliseconds."""
    return [value / MS for value in histogram.percentiles(percents)]


def test_calls_are_sent_on_time():
    """Not a batch every millisecond: each at its own moment."""
    due = list(uniform(100, 2))
    server, measured, stopped_s = run(lambda: SlowServer(lambda _: 0.003), due)
    assert pytest.approx(due, abs=100e-6) == server.sent_s
    assert (200, 200, None) == (measured.sent, measured.tiers.total(), stopped_s)
    assert pytest.approx([3.0, 3.0], abs=0.2) == percentiles_ms(measured.service_ns, 0, 100)
    assert percentiles_ms(measured.lag_ns, 100)[0] < 0.1


def test_a_stall_of_the_server_is_in_the_latency_of_every_call_that_met_it():
    """
    The classical case of coordinated omission (Gil Tene): 100 s at 1 ms, then nothing for 100 s.

    Whoever waits for each answer before the next call sends one call into the stall, and reports a p99.99 of 1 ms.
    """

    def service_s(sent_s):
        return 0.001 if sent_s < 100 else 200 - sent_s

    _, measured, _ = run(lambda: SlowServer(service_s), uniform(50, 200))
    assert pytest.approx([1.0, 50_000, 98_000, 99_980], rel=0.1) == percentiles_ms(
        measured.all_latency_ns(), 49.9, 75, 99, 99.99
    )


def test_calls_behind_a_limit_keep_the_time_at_which_they_were_due():
    """A limit on calls under way must not turn the loop into a closed one."""

    def service_s(sent_s):
        return 0.001 if sent_s >= 10 else 10 - sent_s

    server, measured, _ = run(lambda: SlowServer(service_s), uniform(100, 20), max_in_flight=50)
    assert 50 == server.most_under_way
    assert 2000 == measured.sent
    # Due at 0.5 s, sent at 10 s: 9.5 s of its 9.5 s were spent waiting to be sent.
    assert pytest.approx([10_000, 9_500], rel=0.01) == [
        percentiles_ms(found, 100)[0] for found in (measured.all_latency_ns(), measured.lag_ns)
    ]
    assert measured.waited > 0


def test_a_stall_of_the_generator_is_in_the_latency_and_in_its_lag():
    """A generator that is held up for a second has not sent for a second, whatever it measured of the rest."""

    class Stall(SlowServer):
        async def call(self, payload):
            if len(self.sent_s) == 100:
                loop = asyncio.get_running_loop()
                assert isinstance(loop, VirtualLoop)
                loop.now_s += 1.0
            return await super().call(payload)

    _, measured, _ = run(lambda: Stall(lambda _: 0.001), uniform(100, 10))
    latency, service, lag = (
        percentiles_ms(found, 50, 95, 100)
        for found in (measured.all_latency_ns(), measured.service_ns, measured.lag_ns)
    )
    assert pytest.approx([1.0, 500, 1001], rel=0.1) == latency
    assert pytest.approx(500, rel=0.1) == lag[1]
    assert service[1] < 10


def test_what_cannot_be_sent_in_time_is_counted_and_ends_the_run():
    """A server that never answers must not hold the generator for ever, and none of its calls may go missing."""
    server, measured, _ = run(lambda: SlowServer(lambda _: 4.0), uniform(10, 10), max_in_flight=1, give_up_s=13.0)
    assert 4 == len(server.sent_s)
    assert (4, 96) == (measured.sent, measured.skipped)


def test_failed_calls_count_with_their_full_time():
    """A timeout is the slowest call of all: left out, it would make the p99 look better."""
    failure = Answer("DEADLINE_EXCEEDED", text="too late")
    _, measured, _ = run(lambda: SlowServer(lambda _: 5.0, failure), uniform(10, 1))
    assert {"DEADLINE_EXCEEDED": 10} == {status: found.count for status, found in measured.latency_ns.items()}
    assert pytest.approx([5000], rel=0.001) == percentiles_ms(measured.all_latency_ns(), 50)


def test_when_it_is_cancelled_calls_under_way_are_awaited():
    """Ctrl-C after ten minutes must not throw away ten minutes."""
    _, measured, stopped_s = run(lambda: SlowServer(lambda _: 0.5), uniform(10, 3600), cancel_at_s=2.95)
    assert pytest.approx(2.95, abs=0.001) == stopped_s
    assert (30, 30) == (measured.sent, measured.latency_ns[OK].count)


def test_cancelled_when_all_is_sent_it_is_a_whole_run():
    """Ctrl-C while the last answers are on their way stops nothing any more."""
    _, measured, stopped_s = run(lambda: SlowServer(lambda _: 2.0), uniform(10, 1), cancel_at_s=1.5)
    assert (None, 10) == (stopped_s, measured.latency_ns[OK].count)


def test_a_fault_of_our_own_is_not_swallowed():
    """Calls that vanish in a task that nobody asks would look like calls that were never due."""

    class Broken(SlowServer):
        async def call(self, _):
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        run(lambda: Broken(lambda _: 0.0), uniform(10, 1))
