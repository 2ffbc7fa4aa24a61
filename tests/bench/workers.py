"""
What a second worker costs and what pinning saves: `PYTHONPATH=tests python -m bench.workers [--rounds 5]`.

The server is `oversight serve` with the default policy, every decision on record; h2load sends from any CPU. The figure
that counts is CPU time of the worker processes for a call: it does not depend on how fast h2load is. The cases take
turns; medians of the rounds are printed, with the least and the greatest. Then workers are killed one after the other,
and the time from `kill -9` until the new process answers is printed (of a server that had nothing else to do).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from bench.bodies import request
from bench.h2load import send
from oversight.v1 import decision_service_pb2_grpc
from servers import ServerProcess, a_request, wait_until

METHOD = "oversight.v1.DecisionService/Decide"
CONNECTIONS, STREAMS = 16, 2
POLICY = Path(__file__).parents[2] / "policy_rules"
CASES: Mapping[str, Mapping[str, Any]] = {
    "1 worker, pinned": {"workers": 1, "worker_pinning": "on"},
    "2 workers, pinned": {"workers": 2, "worker_pinning": "on"},
    "1 and one on standby, pinned": {"workers": 1, "worker_pinning": "on", "standby": True},
    "1 worker, unpinned": {"workers": 1, "worker_pinning": "off"},
    "2 workers, unpinned": {"workers": 2, "worker_pinning": "off"},
}


class Run(NamedTuple):
    """One case in one round: CPU of the workers for a call, calls a second, the busiest worker's share of the CPU."""

    cpu_us: float
    calls_per_s: float
    busiest_share: float


@contextlib.contextmanager
def serving(**settings: Any) -> Iterator[ServerProcess]:
    """Yield a server with the default policy in which every worker serves."""
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as folder:
        settings = {"policy": POLICY, "drain_interval_s": 0.5, "policy_poll_s": 1, **settings}
        with ServerProcess(Path(folder), **settings) as server:
            wait_until(lambda: len(server.status().workers) == len(server.child_pids()) - 1, "all workers")
            yield server


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process' threads (schedstat: nanoseconds)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measure(calls: int, **settings: Any) -> Run:
    """Load one server and read what its workers used."""
    with serving(**settings) as server:
        port, message = int(server.target.rpartition(":")[2]), request().SerializeToString()
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))

        def load(count: int) -> float:
            done = send(port, METHOD, message, calls=count, connections=CONNECTIONS, streams=STREAMS, cpu=cpus)
            return done.calls_per_s

        load(calls // 5)
        pids = [worker.pid for worker in server.status().workers]
        before = [cpu_s(pid) for pid in pids]
        calls_per_s = load(calls)
        used = [cpu_s(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
        return Run(sum(used) / calls * 1e6, calls_per_s, max(used) / sum(used))


def time_comeback_ms(server: ServerProcess) -> float:
    """Kill the only worker and return the milliseconds until another one has answered a call."""
    host, _, port = server.target.rpartition(":")
    began = time.perf_counter()
    os.kill(server.worker_pid(), signal.SIGKILL)
    wait_until(lambda: not is_open(host, int(port)), "the worker to be gone")
    wait_until(lambda: is_open(host, int(port)), "another worker")
    with grpc.insecure_channel(server.target) as channel:
        decision_service_pb2_grpc.DecisionServiceStub(channel).Decide(a_request(), timeout=5)
    return (time.perf_counter() - began) * 1000


def is_open(host: str, port: int) -> bool:
    """Tell whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 0.2):
        return True
    return False


def spread(values: list[float], digits: int = 0) -> str:
    """Return a median and its range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def print_costs(found: Mapping[str, list[Run]]) -> None:
    """Print what a call costs in each case, and the ratio of two workers to one."""
    print(f"{'':30}{'CPU us/call':>20}{'calls/s':>24}{'busiest':>18}")
    for case, runs in found.items():
        cpu, rate, share = (list(column) for column in zip(*runs, strict=True))
        print(f"{case:30}{spread(cpu):>20}{spread(rate):>24}{spread(share, 2):>18}")
    for state in ("pinned", "unpinned"):
        pairs = zip(found[f"2 workers, {state}"], found[f"1 worker, {state}"], strict=True)
        ratios = [two.cpu_us / one.cpu_us for two, one in pairs]
        print(f"2 workers / 1 worker, {state}, by round: {spread(ratios, 2)} (at most 1.15 wanted)")


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--policy", type=Path, default=POLICY, help="rules that the killed worker has to load")
    options = parser.parse_args()
    found: dict[str, list[Run]] = {case: [] for case in CASES}
    for number in range(options.rounds):
        for case in sorted(CASES, reverse=bool(number % 2)):
            found[case].append(measure(options.calls, **CASES[case]))
    if options.rounds:
        print_costs(found)
    times = []
    for _ in range(options.kills):
        with serving(policy=options.policy) as server:
            times.append(time_comeback_ms(server))
    if times:
        print(f"kill -9 until the next process has answered, ms: {spread(times)}")


if __name__ == "__main__":
    main()
