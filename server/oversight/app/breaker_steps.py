"""The breaker in the keeper: opened when a warning or an anomaly calls for it, for most servers never."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from oversight.app.kept_rules import KeptRules
from oversight.feedback.signs import State
from oversight.storage.warning_store import StoredWarning
from oversight.thresholds.log import ControlLog

if TYPE_CHECKING:
    from oversight.engine.control import ControlStore
    from oversight.insight.breaking import Cause

__all__ = ["BreakerSteps"]


class BreakerSteps:
    """
    Takes the steps that the last good *rules* ask for, through the control store that *open_store* opens.

    The controllers bring the events into force, as they do anybody's.
    """

    def __init__(
        self, rules: KeptRules, open_store: Callable[[], ControlStore], *, clock_us: Callable[[], int]
    ) -> None:
        self._rules = rules
        self._open_store = open_store
        self._clock_us = clock_us
        self._log: ControlLog | None = None

    def take(self, warnings: Sequence[StoredWarning], day: int) -> None:
        """Take the steps of *day* for what is critical in *warnings* (`insight.breaking`); raises as that does."""
        if any(one.finding.state is State.CRITICAL for one in warnings):
            # numpy, 30 MB, and the control store: not before something is critical.
            from oversight.insight.breaking import causes_of

            self.take_causes(causes_of(warnings), day)

    def take_causes(self, causes: Sequence[Cause], day: int) -> None:
        """Take the steps of *day* for the *causes*."""
        rules = self._rules.with_breaker() if causes else None
        if rules is None:
            return
        from oversight.insight.breaking import Breaking

        if self._log is None:
            self._log = ControlLog(self._open_store(), clock_us=self._clock_us)
        Breaking(self._log, rules=lambda: rules).take(causes, day)
