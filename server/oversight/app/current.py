"""What decides in one worker: the snapshot last published, and when its source was last confirmed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from oversight.app.handover import file_stamp
from oversight.app.reports import read_controller
from oversight.app.snapshot_file import load_snapshot, snapshot_stamp
from oversight.engine.snapshot import Snapshot, release
from oversight.errors import StartError

__all__ = ["CurrentSnapshot", "wait_for_snapshot"]

_log = logging.getLogger(__name__)


class CurrentSnapshot:
    """
    A `decisions.Current` that follows the controller's files.

    `snapshot`, `policy_confirmed_at_us` and `thresholds_confirmed_at_us` are each replaced by one assignment; a call
    reads `snapshot` once. `since_us` is when the snapshot came into force here. `problem` says why a newer one did not,
    or is empty. Building one raises FileNotFoundError or ValueError while there is nothing to follow.
    """

    def __init__(
        self, run: Path, *, clock_us: Callable[[], int], pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._run = run
        self._pause = pause
        self._clock_us = clock_us
        self._seen = snapshot_stamp(run)
        self._heard: tuple[int, int, int] | None = None
        self.snapshot: Snapshot = load_snapshot(run)
        self.since_us = clock_us()
        self.policy_confirmed_at_us = 0
        self.thresholds_confirmed_at_us = 0
        self.problem = ""
        self.refresh()

    def refresh(self) -> None:
        """Take over what is newer; without a controller everything stays as it is, and grows older."""
        # The file is looked at before it is read: one replaced in between is read again next time, never missed.
        stamp = snapshot_stamp(self._run)
        if stamp is not None and stamp != self._seen:
            self._load(stamp)
        self._listen()

    def _load(self, stamp: tuple[int, int, int]) -> None:
        try:
            snapshot = load_snapshot(self._run)
        except OSError as problem:
            self.problem = f"the snapshot published last cannot be read: {problem}"  # and is tried again
            return
        except ValueError as problem:
            self._seen = stamp
            self.problem = f"the snapshot published last cannot be used: {problem}"
            _log.error("%s; %s stays in force", self.problem, self.snapshot.digest)
            return
        self._seen = stamp
        self.problem = ""
        if snapshot.digest != self.snapshot.digest:
            self.since_us = self._clock_us()
            _log.info("policy %s is in force", snapshot.digest, extra={"commit": snapshot.commit})
        replaced, self.snapshot = self.snapshot, snapshot
        for _ in release(replaced):
            self._pause(0.0)  # whoever waits for the interpreter's lock gets it

    def _listen(self) -> None:
        stamp = file_stamp(self._run / "controller.json")
        if stamp == self._heard:
            return
        heartbeat = read_controller(self._run)
        if heartbeat is None:
            return
        self._heard = stamp
        self.thresholds_confirmed_at_us = heartbeat.thresholds_confirmed_at_us
        # A confirmation of other rules than those in force here must not make these look fresh.
        if heartbeat.digest == self.snapshot.digest:
            self.policy_confirmed_at_us = heartbeat.policy_confirmed_at_us


def wait_for_snapshot(
    run: Path,
    *,
    clock_us: Callable[[], int],
    timeout_s: float,
    pause: Callable[[float], object] = time.sleep,
) -> CurrentSnapshot:
    """Return what is in force, waiting at most *timeout_s* for the controller to publish it. Raise `StartError`."""
    problem: Exception | None = None
    waited_s = 0.0
    while waited_s <= timeout_s:
        try:
            current = CurrentSnapshot(run, clock_us=clock_us)
            if current.policy_confirmed_at_us:
                return current
        except (OSError, ValueError) as error:
            problem = error
        pause(0.02)
        waited_s += 0.02
    raise StartError(f"no snapshot of the rules was published within {timeout_s:.0f} s ({problem or 'no heartbeat'})")
