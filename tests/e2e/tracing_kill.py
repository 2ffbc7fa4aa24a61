"""A process that is killed by the kernel just when it enters a system call, through strace's fault injection."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import is_running, wait_until

__all__ = ["CannotTraceError", "killed_when_it_calls"]


class CannotTraceError(Exception):
    """This machine lets the tests trace no process; the text says why."""


@contextmanager
def killed_when_it_calls(pid: int, calls: tuple[str, ...], log: Path, *, at: int = 1) -> Iterator[None]:
    """
    Kill process *pid* when it enters one of the system *calls* for the time number *at*, before the call does anything.

    The calls seen, with their paths, stand in *log*. Inside the `with` it is being watched; at its end it is dead, or
    this fails. Raises `CannotTraceError` before anything has happened.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise CannotTraceError("there is no strace here (apt-get install strace)")
    # The question mark: not every architecture has every call.
    names = ",".join(f"?{name}" for name in calls)
    command = [strace, "-f", "-y", "-o", str(log), "-e", f"trace={names}"]
    command += ["-e", f"inject={names}:signal=KILL:when={at}", "-p", str(pid)]
    said = log.with_suffix(".err")
    with said.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as tracer:
        try:
            # It says "attached" when every thread is.
            wait_until(lambda: tracer.poll() is not None or "attached" in said.read_text(), "strace to attach")
            if tracer.poll() is not None:
                raise CannotTraceError(said.read_text().strip() or "strace ended")
            yield
            wait_until(lambda: not is_running(pid), f"process {pid} to be killed in {', '.join(calls)}", 60)
            wait_until(lambda: tracer.poll() is not None or "killed by" in log.read_text(), "strace to say so")
        finally:
            # Not asked: it may wait for a thread that the kill took from it. What it traced goes on without it.
            tracer.kill()
