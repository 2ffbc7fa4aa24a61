"""What is measured by a program of its own in this folder: run here, again in each round, and its figures read."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.contenders import cpu_s, last_words, started
from bench.figures import Figure, Findings, NotMeasuredError, Table, ratios
from bench.own import service
from bench.report import spread
from bench.rounds import Plan, load, make_round, say, take_turns
from oversight.app.status import read_status

__all__ = ["measure_coalescing", "measure_drain", "measure_workers", "read_drain", "read_gain"]

_LONGEST_RUN_S = 300.0
_DRAINED_RECORDS = 50_000
_CALLERS = 64
_CONNECTIONS, _STREAMS = 16, 2
"""Connections enough for the kernel to give each worker some."""
_WARM_UP_CALLS = 4_000
_GAIN = re.compile(r"coalesced .* (\d+\.\d+) x$", re.MULTILINE)
_DRAINED = re.compile(r"^all: .* ([\d,]+) records/s of CPU", re.MULTILINE)


def measure_coalescing(plan: Plan) -> Findings:
    """Measure what 64 threads of one client gain when their calls become batches."""
    options = ("--rounds", "1", "--seconds", f"{plan.seconds:g}", "--callers", str(_CALLERS), "--kinds", "threads")
    cpus = ("--cpus", f"{plan.server_cpu},{plan.load_cpu}")
    gains = [read_gain(_run(plan, "coalescing", *options, *cpus)) for _ in range(plan.rounds)]
    return Findings({"coalescing": Figure(tuple(gains))})


def measure_drain(plan: Plan) -> Findings:
    """Measure how fast a backlog is drained on a CPU of its own, against how fast one worker decides."""
    drained, decided = [], []
    for number in range(plan.long_rounds):
        say(f"round {number + 1} of {plan.long_rounds}: drain, then one worker")
        drained.append(read_drain(_run(plan, "drain", "--records", str(_DRAINED_RECORDS))))
        decided.append(make_round(service("worker"), number, plan).decisions_per_s)
    rows = (("drained", spread(drained)), ("decided by one worker", spread(decided)))
    return Findings({"drain": ratios(drained, decided)}, (Table("The drain alone", ("", "records/s"), rows),))


def measure_workers(plan: Plan) -> Findings:
    """
    Measure the CPU time of workers for a call, of one and of two, each pinned to its CPU.

    The load runs on the workers' CPUs, so that each CPU carries the same in both cases. What pinning itself saves is
    measured by `workers.py`.
    """
    if plan.server_cpu == plan.load_cpu:
        raise NotMeasuredError("two workers need two CPUs")
    cpus = {1: plan.server_cpu, 2: f"{plan.server_cpu},{plan.load_cpu}"}

    def measure(workers: int, number: int) -> tuple[float, float]:
        shared = replace(plan, server_cpu=cpus[workers], load_cpu=cpus[workers])
        contender = service(f"workers {workers}", workers=workers, standby=False, worker_pinning="on")
        with started(contender, shared.place, number) as server:
            warm = load(server, shared, _WARM_UP_CALLS, _CONNECTIONS, _STREAMS)
            pids = [worker.pid for worker in read_status(server.data_dir).workers]
            if len(pids) != workers:
                raise NotMeasuredError(f"{len(pids)} of {workers} workers report")
            before_s = sum(map(cpu_s, pids))
            full = load(server, shared, warm.calls_per_s * plan.seconds, _CONNECTIONS, _STREAMS)
            used_s = sum(map(cpu_s, pids)) - before_s
            server.settle()
        return used_s / full.calls * 1e6, full.calls_per_s

    found = take_turns([1, 2], plan.rounds, measure)
    cpu_us = {workers: [used for used, _ in rounds] for workers, rounds in found.items()}
    rows = tuple(
        (str(workers), spread(cpu_us[workers]), spread([rate for _, rate in rounds]))
        for workers, rounds in found.items()
    )
    title = "Workers, pinned, the load on the same CPUs"
    return Findings(
        {"workers": ratios(cpu_us[2], cpu_us[1])},
        (Table(title, ("workers", "CPU µs a call, workers only", "decisions/s"), rows),),
    )


def read_gain(output: str) -> float:
    """Return the gain that `coalescing.py` printed."""
    if (found := _GAIN.search(output)) is None:
        raise NotMeasuredError(f"no gain in what coalescing.py printed: {output[-200:]}")
    return float(found[1])


def read_drain(output: str) -> float:
    """Return the records a second of CPU, over the whole run, that `drain.py` printed."""
    rates = _DRAINED.findall(output)
    if not rates:
        raise NotMeasuredError(f"no rate in what drain.py printed: {output[-200:]}")
    return float(rates[-1].replace(",", ""))


def _run(plan: Plan, name: str, *options: str) -> str:
    """Return what a program of this folder prints."""
    program = Path(__file__).with_name(f"{name}.py")
    if not program.exists():
        raise NotMeasuredError(f"tests/bench/{name}.py does not exist")
    say(f"{name}.py {' '.join(options)}")
    return _output(plan, [sys.executable, str(program), *options])


def _output(plan: Plan, command: Sequence[str]) -> str:
    process = subprocess.Popen(
        ["taskset", "-c", f"{plan.server_cpu},{plan.load_cpu}", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = process.communicate(timeout=_LONGEST_RUN_S)
    except subprocess.TimeoutExpired as error:
        raise NotMeasuredError(f"{Path(command[1]).name} did not end within {_LONGEST_RUN_S:.0f} s") from error
    finally:
        process.terminate()
        process.wait(60)
    if process.returncode:
        raise NotMeasuredError(f"{Path(command[1]).name} ended with {process.returncode}: {last_words(errors)}")
    return output
