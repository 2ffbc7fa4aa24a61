"""Threads: one pool that decides, and small ones so that nothing slow ever takes a deciding thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["DecidingPool", "InlinePool", "Pool", "ReadingPool", "on_pool"]

_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Pool(Protocol):
    """Threads that calls wait for."""

    @property
    def waiting(self) -> int:
        """Return the calls that no thread has taken up yet."""
        ...


class ReadingPool(ThreadPoolExecutor):
    """A pool for one method; grpcio takes no other kind beside the one for all methods."""

    @property
    def waiting(self) -> int:
        """Return the calls that no thread has taken up yet."""
        return self._work_queue.qsize()


class _Accepted:
    """What `submit` returns: grpcio only ever adds a callback, for a limit on concurrency that is not ours."""

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Drop *callback*."""


_ACCEPTED = _Accepted()


class DecidingPool:
    """
    Threads that run calls in the order in which they came, and a queue that says how many wait.

    Not a `ThreadPoolExecutor`: its futures and semaphores, which nobody here asks for, cost more than the decision
    (measured in docs/performance.md).
    """

    def __init__(self, threads: int) -> None:
        """Start *threads* threads."""
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"decide-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Return the calls that no thread has taken up yet."""
        return self._calls.qsize()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> _Accepted:
        """Run *function* on the next thread that is free."""
        self._calls.put((function, args))
        return _ACCEPTED

    def shutdown(self) -> None:
        """Let the threads end once they have run what waits."""
        for _ in self._threads:
            self._calls.put(None)

    def _run(self) -> None:
        take = self._calls.get
        while (call := take()) is not None:
            function, args = call
            try:
                function(*args)
            except BaseException:  # noqa: BLE001 - a thread that ends is one deciding thread less for good
                _log.exception("a call failed outside its handler")


class InlinePool(ThreadPoolExecutor):
    """
    Runs a call on the thread that submits it.

    For refusals only: they must not wait behind the very queue that is too long. Never for a unary-unary handler,
    which would wait for its own request on the thread that delivers it.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run *fn* now and return its outcome as a finished future."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever its function raised
            future.set_exception(error)
        return future


def on_pool(behaviour: Callable[..., Any], pool: ThreadPoolExecutor) -> Callable[..., Any]:
    """Return *behaviour* marked to run on *pool*: grpcio looks for the mark on the function itself."""

    def run(request: Any, context: Any) -> Any:
        return behaviour(request, context)

    run.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio's way to choose a pool
    return run
