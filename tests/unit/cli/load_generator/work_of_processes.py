"""What the tests of processes have done in them; children find it by its name."""

from __future__ import annotations

import asyncio
import os

from oversight.cli.load_generator.processes import Start


async def say_who(number: int, start: Start) -> tuple[int, int, float]:
    """Return the process's number, its id and when it began."""
    return number, os.getpid(), start()


async def fail(number: int, start: Start) -> int:
    """Fail in the second process."""
    start()
    if number == 1:
        raise ValueError("no such thing")
    return number


async def die(number: int, start: Start) -> int:
    """Die in the second process, and take a long time in the first."""
    start()
    if number == 1:
        os._exit(3)
    return number


async def say_nothing(number: int, start: Start) -> int:
    """Take longer than anybody waits."""
    start()
    await asyncio.sleep(60)
    return number
