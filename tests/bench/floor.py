"""
What the service costs beyond gRPC itself: `python tests/bench/floor.py [--rounds 5] [--calls 4000]`.

Two servers take turns on one CPU while callers on another keep them busy: the floor, a synchronous grpc.server with 8
threads that answers a canned DecideResponse, and `oversight serve` as shipped (one worker, default policy, every
decision on record; all its processes share the CPU). The figure that counts is CPU time per call, read from the
kernel's accounts of the server's processes: it does not depend on how fast the callers are. Medians of the rounds are
printed, with the spread between the fastest and the slowest.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import decision_service_pb2_grpc as rpc

FLOOR = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
from oversight.v1 import decision_pb2 as values, decision_service_pb2 as pb, decision_service_pb2_grpc as rpc
class Floor(rpc.DecisionServiceServicer):
    def Decide(self, request, context):
        reasons = [values.Reason(code="SENSITIVE_ACTION", rule_id="refund", message="The reply moves money.")] * 2
        return pb.DecideResponse(decision_id="0" * 32, request_id=request.request_id, tier=2, reasons=reasons)
server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 1)])
rpc.add_DecisionServiceServicer_to_server(Floor(), server)
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
"""
PORTS = {"floor": 50281, "service": 50282}
ADMIN_PORT = 50283
REQUEST: dict[str, Any] = {
    "conversation_id": "c-77",
    "turn_index": 3,
    "subject_ref": "s-9",
    "language": "en",
    "intent": "refund_request",
    "intent_confidence": 0.91,
    "intent_runner_up_confidence": 0.05,
    "response_confidence": 0.81,
    "grounding_score": 0.9,
    "sentiment_score": -0.1,
    "sentiment_trend": 0.0,
    "amount_minor": 25_000,
    "currency": "EUR",
    "failed_turns": 1,
    "contacts_7d": 0,
    "model_version": "m-1",
}


class Round(NamedTuple):
    """One round: CPU time of the server per call, latency of a lone caller, calls per second of eight."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    calls_per_s: float


@contextmanager
def server(name: str, cpu: str, folder: Path) -> Iterator[int]:
    """Run a server on *cpu* and yield its pid once it answers."""
    command = {
        "floor": [sys.executable, "-c", FLOOR, str(PORTS["floor"])],
        "service": [
            *(sys.executable, "-m", "oversight.app", "serve"),
        ],
    }[name]
    environment = os.environ | {
        "OVERSIGHT_LISTEN": f"127.0.0.1:{PORTS['service']}",
        "OVERSIGHT_ADMIN_LISTEN": f"127.0.0.1:{ADMIN_PORT}",
        "OVERSIGHT_DATA_DIR": str(folder / "data"),
        "OVERSIGHT_WORKERS": "1",
    }
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(["taskset", "-c", cpu, *command], env=environment, stdout=log, stderr=log)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{PORTS[name]}") as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all below it (proc(5), stat fields 14 and 15)."""
    total = 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += cpu_s(int(child))
    return total


def call(stub: rpc.DecisionServiceStub, count: int, prefix: str) -> list[float]:
    """Make *count* calls one after the other; return their times in milliseconds."""
    times = []
    for number in range(count):
        request = pb.DecideRequest(request_id=f"{prefix}-{number}", **REQUEST)
        began = time.perf_counter()
        stub.Decide(request, timeout=10)
        times.append((time.perf_counter() - began) * 1000)
    return times


def measure(name: str, number: int, calls: int, callers: int, cpus: tuple[str, str], folder: Path) -> Round:
    """Run one round against the server *name*."""
    with server(name, cpus[0], folder) as pid, grpc.insecure_channel(f"127.0.0.1:{PORTS[name]}") as channel:
        os.sched_setaffinity(0, {int(cpus[1])})
        stub = rpc.DecisionServiceStub(channel)
        call(stub, calls // 8, f"{number}-warm")
        lone = sorted(call(stub, calls // 4, f"{number}-lone"))
        before, began = cpu_s(pid), time.perf_counter()
        threads = [
            threading.Thread(target=call, args=(stub, calls // callers, f"{number}-{caller}"))
            for caller in range(callers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        time.sleep(1)  # what the drain still does for these calls is part of their cost
        made = calls // callers * callers
        return Round((cpu_s(pid) - before) / made * 1e6, lone[len(lone) // 2], lone[len(lone) * 99 // 100], made / took)


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--cpus", default="0,1", help="the servers' CPU and the callers'")
    options = parser.parse_args()
    cpus = options.cpus.split(",")
    rounds: dict[str, list[Round]] = {name: [] for name in PORTS}
    with tempfile.TemporaryDirectory() as made:
        for number in range(options.rounds):
            for name in sorted(PORTS, reverse=bool(number % 2)):
                folder = Path(made) / f"{name}-{number}"
                folder.mkdir()
                rounds[name].append(measure(name, number, options.calls, options.callers, (cpus[0], cpus[1]), folder))
    print(f"{'':10}{'CPU us/call':>14}{'(spread)':>16}{'lone p50 ms':>14}{'p99 ms':>10}{'calls/s':>10}")
    medians = {name: Round(*map(statistics.median, zip(*found, strict=True))) for name, found in rounds.items()}
    for name, found in medians.items():
        spread = [one.cpu_us for one in rounds[name]]
        low_high = f"{min(spread):.0f}..{max(spread):.0f}"
        print(
            f"{name:10}{found.cpu_us:14.0f}{low_high:>16}{found.p50_ms:14.3f}{found.p99_ms:10.3f}{found.calls_per_s:10.0f}"
        )
    floor, service = medians["floor"], medians["service"]
    print(f"floor / service, CPU per call: {floor.cpu_us / service.cpu_us:.2f} (0.75 wanted, 1 is the best there is)")
    print(f"service / floor, p50 of a lone caller: {service.p50_ms / floor.p50_ms:.2f} (at most 1.3 wanted)")


if __name__ == "__main__":
    main()
