"""One step of a run, and each process's share of it."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from oversight.cli.credentials import Credentials
from oversight.cli.load_generator import arrivals
from oversight.cli.load_generator.closed_loop import CALLERS, Pace, find_pace
from oversight.cli.load_generator.measurement import Measurement
from oversight.cli.load_generator.messages import Fields, Salt, make_requests
from oversight.cli.load_generator.open_loop import OpenLoop
from oversight.cli.load_generator.processes import Start, run_in_processes
from oversight.cli.load_generator.transport import GrpcTransport
from oversight_client import payloads
from oversight_client.bearer import read_bearer

__all__ = ["Plan", "measure_pace", "run_step"]

_INTERVALS = 60
_SHORTEST_INTERVAL_S = 0.1
_LONGEST_PACE_S = 5.0
_LONGEST_PACE_WARMUP_S = 1.0
_GRACE_S = 30.0
"""How much longer than it should a process may take before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What holds for every step of a run.

    *batch* is how many messages a call has, 0 for `Decide`. *messages* are None for the built-in mix. *connections*,
    *max_in_flight* and rates are those of all *processes* together.
    """

    target: str
    insecure: bool = False
    credentials: Credentials = field(default_factory=Credentials, repr=False)
    timeout_s: float = 5.0
    connections: int = 16
    processes: int = 1
    max_in_flight: int = 10_000
    arrivals: str = "poisson"
    duration_s: float = 30.0
    warmup_s: float = 2.0
    batch: int = 0
    seed: int = 0
    messages: tuple[Fields, ...] | None = None

    @property
    def interval_s(self) -> float:
        """How long each interval of the plot is."""
        return max(self.duration_s / _INTERVALS, _SHORTEST_INTERVAL_S)


def run_step(plan: Plan, number: int, rate_per_s: float) -> Measurement:
    """Send *rate_per_s* calls a second as *plan* says; *number* tells the steps of a run apart."""
    work = partial(_send_share, plan, number, rate_per_s)
    # Late calls are sent for one timeout more, and the last of them may take one itself.
    timeout_s = plan.warmup_s + plan.duration_s + 2 * plan.timeout_s + _GRACE_S
    first, *others = run_in_processes(work, plan.processes, timeout_s=timeout_s)
    for other in others:
        first.merge(other)
    return first


def measure_pace(plan: Plan) -> Pace:
    """Return how many calls a second the server answers, in 5 s at most, to 32 callers with one call each."""
    timeout_s = _LONGEST_PACE_WARMUP_S + _LONGEST_PACE_S + plan.timeout_s + _GRACE_S
    first, *others = run_in_processes(partial(_send_on, plan), plan.processes, timeout_s=timeout_s)
    for other in others:
        first.add(other)
    return first


async def _send_share(plan: Plan, number: int, rate_per_s: float, index: int, start: Start) -> Measurement:
    salt = Salt(plan.seed, f"{number}.{index}")
    measurement = Measurement(interval_s=plan.interval_s, batch=bool(plan.batch))
    requests = make_requests(salt, batch=plan.batch, messages=plan.messages)
    due_times_s = _due_times_s(plan, salt, rate_per_s, index)
    give_up_s = plan.duration_s + plan.timeout_s
    async with _transport(plan) as transport:
        loop = OpenLoop(transport, measurement, max_in_flight=max(1, plan.max_in_flight // plan.processes))
        zero_s = start() + plan.warmup_s
        with _undisturbed() as used_cpu:
            measurement.stopped_s = await loop.run(due_times_s, requests, zero_s=zero_s, give_up_s=give_up_s)
            measurement.generator_cpu = used_cpu()
    return measurement


async def _send_on(plan: Plan, index: int, start: Start) -> Pace:
    requests = make_requests(Salt(plan.seed, f"0.{index}"), batch=plan.batch, messages=plan.messages)
    callers = CALLERS // plan.processes + (index < CALLERS % plan.processes)
    async with _transport(plan) as transport:
        start()
        with _undisturbed() as used_cpu:
            pace = await find_pace(
                transport,
                requests,
                callers=callers,
                warmup_s=min(plan.warmup_s, _LONGEST_PACE_WARMUP_S),
                duration_s=min(plan.duration_s, _LONGEST_PACE_S),
            )
            pace.generator_cpu = used_cpu()
    return pace


def _due_times_s(plan: Plan, salt: Salt, rate_per_s: float, index: int) -> Iterator[float]:
    """Return when the calls of one process are due; those of the warm-up are before 0."""
    share_per_s = rate_per_s / plan.processes
    all_s = plan.warmup_s + plan.duration_s
    if plan.arrivals == "uniform":
        due_times_s = arrivals.uniform(share_per_s, all_s, first_s=index / rate_per_s)
    else:
        due_times_s = arrivals.poisson(share_per_s, all_s, salt.random("arrivals"))
    return (due_s - plan.warmup_s for due_s in due_times_s)


def _transport(plan: Plan) -> GrpcTransport:
    return GrpcTransport(
        plan.target,
        method=payloads.BATCH_DECIDE if plan.batch else payloads.DECIDE,
        connections=max(1, plan.connections // plan.processes),
        timeout_s=plan.timeout_s,
        insecure=plan.insecure,
        tls=plan.credentials.tls,
        bearer=read_bearer(plan.credentials.token, plan.credentials.token_file),
    )


@contextlib.contextmanager
def _undisturbed() -> Iterator[Callable[[], float]]:
    """Keep the garbage collector away; give how much of one CPU this process has used since."""
    # It would find nothing: 80,000 calls and 200 failed ones left no cycle, and memory stays the same.
    gc.collect()
    gc.freeze()
    gc.disable()
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    try:
        yield lambda: (time.process_time() - began_cpu_s) / (time.monotonic() - began_s)
    finally:
        gc.enable()
        gc.unfreeze()
