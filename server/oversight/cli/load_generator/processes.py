"""The same work in one process or in several, begun at the same moment."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import selectors
import signal
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from oversight.app.children import end_with_parent
from oversight.cli.failures import CommandError, Failure

__all__ = ["Start", "Work", "run_in_processes"]

_T = TypeVar("_T")
Start = Callable[[], float]
"""Says that this process is ready; returns when all of them begin, in seconds of `time.monotonic`."""

Work = Callable[[int, Start], Awaitable[_T]]
"""What a process does, given its number from 0; it can be pickled."""

_HEAD_START_S = 0.1
_LONGEST_START_S = 60.0
_LONGEST_END_S = 1.0


def run_in_processes(work: Work[_T], processes: int, *, timeout_s: float) -> list[_T]:
    """
    Return what *work* returns in each process: in this one where there is only one.

    *timeout_s* is how long it may take, from its start. On Ctrl-C the work is cancelled once, in every process, and
    what it returns then is returned; CommandError where a process ends without a result.
    """
    if processes == 1:
        return [_run(work, 0, lambda: time.monotonic() + _HEAD_START_S)]
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as ends:
        pipes, pids = [], []
        for number in range(processes):
            ours, theirs = context.Pipe()
            child = context.Process(target=_work_in_child, args=(theirs, os.getpid(), work, number), daemon=True)
            child.start()
            theirs.close()
            ends.callback(_end, child, ours)
            pipes.append(ours)
            pids.append(child.pid or 0)
        _receive_all(pipes, _LONGEST_START_S)
        start_s = time.monotonic() + _HEAD_START_S
        for pipe in pipes:
            pipe.send(start_s)
        try:
            return _receive_all(pipes, timeout_s)
        except KeyboardInterrupt:
            for pid in pids:
                os.kill(pid, signal.SIGINT)
            return _receive_all(pipes, timeout_s)


def _end(child: BaseProcess, pipe: Connection) -> None:
    # A child that has sent its result, or whose pipe is closed, ends by itself.
    pipe.close()
    child.join(_LONGEST_END_S)
    child.kill()
    child.join()


def _receive_all(pipes: Iterable[Connection], timeout_s: float) -> list[Any]:
    deadline_s = time.monotonic() + timeout_s
    return [_receive(pipe, deadline_s - time.monotonic()) for pipe in pipes]


def _receive(pipe: Connection, timeout_s: float) -> Any:
    try:
        if not pipe.poll(max(0.0, timeout_s)):
            raise _failed(f"a generator process said nothing for {timeout_s:.0f} s")
        succeeded, value = pipe.recv()
    except (EOFError, OSError) as error:
        raise _failed("a generator process ended before it had a result") from error
    if not succeeded:
        raise _failed(f"a generator process failed: {value}")
    return value


def _failed(text: str) -> CommandError:
    return CommandError(Failure("INTERNAL", text))


def _work_in_child(pipe: Connection, parent: int, work: Work[Any], number: int) -> None:
    end_with_parent(parent)
    # A group of its own: Ctrl-C in the terminal reaches the parent alone, which passes it on once.
    os.setpgid(0, 0)

    def start() -> float:
        pipe.send((True, None))
        return float(pipe.recv())

    try:
        pipe.send((True, _run(work, number, start)))
    except Exception as error:  # noqa: BLE001 - the last frame of the process: the parent puts it into words
        where = traceback.extract_tb(error.__traceback__)[-1]
        pipe.send((False, f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"))


def _run(work: Work[_T], number: int, start: Start) -> _T:
    # The kernel may end a sleep 50 µs late, so as to end several at once; here every one counts (prctl(2)).
    with contextlib.suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1", encoding="ascii")

    async def main() -> _T:
        return await work(number, start)

    # epoll sleeps whole milliseconds in Python, select microseconds; and there are only three files to watch.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(main())
