"""Closed-loop load by h2load (nghttp2): as many calls as the server answers, from a CPU of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench.figures import NotMeasuredError

__all__ = ["Load", "find_h2load", "frame", "read_load", "send"]

_LONGEST_RUN_S = 120
_RATE = re.compile(r"^finished in .*?, ([\d.]+) req/s", re.MULTILINE)
_GOOD = re.compile(
    r"^requests: (\d+) total, \1 started, \1 done, \1 succeeded, 0 failed, 0 errored, 0 timeout$", re.MULTILINE
)


class Load(NamedTuple):
    """One run: calls made, calls a second, and how long they took in milliseconds."""

    calls: int
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float


def find_h2load() -> None:
    """Raise `NotMeasuredError` where h2load or taskset is missing."""
    for program, package in (("h2load", "nghttp2-client"), ("taskset", "util-linux")):
        if not shutil.which(program):
            raise NotMeasuredError(f"{program} is missing: apt-get install {package}")


def frame(message: bytes) -> bytes:
    """Return *message* as one uncompressed gRPC frame (gRPC over HTTP/2, Length-Prefixed-Message)."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def send(port: int, method: str, message: bytes, *, calls: int, connections: int, streams: int, cpu: str) -> Load:
    """
    Make *calls* calls from *connections* connections with *streams* calls under way on each.

    h2load counts HTTP 200, not grpc-status: what was really answered, the server's own records have to show.
    """
    find_h2load()
    calls = max(calls, connections * streams)
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as made:
        body, log = Path(made) / "body", Path(made) / "log"
        body.write_bytes(frame(message))
        load = ["h2load", "-t1", f"-n{calls}", f"-c{connections}", f"-m{streams}", "-d", str(body)]
        headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        command = ["taskset", "-c", cpu, *load, *headers, f"--log-file={log}", f"http://127.0.0.1:{port}/{method}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_RUN_S, check=False)
        if done.returncode:
            raise NotMeasuredError(f"h2load ended with {done.returncode}: {done.stderr.strip()[-200:]}")
        return read_load(done.stdout, log.read_text().splitlines())


def read_load(output: str, log: Iterable[str]) -> Load:
    """Return what h2load says; *log* has a line for each request: start, status, microseconds."""
    rate, good = _RATE.search(output), _GOOD.search(output)
    if rate is None or good is None:
        said = next((line for line in output.splitlines() if line.startswith("requests:")), output[-200:])
        raise NotMeasuredError(f"h2load: not every call was answered: {said}")
    times = sorted(int(line.split()[2]) for line in log)
    if len(times) != int(good[1]):
        raise NotMeasuredError(f"h2load: {good[1]} calls, {len(times)} in its log")
    percentiles = (times[min(len(times) - 1, int(len(times) * share))] / 1000 for share in (0.5, 0.99, 0.999))
    return Load(len(times), float(rate[1]), *percentiles)
