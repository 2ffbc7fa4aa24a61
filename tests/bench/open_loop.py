"""Latency under a given load, by `oversight load`: calls arrive when they would, so that nothing hides in a queue."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.contenders import Server, last_words
from bench.figures import NotMeasuredError
from bench.rounds import Plan

__all__ = ["Latency", "find_saturation", "read_latency", "send_at"]

_LONGEST_RUN_S = 180.0
_OVERSIGHT = Path(sys.executable).with_name("oversight")


class Latency(NamedTuple):
    """How long calls took, in milliseconds, from when they were due."""

    p50_ms: float
    p99_ms: float
    p999_ms: float


def find_saturation(server: Server, plan: Plan) -> float:
    """Return how many calls a second *server* answers at most, as `oversight load` finds it."""
    found = _run(server, plan, ("--saturation", "0.5", "--duration", "500ms"))
    return float(found["saturation_per_s"])


def send_at(
    server: Server,
    plan: Plan,
    rate_per_s: float,
    *,
    seconds: float,
    every_s: float = _LONGEST_RUN_S,
    meanwhile: Callable[[], None] = lambda: None,
) -> Latency:
    """
    Return the latency at *rate_per_s*, held for *seconds*.

    *meanwhile* is called at the start and then every *every_s* seconds. Raises `NotMeasuredError` where calls failed or
    the rate could not be kept.
    """
    options = ("--rate", f"{rate_per_s:.1f}", "--duration", f"{seconds}s")
    return read_latency(_run(server, plan, options, every_s, meanwhile))


def read_latency(found: dict[str, Any]) -> Latency:
    """Return the latency in what `oversight load --json` printed."""
    if not found["ok"]:
        raise NotMeasuredError(f"oversight load: {'; '.join(found['problems'])}")
    (step,) = found["steps"]
    return Latency(*(step["latency"]["all"][name] for name in ("p50", "p99", "p99_9")))


def _run(
    server: Server,
    plan: Plan,
    options: Sequence[str],
    every_s: float = _LONGEST_RUN_S,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    command = ["taskset", "-c", plan.load_cpu, str(_OVERSIGHT), "load", "--target", f"127.0.0.1:{server.port}"]
    out, errors = plan.folder / "load.json", plan.folder / "load.err"
    with out.open("wb") as said, errors.open("wb") as complained:
        process = subprocess.Popen(
            [*command, "--warmup", "1s", "--json", *options],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
        )
        try:
            _attend(process, every_s, meanwhile)
        finally:
            process.kill()
            process.wait()
    try:
        found: dict[str, Any] = json.loads(out.read_text())
    except ValueError as error:
        raise NotMeasuredError(f"oversight load: {last_words(errors.read_text())}") from error
    if "steps" not in found:
        raise NotMeasuredError(f"oversight load: {found}")
    return found


def _attend(process: subprocess.Popen[bytes], every_s: float, meanwhile: Callable[[], None]) -> None:
    """Wait for *process*, calling *meanwhile* now and every *every_s* seconds."""
    ends = time.monotonic() + _LONGEST_RUN_S
    while time.monotonic() < ends:
        meanwhile()
        try:
            process.wait(min(every_s, max(0.0, ends - time.monotonic())))
        except subprocess.TimeoutExpired:
            continue
        return
    raise NotMeasuredError(f"oversight load did not end within {_LONGEST_RUN_S:.0f} s")
