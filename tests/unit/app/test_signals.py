"""Waiting for signals."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from oversight.app.signals import SignalPipe


@pytest.fixture
def pipe() -> Iterator[SignalPipe]:
    """A pipe for two signals; the process' own handling is put back afterwards."""
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    yield SignalPipe(*numbers)
    signal.set_wakeup_fd(-1)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_signals_come_in_their_order(pipe: SignalPipe) -> None:
    """A second SIGTERM is another thing than a first."""
    os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR1)

    assert (signal.SIGUSR2, signal.SIGUSR1) == pipe.wait(5) + pipe.wait(0.1)


def test_no_signal_is_no_signal(pipe: SignalPipe) -> None:
    """The loop goes on with its other work."""
    assert () == pipe.wait(0.0)
    assert () == pipe.wait(-1.0)


def test_another_thread_can_end_the_wait(pipe: SignalPipe) -> None:
    """A change is reported at once, not with the next heartbeat."""
    thread = threading.Thread(target=pipe.wake)
    thread.start()

    assert () == pipe.wait(30)
    thread.join()


def test_no_number_of_wake_ups_hides_a_signal(pipe: SignalPipe) -> None:
    """A SIGTERM that finds a full pipe would be lost."""
    for _ in range(100_000):
        pipe.wake()
    os.kill(os.getpid(), signal.SIGUSR1)

    assert (signal.SIGUSR1,) == pipe.wait(0.0)
    assert () == pipe.wait(0.0)
