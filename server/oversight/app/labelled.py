"""How many labels there are, from the keeper to the workers: `labelled_outcomes` of rules, by a file in `run`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from oversight.app.handover import file_stamp, write_file
from oversight.errors import StoreUnavailableError
from oversight.storage.evidence import LabelCounts

__all__ = ["LabelledKey", "LabelledWatch", "labelled_stamp", "read_labelled"]

LabelledKey = tuple[str, str, str]
"""Tenant, intent and model version; empty where a request has none."""

_NAME = "labelled.json"
_MOST = 20_000
"""Entries at most, some 2 MB; those with the most labels are kept, of the others none are known."""
_NONE: Mapping[LabelledKey, int] = MappingProxyType({})
_log = logging.getLogger(__name__)


class LabelledWatch:
    """Writes the counts for the workers of *run* whenever they differ from what was written last."""

    def __init__(self, run: Path, counts: Callable[[], Sequence[LabelCounts]], *, most: int = _MOST) -> None:
        self._run = run
        self._counts = counts
        self._most = most
        self._written: list[LabelCounts] | None = None
        self._left_out = 0

    def step(self) -> None:
        """Look and write; where the store is away, what was written stays."""
        try:
            found = list(self._counts())
        except StoreUnavailableError:
            return  # said by the drain
        left_out = max(0, len(found) - self._most)
        if left_out and not self._left_out:
            _log.warning(
                "labels of %d combinations of tenant, intent and model version: the %d with the fewest count as none",
                len(found),
                left_out,
            )
        self._left_out = left_out
        if left_out:
            found = sorted(found, key=lambda one: one.labels, reverse=True)[: self._most]
        if found != self._written:
            write_file(self._run / _NAME, json.dumps(found, separators=(",", ":")).encode())
            self._written = found


def labelled_stamp(run: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever the counts are written; None while there are none."""
    return file_stamp(run / _NAME)


def read_labelled(run: Path) -> Mapping[LabelledKey, int]:
    """Return the counts; empty where there are none that can be read: then no label is known of anything."""
    try:
        rows = json.loads((run / _NAME).read_bytes())
        return {(str(tenant), str(intent), str(version)): int(labels) for tenant, intent, version, labels in rows}
    except (OSError, ValueError, TypeError):
        return _NONE
