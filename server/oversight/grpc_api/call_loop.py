"""
The calls of our own services, taken straight from gRPC's completion queue by one thread.

`grpc.server` hands each call from its polling thread to a thread of a pool and back, four times in all, and every
change of threads passes the interpreter's lock: that costs more than the decision (docs/performance.md). Here one
thread accepts, reads, decides and answers. It uses what `grpc.server` itself is built on, `grpc._cython.cygrpc`, which
is no public interface: hence the upper bound on grpcio in pyproject.toml. Health and reflection stay with
`grpc.server`, on the same port.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # compiled, and without types

from oversight.errors import RecordUnavailableError
from oversight.grpc_api.one_call import WAKE, Headers, Method, OneCall, ReadingPool, Steps
from oversight.grpc_api.status import Refusal
from oversight.journal.protocols import Unsynced

__all__ = ["CallLoop", "Headers", "Method", "ReadingPool", "Steps"]

_log = logging.getLogger(__name__)

_NOW = 0.0
"""A time long past: look, but do not wait."""
_EVENTS_PER_DECISION = 6
"""
Events taken before the next call is decided, while there are any; a call makes three.

Twice as many calls are accepted as are decided, so those that wait can be counted, and the surplus refused; but however
many come, calls are decided.
"""
_GO_FIRST = 8
"""
Calls that go before the next step of a long one: not all that wait, or under load a batch would miss its deadline.
"""
_GATHERED_AT_MOST = 8
"""
Calls that are decided before their records go to the disk together, while there are more to decide.

