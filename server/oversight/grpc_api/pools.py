"""Threads: one pool that decides, and small ones so that nothing slow ever takes a deciding thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

__all__ = ["DecidingPool", "InlinePool", "on_pool"]

P = ParamSpec("P")
R = TypeVar("R")


class DecidingPool(ThreadPoolExecutor):
    """A pool that says how many calls wait for a thread."""

    @property
    def waiting(self) -> int:
        """Return the calls that no thread has taken up yet."""
        return self._work_queue.qsize()


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
