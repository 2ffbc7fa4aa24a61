"""The keeper's way from records to evidence, and what it says about how far that has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from oversight.errors import OversightError
from oversight.storage.election import Election
from oversight.storage.evidence_feed import Fed

__all__ = ["Feed", "FeedState", "FeedWatch"]

_SLICE_S = 1.0
_LEAST_PAUSE_S = 0.03
"""Long enough for a writer that waits for SQLite's lock to find it free: it looks again within 25 ms at first."""
_log = logging.getLogger(__name__)


class Feed(Protocol):
    """What takes records into the evidence, a batch at a time."""

    def step(self) -> Fed:
        """Take in the next batch; raise `StoreUnavailableError`."""
        ...


class FeedState(NamedTuple):
    """
    Up to when records are in the evidence (None: none are, or it is not known); why it does not go on, or empty.

    Everything that was recorded here before `complete_us` is in it, also where nothing was recorded for long.
    """

    through_us: int | None = None
    problem: str = ""
    complete_us: int = 0


class FeedWatch:
    """
    Feeds a slice at a time where this keeper is elected; `state` is replaced by one assignment, for any thread to read.

    Between two batches it pauses at least as long as a batch took, so that the drain finds the store free. A slice ends
    after *slice_s* seconds of *clock*. `hurries`: the last slice left something, or there was none yet. *through_us*
    asks the evidence, *drained_through_us* the drain: the time before which everything recorded here is in the store.
    """

    def __init__(
        self,
        feed: Feed,
        election: Election,
        *,
        through_us: Callable[[], int | None],
        drained_through_us: Callable[[], int] = lambda: 0,
        slice_s: float = _SLICE_S,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.state = FeedState()
        self.hurries = True
        self._feed = feed
        self._election = election
        self._through_us = through_us
        self._drained_through_us = drained_through_us
        self._slice_s = slice_s
        self._clock = clock
        self._pause = pause

    def step(self) -> None:
        """Feed a slice; what could not be taken in is taken in later, nothing of it twice."""
        # Before the look that finds nothing more: what comes to the store meanwhile may be missed by it.
        drained_us = self._drained_through_us()
        try:
            elected = self._election.is_elected()
            self.hurries = elected and self._feed_slice()
            complete_us = drained_us if elected and not self.hurries else self.state.complete_us
            # Asked in any case: another keeper may be at work.
            self.state = FeedState(self._through_us(), complete_us=complete_us)
        except OversightError as error:
            self.hurries = False
            if str(error) != self.state.problem:
                _log.error("outcomes teach nothing at the moment: %s", error)
            self.state = self.state._replace(problem=str(error))

    def _feed_slice(self) -> bool:
        end_s = self._clock() + self._slice_s
        while True:
            began_s = self._clock()
            if not self._feed.step().more:
                return False
            ended_s = self._clock()
            self._pause(max(_LEAST_PAUSE_S, ended_s - began_s))
            if ended_s >= end_s:
                return True
