"""How the keeper, and whoever compiles, stays out of the way of those that decide."""

from __future__ import annotations

import gc
import logging
import os

__all__ = ["lower_priority", "settle_memory", "yield_to_callers"]

_NICENESS = 19
_GC_THRESHOLDS = (50_000, 10, 10)
_log = logging.getLogger(__name__)


def lower_priority() -> None:
    """Let deciding come first on a shared CPU; for a process that has no threads yet, which inherit it."""
    os.nice(_NICENESS)


def yield_to_callers() -> None:
    """
    Leave a shared CPU to deciding, as soon as there is something to decide by.

    SCHED_IDLE, because the kernel lets even the nicest thread of another class finish a slice of some milliseconds
    before a worker that wakes gets the CPU (docs/adr/0021). Not for a process with a thread that must not wait: whoever
    is put off keeps the interpreter's lock (docs/adr/0028).
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        _log.warning("draining and compiling may make callers wait: SCHED_IDLE: %s", error)


def settle_memory() -> None:
    """
    Take what was loaded at start out of the garbage collector's sight, and collect less often.

    Records leave no cycles behind, and looking for them among the thousands of a batch takes 5 % of the drain.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
