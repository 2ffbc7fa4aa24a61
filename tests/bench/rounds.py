"""Rounds: every contender in turn, in another order each time, warmed up and then loaded."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench.contenders import Contender, Place, Server, cpu_s, resident_mib, started
from bench.h2load import Load, find_h2load, send
from oversight.app.status import read_status

__all__ = ["Plan", "Round", "load", "make_round", "saturate", "say", "take_turns"]

CONNECTIONS, STREAMS = 4, 8
"""How many calls are under way at saturation: 32, over 4 connections."""

_WARM_UP_CALLS = 2_000
_CALLS_AT_LEAST = 200
_Name = TypeVar("_Name")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How everything is measured: *rounds* times, *seconds* long each, in *folder*, on CPUs as taskset takes them.

    *many_rules* says whether 100,000 rules are measured as well, which takes minutes.
    """

    rounds: int
    seconds: float
    folder: Path
    server_cpu: str
    load_cpu: str
    many_rules: bool = False

    @property
    def place(self) -> Place:
        """Where servers run."""
        return Place(self.folder, self.server_cpu)

    @property
    def long_rounds(self) -> int:
        """How many rounds are made of what takes a minute each."""
        return (self.rounds + 1) // 2


class Round(NamedTuple):
    """
    One contender in one round: a lone caller, 32 of them, and what the server used.

    *decisions_per_s* and *cpu_us* are at saturation; the latter is of all the server's processes, for one decision,
    with what they do for it later. *resident_mib* is what a worker (else the process) holds after the load.
    """

    lone: Load
    full: Load
    decisions_per_s: float
    cpu_us: float
    resident_mib: float


def take_turns(
    names: Sequence[_Name], rounds: int, measure: Callable[[_Name, int], _Found]
) -> dict[_Name, list[_Found]]:
    """Return what *measure* found of each of *names* in each round; the order changes from round to round."""
    found: dict[_Name, list[_Found]] = {name: [] for name in names}
    for number in range(rounds):
        for name in random.sample(list(names), len(names)):
            say(f"round {number + 1} of {rounds}: {name}")
            found[name].append(measure(name, number))
    return found


def load(server: Server, plan: Plan, calls: float, connections: int, streams: int, message: bytes = b"") -> Load:
    """Load *server* with about *calls* calls of its usual message, or of another, and keep count of them."""
    contender = server.contender
    done = send(
        server.port,
        contender.method,
        message or contender.message,
        calls=max(_CALLS_AT_LEAST, round(calls)),
        connections=connections,
        streams=streams,
        cpu=plan.load_cpu,
    )
    server.decided += done.calls * contender.per_call
    return done


def saturate(server: Server, plan: Plan, rate_per_s: float, message: bytes = b"") -> Load:
    """Load *server* for about the plan's seconds with 32 calls under way."""
    return load(server, plan, rate_per_s * plan.seconds, CONNECTIONS, STREAMS, message)


def make_round(contender: Contender, number: int, plan: Plan) -> Round:
    """Start *contender*, warm it up, measure it, and check that all it decided is on record."""
    find_h2load()
    with started(contender, plan.place, number) as server:
        warm = load(server, plan, _WARM_UP_CALLS / contender.per_call, CONNECTIONS, STREAMS)
        lone = load(server, plan, warm.calls_per_s * plan.seconds / 4, 1, 1)
        server.settle()
        before_s = cpu_s(server.pid)
        full = saturate(server, plan, warm.calls_per_s)
        server.settle()
        used_s = cpu_s(server.pid) - before_s
        workers = [worker.pid for worker in read_status(server.data_dir).workers] or [server.pid]
        made = full.calls * contender.per_call
        return Round(
            lone,
            full,
            decisions_per_s=full.calls_per_s * contender.per_call,
            cpu_us=used_s / made * 1e6,
            resident_mib=max(map(resident_mib, workers)),
        )


def say(text: str) -> None:
    """Say what is going on, on standard error."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
