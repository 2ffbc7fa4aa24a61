"""Calls sent when they are due, whether or not the ones before have been answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from oversight.cli.load_generator.messages import Request
from oversight.cli.load_generator.transport import Answer, Transport

__all__ = ["OpenLoop", "Sink"]

_YIELD_S = 50e-6
"""
How long before a call is due the generator stops sleeping and only yields.

Sleeps end 30-90 µs late on the machine it was measured on. With these 50 µs the median lag is 2-5 µs instead of 47, for
12 µs more CPU a call; with 1 ms it is 1 µs, for 220 µs more.
"""

_SENT_TOGETHER = 8
"""How many overdue calls are sent before replies are looked at: those wait with their clock running."""


class Sink(Protocol):
    """What is told of each call; times are in seconds from the start of measuring."""

    def add(self, request: Request, answer: Answer, *, due_s: float, sent_s: float, done_s: float) -> None:
        """Take one call that ended."""
        ...

    def skip(self, *, due_s: float) -> None:
        """Take one call that was never sent."""
        ...

    def hold(self, *, due_s: float) -> None:
        """Take note that a call that is due waits because too many are under way."""
        ...


class OpenLoop:
    """
    Sends requests over *transport* as they are due and tells *sink* of each.

    A call is due at its own time: one that is sent late, because the generator or everything else was held up, has
    waited since then, and its latency says so (Gil Tene, "How NOT to measure latency"; wrk2 does the same). At most
    *max_in_flight* calls are under way; one more waits, and its time stays what it was.
    """

    def __init__(self, transport: Transport, sink: Sink, *, max_in_flight: int) -> None:
        self._transport = transport
        self._sink = sink
        self._max_in_flight = max_in_flight
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[None]] = set()
        self._one_ended = asyncio.Event()
        self._fault: BaseException | None = None
        self._zero_s = 0.0

    async def run(
        self, due_times_s: Iterable[float], requests: Iterator[Request], *, zero_s: float, give_up_s: float
    ) -> float | None:
        """
        Send a request at each of *due_times_s*, in seconds from *zero_s* on the loop's clock, and await every answer.

        What could not be sent by *give_up_s* is skipped. If this is cancelled (Ctrl-C) no more is sent, the calls under
        way are awaited all the same, and the second at which it was cancelled is returned; None otherwise.
        """
        self._zero_s = zero_s
        stopped_s = None
        try:
            await self._send_all(iter(due_times_s), requests, give_up_s)
        except asyncio.CancelledError:
            stopped_s = self._now_s()
        while self._under_way:
            # Ctrl-C here changes nothing: all is sent, and every call has its timeout.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(self._under_way)
        if self._fault is not None:
            raise self._fault
        return stopped_s

    async def _send_all(self, due_times_s: Iterator[float], requests: Iterator[Request], give_up_s: float) -> None:
        for number, due_s in enumerate(due_times_s):
            # Made before its time has come, while there is nothing else to do.
            request = next(requests)
            await self._await_time(due_s, number)
            if len(self._under_way) >= self._max_in_flight:
                self._sink.hold(due_s=due_s)
                await self._await_place()
            if self._now_s() > give_up_s:
                self._sink.skip(due_s=due_s)
                break
            task = self._loop.create_task(self._call(request, due_s))
            self._under_way.add(task)
            task.add_done_callback(self._forget)
        for due_s in due_times_s:
            self._sink.skip(due_s=due_s)

    async def _await_time(self, due_s: float, number: int) -> None:
        ahead_s = due_s - self._now_s()
        if ahead_s > _YIELD_S:
            await asyncio.sleep(ahead_s - _YIELD_S)
        elif number % _SENT_TOGETHER == 0:
            await asyncio.sleep(0)
        while self._now_s() < due_s:  # noqa: ASYNC110 - nobody sets an event when it is time
            await asyncio.sleep(0)

    async def _await_place(self) -> None:
        while len(self._under_way) >= self._max_in_flight:
            self._one_ended.clear()
            await self._one_ended.wait()

    async def _call(self, request: Request, due_s: float) -> None:
        sent_s = self._now_s()
        answer = await self._transport.call(request.payload)
        self._sink.add(request, answer, due_s=due_s, sent_s=sent_s, done_s=self._now_s())

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._one_ended.set()
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()

    def _now_s(self) -> float:
        return self._loop.time() - self._zero_s
