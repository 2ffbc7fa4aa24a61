"""The last rule source that compiled, kept as source so that a start with broken files still has something to serve."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import NamedTuple

from oversight.app.handover import write_file

__all__ = ["LAST_GOOD", "LastGood", "LastGoodFile"]

LAST_GOOD = "last_good.json"
"""The file in the data folder."""

_CONFIRM_EVERY_US = 10_000_000
"""A confirmation that is written a little late makes the rules seem older than they are, never younger."""
_log = logging.getLogger(__name__)


class LastGood(NamedTuple):
    """A `SnapshotSource` document, the digest of its snapshot, and when it was last found to be what the files say."""

    document: str
    digest: str
    confirmed_at_us: int


class LastGoodFile:
    """DATA_DIR/last_good.json, and beside it the time of its last confirmation."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LAST_GOOD
        self._time_path = data_dir / "last_good_confirmed.json"
        self._written_us = 0

    def read(self) -> LastGood | None:
        """Return what is stored; None where there is nothing that can be read."""
        try:
            kept = json.loads(self._path.read_bytes())
            found = LastGood(str(kept["document"]), str(kept["digest"]), int(kept["confirmed_at_us"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            _log.warning("%s cannot be read: %s", self._path, problem)
            return None
        return found._replace(confirmed_at_us=max(found.confirmed_at_us, self._read_time(found.digest)))

    def keep(self, good: LastGood) -> None:
        """Store *good* so that it outlives a power loss. Raises OSError."""
        write_file(self._path, json.dumps(good._asdict()).encode(), durable=True)
        self._written_us = good.confirmed_at_us

    def confirm(self, digest: str, at_us: int, *, at_once: bool = False) -> None:
        """Note that the rules of *digest* were confirmed; written every 10 s, or *at_once*. Raises OSError."""
        if at_once or at_us - self._written_us >= _CONFIRM_EVERY_US:
            write_file(self._time_path, json.dumps({"digest": digest, "confirmed_at_us": at_us}).encode())
            self._written_us = at_us

    def _read_time(self, digest: str) -> int:
        try:
            noted = json.loads(self._time_path.read_bytes())
            return int(noted["confirmed_at_us"]) if noted["digest"] == digest else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0
