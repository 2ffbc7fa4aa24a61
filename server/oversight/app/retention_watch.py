"""Retention by the keeper: once a day, in small slices, beside the drain."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator

from oversight.durations import DAY_US, HOUR_US
from oversight.errors import OversightError
from oversight.storage.retention import Removed, Retention, months_before

__all__ = ["RetentionWatch"]

_AGAIN_US = HOUR_US
"""After a failure: the store may be back by then."""
_log = logging.getLogger(__name__)


class RetentionWatch:
    """
    Removes what is older than *months* calendar months, a slice at a time.

    The first run begins with the first step, each further one a day later. A slice ends with the transaction during
    which *slice_s* seconds of *clock* have passed, so that the drain waits for one small transaction at most.
    *in_force* are the digests of the snapshots that decisions come from.
    """

    def __init__(
        self,
        retention: Retention,
        *,
        months: int,
        in_force: Callable[[], Collection[str]],
        clock_us: Callable[[], int],
        slice_s: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retention = retention
        self._months = months
        self._in_force = in_force
        self._clock_us = clock_us
        self._slice_s = slice_s
        self._clock = clock
        self._steps: Iterator[Removed] | None = None
        self._removed = Removed()
        self._due_us = 0

    def step(self) -> None:
        """Do a slice of what is due; what cannot be removed is logged and tried again an hour later."""
        now_us = self._clock_us()
        if self._steps is None:
            if now_us < self._due_us:
                return
            self._removed = Removed()
            self._steps = self._retention.steps(months_before(now_us, self._months), self._in_force())
        end_s = self._clock() + self._slice_s
        try:
            for removed in self._steps:
                self._removed = Removed(*map(sum, zip(self._removed, removed, strict=True)))
                if self._clock() >= end_s:
                    return
        except OversightError as error:
            _log.error("retention: %s", error)
            self._finish(now_us + _AGAIN_US)
        else:
            self._finish(now_us + DAY_US)

    def _finish(self, due_us: int) -> None:
        self._steps = None
        self._due_us = due_us
        if any(self._removed):
            _log.info(
                "retention removed %d decisions, %d outcomes, %d snapshots, %d rows of evidence older than %d months",
                self._removed.decisions,
                self._removed.outcomes,
                self._removed.snapshots,
                self._removed.evidence,
                self._months,
            )
