"""An event loop whose time passes when nothing else is left to do: an hour's run takes a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_TURN_S = 20e-6


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sleeps by setting its clock forward; a turn in which nothing sleeps takes 20 microseconds."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        super().__init__(_VirtualSelector(self))

    def time(self) -> float:
        """Return the seconds by the clock of this loop."""
        return self.now_s


class _VirtualSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for files for no time, and on the clock for all of it."""
        assert timeout is not None, "everything waits for something that never comes"
        self._loop.now_s += max(timeout, _TURN_S)
        return super().select(0)


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* returns on a loop with virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
