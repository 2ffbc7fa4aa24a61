"""The control state last seen, kept so that a start without the store has its values and stops."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from oversight.app.handover import write_file
from oversight.engine.control import ControlEvent, ControlState, EngagedStop, Setting
from oversight.engine.request import Stop

__all__ = ["LastControl", "LastControlFile"]

_CONFIRM_EVERY_US = 10_000_000
"""A confirmation that is written a little late makes the values seem older than they are, never younger."""
_log = logging.getLogger(__name__)


class LastControl(NamedTuple):
    """
    A state, without proposals, and when the store was last found to have just that.

    `newest_at_us` is the time of its newest event, by which another history is known from this one; 0 without events.
    """

    state: ControlState
    confirmed_at_us: int
    newest_at_us: int

    def is_in(self, events: Sequence[ControlEvent]) -> bool:
        """Return whether *events*, from the first, are the history of this state or go on from it."""
        revision = self.state.revision
        return revision == 0 or (len(events) >= revision and events[revision - 1].at_us == self.newest_at_us)


class LastControlFile:
    """DATA_DIR/last_control.json."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "last_control.json"
        self._written_us = 0
        self._revision: int | None = None

    def read(self) -> LastControl | None:
        """Return what is stored; None where there is nothing that can be read."""
        try:
            kept = json.loads(self._path.read_bytes())
            settings = [Setting(*one) for one in kept["values"]]
            state = ControlState(
                int(kept["revision"]),
                {(one.policy, one.name, one.intent, one.department, one.currency): one for one in settings},
                {},
                tuple(EngagedStop(Stop(*stop), *rest) for stop, *rest in kept["stops"]),
            )
            return LastControl(state, int(kept["confirmed_at_us"]), int(kept["newest_at_us"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            _log.warning("%s cannot be read: %s", self._path, problem)
            return None

    def is_there(self) -> bool:
        """Return whether there is anything: `oversight store accept` takes it away."""
        return self._path.exists()

    def forget(self) -> None:
        """Take it away. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def keep(self, last: LastControl, *, at_once: bool = False) -> None:
        """Store a new state to outlive a power loss, a confirmation every 10 s or *at_once*. Raises OSError."""
        is_new = last.state.revision != self._revision
        if not is_new and not at_once and last.confirmed_at_us - self._written_us < _CONFIRM_EVERY_US:
            return
        content = {
            "revision": last.state.revision,
            "values": list(last.state.values.values()),
            "stops": list(last.state.stops),
            "confirmed_at_us": last.confirmed_at_us,
            "newest_at_us": last.newest_at_us,
        }
        write_file(self._path, json.dumps(content).encode(), durable=is_new)
        self._revision, self._written_us = last.state.revision, last.confirmed_at_us
