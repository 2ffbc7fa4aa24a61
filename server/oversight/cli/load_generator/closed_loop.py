"""The highest rate a server answers: callers who send the next call as soon as the last is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from oversight.cli.load_generator.messages import Request
from oversight.cli.load_generator.transport import OK, Transport

__all__ = ["CALLERS", "Pace", "find_pace"]

CALLERS = 32
"""Calls under way at the same time; h2load's figures in docs/performance.md have as many."""


@dataclass(slots=True)
class Pace:
    """What callers in a closed loop got: answers a second, and failures by status."""

    answered_per_s: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    generator_cpu: float = 0.0

    def add(self, other: Pace) -> None:
        """Take in what other callers got at the same time."""
        self.answered_per_s += other.answered_per_s
        self.failed.update(other.failed)
        self.generator_cpu = max(self.generator_cpu, other.generator_cpu)


async def find_pace(
    transport: Transport, requests: Iterator[Request], *, callers: int, warmup_s: float, duration_s: float
) -> Pace:
    """
    Return what *callers* get from *transport* in *duration_s* seconds, after *warmup_s* that do not count.

    A closed loop says how much a server answers, never how long it takes: a slow answer keeps the next call from being
    sent.
    """
    clock = asyncio.get_running_loop().time
    begin_s = clock() + warmup_s
    end_s = begin_s + duration_s
    pace = Pace()
    answered = 0

    async def send_on() -> None:
        nonlocal answered
        while clock() < end_s:
            answer = await transport.call(next(requests).payload)
            if not begin_s <= clock() < end_s:
                continue
            if answer.status == OK:
                answered += 1
            else:
                pace.failed[answer.status] += 1

    await asyncio.gather(*[send_on() for _ in range(callers)])
    pace.answered_per_s = answered / duration_s
    return pace
