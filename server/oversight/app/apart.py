"""
Work done in a process of its own, which ends with it: sent on its standard input, answered on its standard output.

What takes long, or as much memory as somebody makes it take, must not share the controller's interpreter with the loop
that brings thresholds and stops into force (docs/adr/0028).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from oversight.app.children import end_with_parent
from oversight.app.yielding import lower_priority, yield_to_callers

__all__ = ["LimitExceededError", "Limits", "answer_apart", "do_apart"]

_NO_ROOM = 3
_SAID_BYTES = 2_000


class Limits(NamedTuple):
    """What a process may take: seconds, and bytes of memory."""

    longest_s: float
    largest_bytes: int


class LimitExceededError(Exception):
    """The process took more than it may; the text is that limit: "30 s", "1,024 bytes of memory"."""


def do_apart(
    module: str,
    what: str,
    sent: bytes,
    *,
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """
    Run *module*, which calls `answer_apart`, and return what it answers to *sent*; *what* names it for people.

    Without *limits* it may take what it needs. *environment* adds variables to this process's own. Raises
    `LimitExceededError`, and RuntimeError where the process ended without an answer.
    """
    # -P: as for the server's other processes (app.children).
    command = [sys.executable, "-P", "-m", module, str(os.getpid())]
    command += [] if limits is None else [str(limits.largest_bytes)]
    try:
        done = subprocess.run(  # noqa: S603 - our own modules, by this very interpreter
            command,
            input=sent,
            capture_output=True,
            timeout=None if limits is None else limits.longest_s,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as problem:
        raise LimitExceededError(f"{problem.timeout:g} s") from None
    if limits is not None and done.returncode == _NO_ROOM:
        raise LimitExceededError(f"{limits.largest_bytes:,} bytes of memory")
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-_SAID_BYTES:]
        raise RuntimeError(f"{what} ended with {done.returncode}: {said}")
    return done.stdout


def answer_apart(answer: Callable[[bytes], bytes], *, gives_way: bool) -> int:
    """
    Be the process of `do_apart`: read what was sent, write what *answer* makes of it, and return the exit code.

    With *gives_way* it runs when no caller wants the CPU.
    """
    parent, *largest_bytes = map(int, sys.argv[1:])
    end_with_parent(parent)
    if gives_way:
        lower_priority()
        yield_to_callers()
    for most in largest_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
    except MemoryError:
        return _NO_ROOM
    return 0
