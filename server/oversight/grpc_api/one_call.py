"""One call of a `call_loop`, and what answers it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from grpc._cython import cygrpc  # type: ignore[attr-defined]  # compiled, and without types; see call_loop

from oversight.access.identity import LOCAL, Identity
from oversight.grpc_api.status import Refusal
from oversight.journal.protocols import Turns

__all__ = ["WAKE", "Headers", "Method", "OneCall", "ReadingPool", "Steps"]

WAKE = object()
"""Tag of the event that ends the loop's wait for another one."""

_NO_FLAGS = 0


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


class OneCall:
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
        """Ask for the call's message, which comes as an event."""
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
        self.core.start_server_batch((), WAKE)

    def _start(self, operations: list[Any]) -> None:
        error = self.core.start_server_batch(operations, self)
        if error:
            raise RuntimeError(f"gRPC took no operations of this call (grpc_call_error {error})")
