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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # compiled, and without types

from oversight.access.identity import LOCAL, Identity
from oversight.errors import RecordUnavailableError
from oversight.grpc_api.status import Refusal
from oversight.journal.protocols import Turns, Unsynced

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
_GATHERED_AT_MOST = 32
"""
Calls that are decided before their records go to the disk together, while there are more to decide.

A sync takes a processor as long as some decisions do, and is the same for one record and for many.
"""
_NO_FLAGS = 0
_WAKE = object()
"""Tag of the event that ends the loop's wait for another one."""


class Headers(NamedTuple):
    """What came ahead of a call's message: its metadata, its deadline in seconds since 1970, and who calls."""

    metadata: tuple[tuple[str, str | bytes], ...]
    deadline_s: float
    caller: Identity = LOCAL


Steps = Turns[bytes | Refusal]
"""The answering of one call in turns; it returns the reply's bytes or a refusal, and raises nothing."""


class ReadingPool(ThreadPoolExecutor):
    """
    Threads for methods that wait, so that the loop never does.

    They are started at once: one that could not be started later would be the loop's trouble.
    """

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name)
        together = threading.Barrier(threads + 1)
        for _ in range(threads):
            self.submit(together.wait)
        together.wait()

    @property
    def waiting(self) -> int:
        """Return the calls that no thread has taken up yet."""
        return self._work_queue.qsize()


class Method(NamedTuple):
    """
    One unary method: its *path* (`/package.Service/Method`) and what answers it.

    *answer* gets the message's bytes. It runs in the loop, and must not wait there; with a *pool*, it runs on one of
    its threads. Before the message is read, *admit* is asked who calls, from the metadata and gRPC's own call; it must
    not wait at all. It is asked again where `generation()` is another when the message is there.
    """

    path: str
    answer: Callable[[bytes, Headers], Steps]
    pool: ReadingPool | None = None
    admit: Callable[[tuple[tuple[str, str | bytes], ...], Any], Identity | Refusal] = lambda _metadata, _call: LOCAL
    generation: Callable[[], int] = int


class _Call:
    """One call, from its headers to its answer."""

    __slots__ = ("answered", "core", "deadline_s", "generation", "headers", "metadata", "method", "steps")

    headers: Headers
    steps: Steps

    def __init__(self, core: Any, method: Method, event: Any) -> None:
        self.core = core
        self.method = method
        self.metadata: tuple[tuple[str, str | bytes], ...] = event.invocation_metadata
        self.deadline_s: float = event.call_details.deadline
        self.generation = -1
        self.answered = False

    def is_admitted(self) -> bool:
        """Find out who calls unless that is known; where nobody may, answer so and return False."""
        generation = self.method.generation()
        if generation == self.generation:
            return True
        caller = self.method.admit(self.metadata, self.core)
        if isinstance(caller, Refusal):
            self.answer(caller)
            return False
        self.generation = generation
        self.headers = Headers(self.metadata, self.deadline_s, caller)
        return True

    def ask_for_message(self) -> None:
        self._start([cygrpc.ReceiveMessageOperation(_NO_FLAGS)])

    def answer(self, reply: bytes | Refusal) -> None:
        """Send *reply* and end the call; from any thread."""
        self.answered = True
        # In one batch, so that there is one event for all; the close is received because the core wants it so.
        operations = [
            cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS),
            cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),
        ]
        if isinstance(reply, bytes):
            operations.append(cygrpc.SendMessageOperation(reply, _NO_FLAGS))
            code, text, trailers = cygrpc.StatusCode.ok, b"", None
        else:
            code, text, trailers = reply.code.value[0], reply.text.encode(), reply.trailers
        operations.append(cygrpc.SendStatusFromServerOperation(trailers, code, text, _NO_FLAGS))
        self._start(operations)

    def wake(self) -> None:
        """End the loop's wait for an event, while this call is not answered; from any thread."""
        # A batch of nothing is done at once, and its event comes like any other's.
        self.core.start_server_batch((), _WAKE)

    def _start(self, operations: list[Any]) -> None:
        error = self.core.start_server_batch(operations, self)
        if error:
            raise RuntimeError(f"gRPC took no operations of this call (grpc_call_error {error})")


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
        self._under_way: set[_Call] = set()
        self._ready: deque[_Call] = deque()
        # Calls whose records wait for the disk: those not handed over yet, how many there are, and those that need wait
        # no more, with what failed.
        self._gathered: list[tuple[_Call, Unsynced]] = []
        self._unsynced = 0
        self._settled: deque[tuple[_Call, RecordUnavailableError | None]] = deque()
        self._asleep = False
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
        self._queue.shutdown()

    def _take(self, event: Any) -> None:
        tag = event.tag
        if type(tag) is not _Call:
            if tag is _WAKE:
                return
            self._accepting -= 1
            if event.success:  # else the server is stopping
                self._accept(tag)
                call = _Call(event.call, tag, event)
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

    def _guarded(self, call: _Call, step: Callable[[_Call], None]) -> None:
        """Take a *step* of *call*: whatever it raises costs this call, and not the thread that answers all."""
        try:
            step(call)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("%s: a call failed outside its method", call.method.path)
            self._under_way.discard(call)
            if not call.answered:
                with suppress(Exception):
                    call.answer(self._broken)

    def _begin(self, call: _Call) -> None:
        # First: who may not call, learns nothing else.
        if not call.is_admitted():
            return
        if self._is_full(call.method.pool):
            call.answer(self._overloaded(call.method.path))
        else:
            call.ask_for_message()

    def _receive(self, call: _Call, message: bytes | None) -> None:
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

    def _go_on(self, call: _Call, error: RecordUnavailableError | None = None) -> None:
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

    def _wait(self, unsynced: Unsynced, call: _Call) -> None:
        try:
            unsynced.when_synced(partial(self._settle, call))
        except Exception:
            self._unsynced -= 1
            raise

    def _settle(self, call: _Call, error: RecordUnavailableError | None) -> None:
        """Have the loop go on with *call*; from another thread."""
        self._settled.append((call, error))
        if self._asleep:
            # Once for all that settle together.
            self._asleep = False
            call.wake()


def _answer_at_once(call: _Call) -> None:
    try:
        while next(call.steps) is None:
            pass
    except StopIteration as end:
        call.answer(end.value)
    else:
        raise RuntimeError("a method with a pool waits for the disk, which only the loop can do")
