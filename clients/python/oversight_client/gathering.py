"""Coalescing for threads: whoever waits longest takes the batch to the service, and the others wait for their part."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import grpc

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

__all__ = ["Gathering"]


class _Waiting:
    """One caller's request until it is settled; everything but the waiting itself happens under the lock."""

    __slots__ = ("batch", "due_s", "ends_s", "request", "settled", "timeout_s", "woken")

    def __init__(self, request: DecideRequest, timeout_s: float, now_s: float, max_wait_s: float) -> None:
        self.request = request
        self.timeout_s = timeout_s
        self.ends_s = now_s + timeout_s
        self.due_s = now_s + max_wait_s
        self.woken = threading.Event()
        self.settled: Settled | None = None
        self.batch: list[_Waiting] | None = None
        """The batch that this caller is to take to the service, its own request among it."""


class Gathering:
    """
    Stands in for the stub's `Decide`, and shares calls as *options* say; safe for any number of threads.

    It has no thread of its own: a batch is taken to the service by the caller in it whose deadline is the last, so that
    the call's deadline is nobody's too early. A caller whose deadline passes goes, and its reply is dropped.
    """

    def __init__(
        self,
        options: Coalescing,
        decide: grpc.UnaryUnaryMultiCallable[DecideRequest, DecideResponse],
        decide_batch: grpc.UnaryUnaryMultiCallable[BatchDecideRequest, BatchDecideResponse],
        clock: Callable[[], float],
    ) -> None:
        self._options = options
        self._decide = decide
        self._decide_batch = decide_batch
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._under_way = 0
        self._closed = False

    @property
    def waiting_count(self) -> int:
        """Requests that have not been sent yet."""
        return len(self._queue)

    def __call__(self, request: DecideRequest, *, timeout: float) -> DecideResponse:
        """Return the reply to *request*; raise what the stub would, or the CallError of this item."""
        if request.ByteSize() > MAX_SHARED_BYTES:
            return self._decide(request, timeout=timeout)
        waiting = None
        with self._lock:
            if self._closed:
                raise ClientClosedError
            if self._under_way < CALLS_UNDER_WAY:
                self._under_way += 1
            else:
                waiting = _Waiting(request, timeout, self._clock(), self._options.max_wait_s)
                self._queue.append(waiting)
                if len(self._queue) >= self._options.max_batch:
                    self._send()
        if waiting is not None:
            return self._wait(waiting)
        try:
            return self._decide(request, timeout=timeout)
        finally:
            self._end_call((), ())

    def close(self) -> None:
        """Fail everyone who has not been sent yet, and later callers; calls under way end with their channel."""
        with self._lock:
            self._closed = True
            for waiting in self._queue:
                waiting.settled = ClientClosedError()
                waiting.woken.set()
            self._queue.clear()

    def _wait(self, waiting: _Waiting) -> DecideResponse:
        try:
            while (settled := self._next_step(waiting)) is None:
                continue
        finally:
            self._leave(waiting)
        if isinstance(settled, CallError):
            raise settled
        if isinstance(settled, DecideResponse):
            return settled
        remaining_s = waiting.ends_s - self._clock()
        if remaining_s <= 0:
            raise deadline_passed(waiting.timeout_s)
        return self._decide(waiting.request, timeout=remaining_s)

    def _next_step(self, waiting: _Waiting) -> Settled | None:
        """Do what *waiting* is to do now, or wait until there is something; return what it came to, or None."""
        with self._lock:
            if waiting.settled is not None:
                return waiting.settled
            now_s = self._clock()
            batch = waiting.batch
            if batch is None:
                if now_s >= waiting.ends_s:
                    return deadline_passed(waiting.timeout_s)
                until_s = waiting.ends_s
                if self._queue and self._queue[0] is waiting:
                    # The first of the queue watches the time for all of them.
                    if now_s >= waiting.due_s:
                        self._send()
                        return None
                    until_s = min(until_s, waiting.due_s)
                waiting.woken.clear()
        if batch is None:
            waiting.woken.wait(until_s - now_s)
        else:
            self._take(waiting, batch)
        return None

    def _take(self, leader: _Waiting, batch: list[_Waiting]) -> None:
        """Take *batch* to the service and settle everyone in it, whatever happens."""
        settled: Sequence[Settled] = [ASK_ALONE] * len(batch)
        try:
            remaining_s = leader.ends_s - self._clock()
            if remaining_s > 0:
                settled = self._ask([waiting.request for waiting in batch], remaining_s)
        except grpc.RpcError as failure:
            settled = settle_failed(failure, len(batch))
        finally:
            self._end_call(batch, settled)

    def _ask(self, items: Sequence[DecideRequest], timeout_s: float) -> Sequence[Settled]:
        if len(items) == 1:
            return [self._decide(items[0], timeout=timeout_s)]
        return settle_items(self._decide_batch(BatchDecideRequest(requests=items), timeout=timeout_s), items)

    def _send(self) -> None:
        """Hand the queue to the one in it who can wait longest; the lock is held, and the queue is not empty."""
        batch, self._queue = self._queue, []
        leader = max(batch, key=lambda waiting: waiting.ends_s)
        leader.batch = batch
        leader.woken.set()
        self._under_way += 1

    def _end_call(self, batch: Sequence[_Waiting], settled: Sequence[Settled]) -> None:
        with self._lock:
            self._under_way -= 1
            if self._queue and self._under_way < CALLS_UNDER_WAY:
                self._send()
            for waiting, item in zip(batch, settled, strict=True):
                waiting.settled = item
                waiting.batch = None
                waiting.woken.set()

    def _leave(self, waiting: _Waiting) -> None:
        """Forget *waiting*, which nobody waits for any more, without letting anyone down who counts on it."""
        if waiting.settled is not None:
            return
        with self._lock:
            batch = waiting.batch
            if waiting in self._queue:
                self._queue.remove(waiting)
                if self._queue:
                    self._queue[0].woken.set()
        if batch is not None:
            self._end_call(batch, [ASK_ALONE] * len(batch))
