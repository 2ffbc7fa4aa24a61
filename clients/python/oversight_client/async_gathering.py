"""Coalescing for asyncio: each batch is a task of its own, and its callers wait for their part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from grpc import aio

from oversight.v1.decision_service_pb2 import BatchDecideRequest, BatchDecideResponse, DecideRequest, DecideResponse
from oversight_client.coalescing import (
    ASK_ALONE,
    CALLS_UNDER_WAY,
    MAX_SHARED_BYTES,
    Coalescing,
    Settled,
    deadline_passed,
    settle_failed,
    settle_items,
)
from oversight_client.errors import CallError, ClientClosedError

__all__ = ["AsyncGathering", "AsyncMethod"]

Q_contra = TypeVar("Q_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class AsyncMethod(Protocol[Q_contra, R_co]):
    """A method of an asyncio stub, or what stands in for one; raises AioRpcError or CallError."""

    def __call__(self, request: Q_contra, /, *, timeout: float) -> Awaitable[R_co]:
        """Send *request*; the reply is awaited."""
        ...


class _Waiting:
    __slots__ = ("due_s", "ends_s", "request", "settled")

    def __init__(self, request: DecideRequest, now_s: float, timeout_s: float, max_wait_s: float) -> None:
        self.request = request
        self.ends_s = now_s + timeout_s
        self.due_s = now_s + max_wait_s
        self.settled: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()

    def settle(self, item: Settled) -> None:
        # Whoever has gone, by a deadline or cancelled, is not there to be told.
        if not self.settled.done():
            self.settled.set_result(item)


class AsyncGathering:
    """
    Stands in for the stub's `Decide`, and shares calls as *options* say; belongs to the loop that it is called in.

    A call's deadline is that of the caller in it who waits longest. A caller whose deadline passes, or who is
    cancelled, goes, and its reply is dropped.
    """

    def __init__(
        self,
        options: Coalescing,
        decide: AsyncMethod[DecideRequest, DecideResponse],
        decide_batch: AsyncMethod[BatchDecideRequest, BatchDecideResponse],
    ) -> None:
        self._options = options
        self._decide = decide
        self._decide_batch = decide_batch
        self._queue: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._closed = False

    @property
    def waiting_count(self) -> int:
        """Requests that have not been sent yet."""
        return len(self._queue)

    async def __call__(self, request: DecideRequest, /, *, timeout: float) -> DecideResponse:  # noqa: ASYNC109 - a stub's
        """Return the reply to *request*; raise what the stub would, or the CallError of this item."""
        if request.ByteSize() > MAX_SHARED_BYTES:
            return await self._decide(request, timeout=timeout)
        if self._under_way < CALLS_UNDER_WAY:
            self._under_way += 1
            try:
                return await self._decide(request, timeout=timeout)
            finally:
                self._end_call()
        now_s = asyncio.get_running_loop().time()
        return await self._wait(_Waiting(request, now_s, timeout, self._options.max_wait_s), timeout)

    def close(self) -> None:
        """Fail everyone who has not been sent yet; calls under way end with their channel."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for waiting in self._queue:
            waiting.settle(ClientClosedError())
        self._queue.clear()

    async def _wait(self, waiting: _Waiting, timeout_s: float) -> DecideResponse:
        loop = asyncio.get_running_loop()
        self._queue.append(waiting)
        if len(self._queue) >= self._options.max_batch:
            self._send()
        elif len(self._queue) == 1:
            # The first of the queue is sent in time, and the rest with it.
            self._timer = loop.call_at(waiting.due_s, self._send)
        expiry = loop.call_at(waiting.ends_s, waiting.settle, deadline_passed(timeout_s))
        try:
            settled = await waiting.settled
        finally:
            expiry.cancel()
        if isinstance(settled, DecideResponse):
            return settled
        if isinstance(settled, CallError):
            raise settled
        if self._closed:
            raise ClientClosedError
        remaining_s = waiting.ends_s - loop.time()
        if remaining_s <= 0:
            raise deadline_passed(timeout_s)
        return await self._decide(waiting.request, timeout=remaining_s)

    def _send(self) -> None:
        """Send the queue together, but for those who have gone."""
        if self._timer:
            self._timer.cancel()
        batch, self._queue = [waiting for waiting in self._queue if not waiting.settled.done()], []
        if batch:
            self._under_way += 1
            task = asyncio.create_task(self._take(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, batch: Sequence[_Waiting]) -> None:
        """Take *batch* to the service and settle everyone in it, whatever happens."""
        settled: Sequence[Settled] = [ASK_ALONE] * len(batch)
        try:
            timeout_s = max(waiting.ends_s for waiting in batch) - asyncio.get_running_loop().time()
            settled = await self._ask([waiting.request for waiting in batch], timeout_s)
        except aio.AioRpcError as failure:
            settled = settle_failed(failure, len(batch))
        finally:
            self._end_call()
            for waiting, item in zip(batch, settled, strict=True):
                waiting.settle(item)

    async def _ask(self, items: Sequence[DecideRequest], timeout_s: float) -> Sequence[Settled]:
        if len(items) == 1:
            return [await self._decide(items[0], timeout=timeout_s)]
        return settle_items(await self._decide_batch(BatchDecideRequest(requests=items), timeout=timeout_s), items)

    def _end_call(self) -> None:
        self._under_way -= 1
        if self._queue and self._under_way < CALLS_UNDER_WAY:
            self._send()
