"""What decides in one worker: the snapshot last published, the stops of this machine, and how fresh its sources are."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from oversight.app.handover import file_stamp
from oversight.app.labelled import LabelledKey, labelled_stamp, read_labelled
from oversight.app.local_stops import LocalStops
from oversight.app.reports import read_controller
from oversight.app.snapshot_file import Published, load_published, snapshot_stamp
from oversight.engine.request import Stop
from oversight.engine.snapshot import Snapshot, release
from oversight.errors import StartError

__all__ = ["CurrentSnapshot", "wait_for_snapshot"]

_log = logging.getLogger(__name__)


class CurrentSnapshot:
    """
    A `decisions.Current` that follows the controller's files.

    `snapshot`, `policy_confirmed_at_us` and `thresholds_confirmed_at_us` are each replaced by one assignment; a call
    reads `snapshot` once. Live values whose time is over are left out here, with or without a controller. `stops` are
    those of *local_stops*, `labelled` is how many labels the keeper counted (`app.labelled`). `since_us` is when the
    snapshot came into force here. Building one raises FileNotFoundError or ValueError while there is nothing to follow.
    """

    def __init__(
        self,
        run: Path,
        *,
        clock_us: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
        local_stops: LocalStops | None = None,
    ) -> None:
        self._run = run
        self._pause = pause
        self._clock_us = clock_us
        self._local_stops = local_stops
        self._seen = snapshot_stamp(run)
        self._heard: tuple[int, int, int] | None = None
        self._published: Published = load_published(run)
        self._phase = self._published.phase(clock_us())
        self.snapshot: Snapshot = self._published.assemble(self._phase)
        self.since_us = clock_us()
        self.stops: tuple[Stop, ...] = ()
        self.labelled: Mapping[LabelledKey, int] = {}
        self._labelled_stamp: tuple[int, int, int] | None = None
        self.policy_confirmed_at_us = 0
        self.thresholds_confirmed_at_us = 0
        self._problem = ""
        self._stops_problem = ""
        self.refresh()

    @property
    def problem(self) -> str:
        """What keeps the newest from being in force here, or empty."""
        return "; ".join(filter(None, (self._problem, self._stops_problem)))

    def refresh(self) -> None:
        """Take over what is newer and leave out what is over; without a controller the rest stays, and grows older."""
        # Looked at before the snapshot and taken over behind it: one that moves from here to there holds all the time.
        stops = self._look_for_stops()
        # The file is looked at before it is read: one replaced in between is read again next time, never missed.
        stamp = snapshot_stamp(self._run)
        if stamp is not None and stamp != self._seen:
            self._load(stamp)
        self._expire()
        self._stop(stops)
        self._listen()
        self._count_labels()

    def _look_for_stops(self) -> tuple[Stop, ...]:
        if self._local_stops is None:
            return ()
        try:
            stops = self._local_stops.engaged()
        except OSError as problem:
            self._stops_problem = f"the stops of this machine cannot be read: {problem}"
            return self.stops
        self._stops_problem = ""
        return stops

    def _stop(self, stops: tuple[Stop, ...]) -> None:
        if self._problem:
            # The snapshot into which one of them has gone may be the one that cannot be used.
            stops = tuple(dict.fromkeys((*self.stops, *stops)))
        if stops != self.stops:
            _log.warning("stops engaged on this machine alone: %d", len(stops))
            self.stops = stops

    def _load(self, stamp: tuple[int, int, int]) -> None:
        try:
            published = load_published(self._run)
            phase = published.phase(self._clock_us())
            snapshot = published.assemble(phase)
        except OSError as problem:
            self._problem = f"the snapshot published last cannot be read: {problem}"  # and is tried again
            return
        except ValueError as problem:
            self._seen = stamp
            self._problem = f"the snapshot published last cannot be used: {problem}"
            _log.error("%s; %s stays in force", self._problem, self.snapshot.digest)
            return
        self._seen = stamp
        self._problem = ""
        self._published, self._phase = published, phase
        self._put_in_force(snapshot)

    def _expire(self) -> None:
        """Go on to the next phase; never back, should the clock be set."""
        phase = self._published.phase(self._clock_us())
        if phase <= self._phase:
            return
        self._phase = phase
        try:
            self._put_in_force(self._published.assemble(phase))
        except ValueError as problem:
            self._problem = f"a live value is over, and what follows cannot be used: {problem}"
            _log.error("%s; %s stays in force", self._problem, self.snapshot.digest)

    def _put_in_force(self, snapshot: Snapshot) -> None:
        if snapshot.digest != self.snapshot.digest:
            self.since_us = self._clock_us()
            _log.info(
                "policy %s is in force",
                snapshot.digest,
                extra={"commit": snapshot.commit, "threshold_revision": snapshot.threshold_revision},
            )
        replaced, self.snapshot = self.snapshot, snapshot
        for _ in release(replaced):
            self._pause(0.0)  # whoever waits for the interpreter's lock gets it

    def _count_labels(self) -> None:
        stamp = labelled_stamp(self._run)
        if stamp != self._labelled_stamp:
            self._labelled_stamp = stamp
            self.labelled = read_labelled(self._run)

    def _listen(self) -> None:
        stamp = file_stamp(self._run / "controller.json")
        if stamp == self._heard:
            return
        heartbeat = read_controller(self._run)
        if heartbeat is None:
            return
        self._heard = stamp
        # A confirmation of other rules or values than those in force here must not make these look fresh.
        if heartbeat.digest in self._published.digests:
            self.policy_confirmed_at_us = heartbeat.policy_confirmed_at_us
        if heartbeat.threshold_revision == self.snapshot.threshold_revision:
            self.thresholds_confirmed_at_us = heartbeat.thresholds_confirmed_at_us


def wait_for_snapshot(
    run: Path,
    *,
    clock_us: Callable[[], int],
    timeout_s: float,
    pause: Callable[[float], object] = time.sleep,
    local_stops: LocalStops | None = None,
) -> CurrentSnapshot:
    """Return what is in force, waiting at most *timeout_s* for the controller to publish it. Raise `StartError`."""
    problem: Exception | None = None
    waited_s = 0.0
    while waited_s <= timeout_s:
        try:
            current = CurrentSnapshot(run, clock_us=clock_us, local_stops=local_stops)
            if current.policy_confirmed_at_us:
                return current
        except (OSError, ValueError) as error:
            problem = error
        pause(0.02)
        waited_s += 0.02
    raise StartError(f"no snapshot of the rules was published within {timeout_s:.0f} s ({problem or 'no heartbeat'})")
