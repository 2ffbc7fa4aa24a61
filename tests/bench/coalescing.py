"""
What coalescing gains: `python tests/bench/coalescing.py [--rounds 5] [--seconds 1.5] [--callers 1,8,64]`.

`oversight serve` as shipped (one worker, the default policy, every decision on record) has one CPU, its callers the
other: threads of one `Client`, and tasks of one `AsyncClient`, each asking again as soon as it is answered. With and
without coalescing take turns, in another order each round; medians of the rounds are printed, with the spread of the
rate. The gain is the median of the rounds' ratios. CPU is per decision: this process's, and the worker's (proc(5)).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bodies import FIELDS
from oversight_client import AsyncClient, Client, Coalescing
from servers import ServerProcess, started

POLICY = Path(__file__).resolve().parents[2] / "policy_rules"
TIMEOUT_S = 10.0
Ask = Callable[[str, int, float, Coalescing | None], list[float]]


class Run(NamedTuple):
    """One run: decisions a second, latency of one, CPU time of this process and of the worker for one."""

    decisions_per_s: float
    p50_ms: float
    p99_ms: float
    client_us: float
    server_us: float


def ask_in_threads(target: str, callers: int, seconds: float, coalesce: Coalescing | None) -> list[float]:
    """Ask from *callers* threads; return how long each decision took, in seconds."""
    took: list[float] = []
    with Client(target, timeout_s=TIMEOUT_S, on_unavailable="raise", coalesce=coalesce) as client:
        client.decide(**FIELDS)
        ends = time.perf_counter() + seconds

        def ask() -> None:
            own = []
            while (began := time.perf_counter()) < ends:
                client.decide(**FIELDS)
                own.append(time.perf_counter() - began)
            took.extend(own)

        threads = [threading.Thread(target=ask) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return took


def ask_in_tasks(target: str, callers: int, seconds: float, coalesce: Coalescing | None) -> list[float]:
    """Ask from *callers* tasks; return how long each decision took, in seconds."""
    took: list[float] = []

    async def main() -> None:
        async with AsyncClient(target, timeout_s=TIMEOUT_S, on_unavailable="raise", coalesce=coalesce) as client:
            await client.decide(**FIELDS)
            ends = time.perf_counter() + seconds

            async def ask() -> None:
                while (began := time.perf_counter()) < ends:
                    await client.decide(**FIELDS)
                    took.append(time.perf_counter() - began)

            await asyncio.gather(*(ask() for _ in range(callers)))

    asyncio.run(main())
    return took


def worker_us(pid: int) -> float:
    """Return the CPU time of a process so far (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


def measure(ask: Ask, server: ServerProcess, callers: int, seconds: float, coalesce: Coalescing | None) -> Run:
    """Make one run."""
    target, pid = server.target, server.worker_pid()
    worker, own_ns, began = worker_us(pid), time.process_time_ns(), time.perf_counter()
    took = sorted(ask(target, callers, seconds, coalesce))
    elapsed, own_us = time.perf_counter() - began, (time.process_time_ns() - own_ns) / 1000
    count = len(took)
    percentiles = took[count // 2] * 1000, took[count * 99 // 100] * 1000
    return Run(count / elapsed, *percentiles, own_us / count, (worker_us(pid) - worker) / count)


def print_case(title: str, alone: list[Run], together: list[Run]) -> None:
    """Print the medians of one case."""
    gain = statistics.median(b.decisions_per_s / a.decisions_per_s for a, b in zip(alone, together, strict=True))
    for name, runs, note in (("alone", alone, ""), ("coalesced", together, f"{gain:.2f} x")):
        middle = Run(*map(statistics.median, zip(*runs, strict=True)))
        rates = [run.decisions_per_s for run in runs]
        spread = f"{min(rates):,.0f}..{max(rates):,.0f}"
        print(
            f"{title:14}{name:>10}{middle.decisions_per_s:13,.0f}{spread:>17}{middle.p50_ms:9.2f}{middle.p99_ms:9.2f}"
            f"{middle.client_us:11.0f}{middle.server_us:11.0f}{note:>9}"
        )


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one run")
    parser.add_argument("--callers", default="1,8,64")
    parser.add_argument("--cpus", default="0,1", help="the server's CPU and the callers'")
    parser.add_argument("--max-wait-s", type=float, default=Coalescing().max_wait_s)
    parser.add_argument("--max-batch", type=int, default=Coalescing().max_batch)
    parser.add_argument("--kinds", default="threads,tasks")
    options = parser.parse_args()
    coalesce = Coalescing(max_wait_s=options.max_wait_s, max_batch=options.max_batch)
    server_cpu, own_cpu = map(int, options.cpus.split(","))
    asks: dict[str, Ask] = {"threads": ask_in_threads, "tasks": ask_in_tasks}
    cases = [(kind, int(callers)) for kind in options.kinds.split(",") for callers in options.callers.split(",")]
    runs: dict[tuple[str, int, bool], list[Run]] = {(*case, shared): [] for case in cases for shared in (False, True)}
    os.sched_setaffinity(0, {server_cpu})
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), policy=POLICY) as server:
        os.sched_setaffinity(0, {own_cpu})
        ask_in_threads(server.target, 8, 1.0, None)
        for _ in range(options.rounds):
            for kind, callers, shared in random.sample(list(runs), len(runs)):
                found = measure(asks[kind], server, callers, options.seconds, coalesce if shared else None)
                runs[kind, callers, shared].append(found)
    print(f"{coalesce}, {options.rounds} rounds of {options.seconds:g} s, load {os.getloadavg()[0]:.1f}")
    columns = f"{'decisions/s':>13}{'spread':>17}{'p50 ms':>9}{'p99 ms':>9}{'client us':>11}{'server us':>11}"
    print(f"{'callers':24}{columns}")
    for kind, callers in cases:
        print_case(f"{callers} {kind}", runs[kind, callers, False], runs[kind, callers, True])


if __name__ == "__main__":
    main()
