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
    """Up to when records are in the evidence (None: none are, or it is not known); why it does not go on, or empty."""

    through_us: int | None = None
    problem: str = ""


class FeedWatch:
    """
    Feeds a slice at a time where this keeper is elected; `state` is replaced by one assignment, for any thread to read.

    Between two batches it pauses at least as long as a batch took, so that the drain finds the store free. A slice ends
    after *slice_s* seconds of *clock*. `hurries`: the last slice left something. *through_us* asks the evidence.
    """

    def __init__(
        self,
        feed: Feed,
        election: Election,
        *,
        through_us: Callable[[], int | None],
        slice_s: float = _SLICE_S,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.state = FeedState()
        self.hurries = False
        self._feed = feed
        self._election = election
        self._through_us = through_us
        self._slice_s = slice_s
        self._clock = clock
        self._pause = pause

    def step(self) -> None:
        """Feed a slice; what could not be taken in is taken in later, nothing of it twice."""
        self.hurries = False
        try:
            if self._election.is_elected():
                self.hurries = self._feed_slice()
            # Asked in any case: another keeper may be at work.
            self.state = FeedState(self._through_us())
        except OversightError as error:
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
