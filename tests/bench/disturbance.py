"""What callers notice of the work beside the calls: draining a backlog, and swapping ten thousand rules."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.bodies import batch_of
from bench.contenders import Server, cpu_s, started, wait_for
from bench.figures import Figure, Findings, NotMeasuredError, Table, ratios
from bench.h2load import send
from bench.many_rules import write_rules
from bench.open_loop import Latency, find_saturation, send_at
from bench.own import BATCH_DECIDE, service
from bench.report import spread
from bench.rounds import Plan, say, take_turns
from oversight.app.status import read_status

__all__ = ["measure_draining", "measure_swapping"]

_SHARES = (0.2, 0.5, 0.8)
_HALF = _SHARES.index(0.5)
_RULES = 10_000
_SWAP_EVERY_S = 10.0
_SWAP_SECONDS = 10.0
_BACKLOG_BYTES = 100_000_000
_LEFT_BYTES = 40_000_000
"""More than the two segments that may be there when nothing waits."""
_FILL_CALLS, _FILL_BATCH = 100, 200
_FILLS = 20
_COLUMNS = ("meanwhile", "share of saturation", "calls/s", "p50 ms", "p99 ms", "p99.9 ms")
_Step = Latency | NotMeasuredError
_Found = Mapping[str, list[list[_Step]]]


def measure_draining(plan: Plan) -> Findings:
    """Measure latency while a backlog is drained, and while nothing is."""
    calm, busy = "nothing is drained", "a backlog is drained"
    with started(service("draining"), plan.place) as server:
        rates = _rates(server, plan)

        def measure(condition: str, number: int) -> list[_Step]:
            if condition == busy:
                return _steps(rates, lambda rate: _send_while_draining(server, plan, rate))
            with _paused(_keeper(server)):
                return _steps(rates, lambda rate: send_at(server, plan, rate, seconds=plan.seconds))

        found = take_turns([calm, busy], plan.long_rounds, measure)
    return _findings("p99_draining", "Latency and the drain", found, rates)


def measure_swapping(plan: Plan) -> Findings:
    """Measure latency while a large policy is replaced again and again, and while it stays."""
    calm, busy = "10,000 rules stay", "10,000 rules are swapped every 10 s"
    rules, versions = plan.folder / "rules", itertools.count(1)
    write_rules(rules, _RULES, next(versions))
    with started(service("swapping", policy=rules), plan.place) as server:
        rates = _rates(server, plan)

        def swap() -> None:
            write_rules(rules, _RULES, next(versions))

        def measure(condition: str, number: int) -> list[_Step]:
            _wait_until_idle(_controller(server))
            meanwhile = swap if condition == busy else lambda: None
            before = read_status(server.data_dir).digest
            steps = _steps(
                rates,
                lambda rate: send_at(
                    server, plan, rate, seconds=_SWAP_SECONDS, every_s=_SWAP_EVERY_S, meanwhile=meanwhile
                ),
            )
            swapped = read_status(server.data_dir).digest != before
            if swapped != (condition == busy):
                came = "came" if swapped else "did not come"
                raise NotMeasuredError(f"{condition}: new rules {came} into force during the load")
            return steps

        found = take_turns([calm, busy], plan.long_rounds, measure)
    return _findings("p99_swapping", "Latency and rules", found, rates)


def _rates(server: Server, plan: Plan) -> list[float]:
    saturation_per_s = find_saturation(server, plan)
    return [share * saturation_per_s for share in _SHARES]


def _steps(rates: Sequence[float], send: Callable[[float], Latency]) -> list[_Step]:
    """Return the latency at each rate, or why there is none: an overload at one says nothing of the others."""
    steps: list[_Step] = []
    for rate in rates:
        try:
            steps.append(send(rate))
        except NotMeasuredError as error:
            say(str(error))
            steps.append(error)
    return steps


def _send_while_draining(server: Server, plan: Plan, rate_per_s: float) -> Latency:
    """Return the latency at one rate with a backlog that does not end before the load does."""
    with _paused(_keeper(server)):
        for _ in range(_FILLS):
            if _journal_bytes(server) >= _BACKLOG_BYTES:
                break
            _fill(server, plan)
    latency = send_at(server, plan, rate_per_s, seconds=plan.seconds)
    if _journal_bytes(server) < _LEFT_BYTES:
        raise NotMeasuredError(f"the backlog of {_BACKLOG_BYTES:,} bytes was drained before the load ended")
    return latency


def _fill(server: Server, plan: Plan) -> None:
    message = batch_of(_FILL_BATCH).SerializeToString()
    send(server.port, BATCH_DECIDE, message, calls=_FILL_CALLS, connections=2, streams=2, cpu=plan.load_cpu)


def _journal_bytes(server: Server) -> int:
    """Return how much is in journals; segments are removed once they are drained."""
    size_bytes = 0
    for path in (server.data_dir / "journal").rglob("*.journal"):
        with contextlib.suppress(FileNotFoundError):
            size_bytes += path.stat().st_size
    return size_bytes


def _controller(server: Server) -> int:
    """Return the process id of the controller, which has rules compiled."""
    controller = read_status(server.data_dir).controller
    if controller is None:
        raise NotMeasuredError("the controller has not said anything")
    return controller.pid


def _keeper(server: Server) -> int:
    """Return the process id of the keeper, which drains."""
    keeper = read_status(server.data_dir).keeper
    if keeper is None:
        raise NotMeasuredError("the keeper has not said anything")
    return keeper.pid


@contextlib.contextmanager
def _paused(pid: int) -> Iterator[None]:
    """Stop a process of the server for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _wait_until_idle(pid: int) -> None:
    """Wait until a process has nothing left to do, nor has left it to another one."""

    def is_idle() -> bool:
        before_s = cpu_s(pid)
        time.sleep(1)
        children = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
        return not children.strip() and cpu_s(pid) - before_s < 0.1

    wait_for(is_idle, "the last rules to be in force")


def _findings(key: str, title: str, found: _Found, rates: Sequence[float]) -> Findings:
    """Return the ratio at half of saturation, busy to calm, of the rounds that have both; and the whole table."""
    calm, busy = ([steps[_HALF] for steps in rounds] for rounds in found.values())
    pairs = [
        (one, other)
        for one, other in zip(busy, calm, strict=True)
        if isinstance(one, Latency) and isinstance(other, Latency)
    ]
    figure: Figure | NotMeasuredError
    if pairs:
        figure = ratios([one.p99_ms for one, _ in pairs], [other.p99_ms for _, other in pairs])
    else:
        figure = next(step for step in (*busy, *calm) if isinstance(step, NotMeasuredError))
    rows = [
        (condition, f"{share:.0%}", f"{rate:,.0f}", *_cells([steps[index] for steps in rounds]))
        for index, (share, rate) in enumerate(zip(_SHARES, rates, strict=True))
        for condition, rounds in found.items()
    ]
    return Findings({key: figure}, (Table(f"{title}, by open-loop load", _COLUMNS, tuple(rows)),))


def _cells(steps: Sequence[_Step]) -> tuple[str, ...]:
    latencies = [step for step in steps if isinstance(step, Latency)]
    if not latencies:
        return (f"not measured: {steps[0]}", "", "")
    return tuple(spread([latency[figure] for latency in latencies]) for figure in range(len(Latency._fields)))
