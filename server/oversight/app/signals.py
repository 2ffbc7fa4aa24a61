"""Signals as something a loop can wait for, so that no code ever runs in the middle of other code."""

from __future__ import annotations

import os
import select
import signal

__all__ = ["SignalPipe"]


class SignalPipe:
    """
    Signals of this process, in the order they came; build it in the main thread.

    A handler that took a lock could meet its own thread holding it; these handlers do nothing, the interpreter writes
    the number into a pipe.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        # Not through the pipe: however often another thread wakes the loop, there is room for a signal.
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        for number in numbers:
            signal.signal(number, _do_nothing)

    def wait(self, timeout_s: float) -> tuple[int, ...]:
        """Return the signals that came, waiting at most *timeout_s* for the first; empty after `wake` too."""
        ready, _, _ = select.select([self._reader, self._woken], [], [], max(0.0, timeout_s))
        if self._woken in ready:
            os.eventfd_read(self._woken)
        return tuple(os.read(self._reader, 4096)) if self._reader in ready else ()

    def wake(self) -> None:
        """End a `wait` in another thread."""
        os.eventfd_write(self._woken, 1)


def _do_nothing(number: int, frame: object) -> None:
    del number, frame