Fewer, and syncs take the processor's time from decisions; more, and the processor waits for the disk.
"""


class CallLoop:
    """
    Answers *methods* of *server*; make it before the server starts.

    A call is answered with *overloaded* while *max_waiting* wait for the loop or, where its method has a pool, for a
    thread of that, and with *incomplete* if it ends without its message; both get the method's path. A call that
    fails outside its method is answered with *broken*.
    """

    def __init__(
        self,
        server: grpc.Server,
        methods: Iterable[Method],
        *,
        max_waiting: int,
        overloaded: Callable[[str], Refusal],
        incomplete: Callable[[str], Refusal],
        broken: Refusal,
    ) -> None:
        self._server: Any = server._cy_server  # type: ignore[attr-defined]  # noqa: SLF001 - the queue is its, see above
        self._methods = tuple(methods)
        self._max_waiting = max_waiting
        self._overloaded = overloaded
        self._incomplete = incomplete
        self._broken = broken
        self._queue = cygrpc.CompletionQueue()
        self._server.register_completion_queue(self._queue)
        for method in self._methods:
            self._server.register_method(method.path)
        self._accepting = 0
        self._under_way: set[OneCall] = set()
        self._ready: deque[OneCall] = deque()
        # Calls whose records wait for the disk: those not handed over yet, how many there are, and those that need wait
        # no more, with what failed.
        self._gathered: list[tuple[OneCall, Unsynced]] = []
        self._unsynced = 0
        self._settled: deque[tuple[OneCall, RecordUnavailableError | None]] = deque()
        self._asleep = False
        # A queue that was shut down takes no event: the core would end the process.
        self._ending = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="calls", daemon=True)

    def start(self) -> None:
        """Begin to answer; the server has started."""
        for method in self._methods:
            self._accept(method)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until every call of a stopped server is answered; return whether that is so."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        poll, ready, settled = self._queue.poll, self._ready, self._settled
        taken = 0
        while self._accepting or self._under_way:
            if ready or self._gathered:
                event = poll(_NOW)
            else:
                # Said before the look at what has settled: what settles after it wakes us.
                self._asleep = True
                event = poll(_NOW if settled else None)
                self._asleep = False
            if event.completion_type != cygrpc.CompletionType.queue_timeout:
                self._take(event)
                taken += 1
                if (ready or self._gathered) and taken < _EVENTS_PER_DECISION:
                    continue
            taken = 0
            # It may hold the last reference to its call, and must not live through the next wait.
            event = None
            while settled:
                call, error = settled.popleft()
                self._unsynced -= 1
                self._guarded(call, partial(self._go_on, error=error))
            if ready:
                self._guarded(ready.popleft(), self._go_on)
            elif self._gathered:
                self._hand_over()
        with self._ending:
            self._ended = True
            self._queue.shutdown()

    def _take(self, event: Any) -> None:
        tag = event.tag
        if type(tag) is not OneCall:
            if tag is WAKE:
                return
            self._accepting -= 1
            if event.success:  # else the server is stopping
                self._accept(tag)
                call = OneCall(event.call, tag, event)
                self._under_way.add(call)
                self._guarded(call, self._begin)
        elif tag.answered:
            self._under_way.discard(tag)
        else:
            message = event.batch_operations[0].message()
            self._guarded(tag, lambda call: self._receive(call, message))

    def _accept(self, method: Method) -> None:
        """Ask for the next call of *method*; a server that is stopping has none."""
        try:
            self._server.request_registered_call(self._queue, self._queue, method.path, method)
        except ValueError:
            return
        self._accepting += 1

    def _guarded(self, call: OneCall, step: Callable[[OneCall], None]) -> None:
        """Take a *step* of *call*: whatever it raises costs this call, and not the thread that answers all."""
        try:
            step(call)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("%s: a call failed outside its method", call.method.path)
            self._under_way.discard(call)
            if not call.answered:
                with suppress(Exception):
                    call.answer(self._broken)

    def _begin(self, call: OneCall) -> None:
        # First: who may not call, learns nothing else.
        if not call.is_admitted():
            return
        if self._is_full(call.method.pool):
            call.answer(self._overloaded(call.method.path))
        else:
            call.ask_for_message()

    def _receive(self, call: OneCall, message: bytes | None) -> None:
        if message is None:
            call.answer(self._incomplete(call.method.path))
        elif self._is_full(call.method.pool):
            # Again: between headers and message, others may have come.
            call.answer(self._overloaded(call.method.path))
        elif call.is_admitted():  # again: credentials may have been revoked meanwhile
            call.steps = call.method.answer(message, call.headers)
            if call.method.pool is None:
                self._ready.append(call)
            else:
                call.method.pool.submit(self._guarded, call, _answer_at_once)

    def _is_full(self, pool: ReadingPool | None) -> bool:
        return (len(self._ready) + self._unsynced if pool is None else pool.waiting) >= self._max_waiting

    def _go_on(self, call: OneCall, error: RecordUnavailableError | None = None) -> None:
        """
        Take the next step towards the answer of *call*, to which *error* has happened.

        One with more to do lets a few go first; one that waits for the disk is gone on with when that has its records.
        """
        try:
            unsynced = next(call.steps) if error is None else call.steps.throw(error)
        except StopIteration as end:
            call.answer(end.value)
        else:
            if unsynced is None:
                self._ready.insert(_GO_FIRST, call)
            else:
                self._unsynced += 1
                self._gathered.append((call, unsynced))
                if len(self._gathered) >= _GATHERED_AT_MOST:
                    self._hand_over()

    def _hand_over(self) -> None:
        """Let the calls that were gathered wait for the disk."""
        gathered, self._gathered = self._gathered, []
        for call, unsynced in gathered:
            self._guarded(call, partial(self._wait, unsynced))

    def _wait(self, unsynced: Unsynced, call: OneCall) -> None:
        try:
            unsynced.when_synced(partial(self._settle, call))
        except Exception:
            self._unsynced -= 1
            raise

    def _settle(self, call: OneCall, error: RecordUnavailableError | None) -> None:
        """Have the loop go on with *call*; from another thread."""
        self._settled.append((call, error))
        if self._asleep:
            # Once for all that settle together.
            self._asleep = False
            with self._ending:
                if not self._ended:
                    call.wake()


def _answer_at_once(call: OneCall) -> None:
    try:
        while next(call.steps) is None:
            pass
    except StopIteration as end:
        call.answer(end.value)
    else:
        raise RuntimeError("a method with a pool waits for the disk, which only the loop can do")
