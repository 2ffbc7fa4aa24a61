"""Stubs that answer when they are told to, and keep what they were asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc

from oversight.v1.decision_service_pb2 import BatchDecideRequest, BatchDecideResponse, BatchDecideResult, DecideRequest
from unit.client.replies import a_response

WAIT_S = 10.0


class Sent(NamedTuple):
    """One call: the ids of its items, its timeout, and whether it was a batch's."""

    ids: tuple[str, ...]
    timeout_s: float
    is_batch: bool


def answer_batch(batch: BatchDecideRequest) -> BatchDecideResponse:
    """Decide every item."""
    return BatchDecideResponse(results=[BatchDecideResult(response=a_response(item)) for item in batch.requests])


class HeldStub:
    """
    The two methods of a stub; while `open` is not set, calls wait.

    `on_decide` and `on_batch` are what they answer with, or raise.
    """

    def __init__(self) -> None:
        self.open = threading.Event()
        self.sent: list[Sent] = []
        self.on_decide: Callable[[DecideRequest], Any] = a_response
        self.on_batch: Callable[[BatchDecideRequest], Any] = answer_batch
        self._lock = threading.Lock()

    def decide(self, request: DecideRequest, *, timeout: float) -> Any:
        """Answer one request."""
        self._keep(Sent((request.request_id,), timeout, is_batch=False))
        return self.on_decide(request)

    def decide_batch(self, batch: BatchDecideRequest, *, timeout: float) -> Any:
        """Answer a batch."""
        self._keep(Sent(tuple(item.request_id for item in batch.requests), timeout, is_batch=True))
        return self.on_batch(batch)

    @property
    def sizes(self) -> list[int]:
        """How many items each call had."""
        return [len(call.ids) for call in self.sent]

    def _keep(self, call: Sent) -> None:
        with self._lock:
            self.sent.append(call)
        assert self.open.wait(WAIT_S), "the stub was held for too long"


class Callers:
    """Threads that each ask once; `answers` has what each got, by its request's id."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask
        self.answers: dict[str, Any] = {}
        self.took_s: dict[str, float] = {}
        self._threads: list[threading.Thread] = []

    def start(self, *ids: str, timeout: float = WAIT_S, **fields: Any) -> None:
        """Ask once for each of *ids*."""
        for name in ids:
            request = DecideRequest(request_id=name, **fields)
            self._threads.append(threading.Thread(target=self._run, args=(request, timeout), daemon=True))
            self._threads[-1].start()

    def join(self) -> dict[str, Any]:
        """Return the answers once all have one."""
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive(), "a caller hangs"
        return self.answers

    def _run(self, request: DecideRequest, timeout_s: float) -> None:
        began = time.monotonic()
        try:
            answer = self._ask(request, timeout=timeout_s)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread, interrupts too
            answer = error
        self.took_s[request.request_id] = time.monotonic() - began
        self.answers[request.request_id] = answer


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds; fail when it does not for long."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


@contextmanager
def releasing(stub: HeldStub) -> Iterator[None]:
    """Let every call go at the end, whatever the test found."""
    try:
        yield
    finally:
        stub.open.set()


def as_failure(failure: grpc.RpcError) -> Callable[[Any], Any]:
    """Return the step that raises *failure*."""

    def fail(_: Any) -> Any:
        raise failure

    return fail
