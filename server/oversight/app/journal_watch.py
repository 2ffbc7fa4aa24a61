"""What a worker says and does while its journal cannot record."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

__all__ = ["JournalWatch", "Tended"]

_log = logging.getLogger(__name__)


class Tended(Protocol):
    """A journal that has to be looked after."""

    @property
    def problem(self) -> str:
        """Why nothing can be recorded at the moment, or empty."""
        ...

    def tend(self) -> None:
        """Close what has become old; while nothing can be recorded, try again."""
        ...


class JournalWatch:
    """
    Tends a journal and tells *set_serving* whether records can be written, where that is to be told.

    *set_serving* is None where a worker goes on serving without records (setting `on_record_failure = tighten`).
    """

    def __init__(self, journal: Tended, set_serving: Callable[[bool], None] | None) -> None:
        self._journal = journal
        self._set_serving = set_serving
        self._said = journal.problem

    def step(self) -> None:
        """Tend the journal; log and tell where it fails since the last step, or no longer does."""
        self._journal.tend()
        problem = self._journal.problem
        if bool(problem) != bool(self._said):
            if problem:
                _log.error("decisions cannot be recorded: %s", problem)
            else:
                _log.info("decisions are recorded again")
            if self._set_serving is not None:
                self._set_serving(not problem)
        self._said = problem
