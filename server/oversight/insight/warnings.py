"""How the warning signs stand, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from oversight.durations import DAY_US, HOUR_US
from oversight.feedback.signs import Sign, State
from oversight.insight.values import MOST_GROUPS
from oversight.storage.warning_store import LastTest, StoredWarning

__all__ = ["ListedWarnings", "WarningReader", "Warnings"]

_LATE_US = 2 * DAY_US
_AHEAD_US = HOUR_US
"""Clocks of replicas differ, but not by that much: such a test was made by a clock that was wrong."""
_RANK = {
    State.CRITICAL: 0,
    State.WARN: 1,
    State.BIASED: 2,
    State.INSUFFICIENT_DATA: 3,
    State.OK: 4,
}
_ASKED_FOR_ONLY = (State.OK, State.INSUFFICIENT_DATA)


class WarningReader(Protocol):
    """Reads how the signs stand; raises `StoreUnavailableError`."""

    def list_warnings(
        self, tenant_id: str | None = None, department: str | None = None, sign: Sign | None = None
    ) -> list[StoredWarning]:
        """Return the warnings that meet every argument that is not None."""
        ...

    def tested(self) -> LastTest:
        """Return when the signs were last tested."""
        ...


class ListedWarnings(NamedTuple):
    """
    Warnings, how many were left out, when all were last tested (None: never), and why not since, or empty.

    `ok` and `insufficient_data` count those of what was asked for that stand so, listed or not.
    """

    warnings: tuple[StoredWarning, ...]
    left_out: int
    tested_at_us: int | None
    problem: str
    ok: int = 0
    insufficient_data: int = 0


class Warnings:
    """Lists warnings out of *reader*; *clock_us* gives microseconds since 1970 (UTC)."""

    def __init__(self, reader: WarningReader, *, clock_us: Callable[[], int]) -> None:
        self._reader = reader
        self._clock_us = clock_us

    def list_warnings(
        self,
        tenant_id: str | None = None,
        department: str | None = None,
        sign: Sign | None = None,
        *,
        every: bool = False,
    ) -> ListedWarnings:
        """
        Return how the signs stand, worst first, then the oldest; *every* one, or warnings and biased ones only.

        A test that is two days late, or of a time to come, is a problem, whatever the reason. Raises
        `StoreUnavailableError`.
        """
        found = self._reader.list_warnings(tenant_id, department, sign)
        wanted = [one for one in found if every or one.standing.state not in _ASKED_FOR_ONLY]
        wanted.sort(key=lambda one: (_RANK[one.standing.state], one.standing.raised_at_us or 0))
        tested = self._reader.tested()
        states = Counter(one.standing.state for one in found)
        return ListedWarnings(
            tuple(wanted[:MOST_GROUPS]),
            len(wanted[MOST_GROUPS:]),
            tested.at_us,
            tested.problem or self._late(tested),
            states[State.OK],
            states[State.INSUFFICIENT_DATA],
        )

    def _late(self, tested: LastTest) -> str:
        if tested.at_us is None:
            return ""
        age_us = self._clock_us() - tested.at_us
        if age_us < -_AHEAD_US:
            return "the signs were last tested at a time that is still to come: look at the server's clock"
        if age_us <= _LATE_US:
            return ""
        days = age_us // DAY_US
        return f"the signs were last tested {days} days ago, and should be each day: look at the keeper's log"
