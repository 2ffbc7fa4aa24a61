"""What the controller does for thresholds and stops: the use cases behind the admin port, and proposals that lapse."""

from __future__ import annotations

import logging
from collections.abc import Callable

from oversight.app.recommendation import RecommendationProcess
from oversight.engine.control import ControlStore
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.threshold_service import ThresholdUseCases
from oversight.settings import Settings
from oversight.storage.protocols import RecordLister
from oversight.thresholds.changes import Changes
from oversight.thresholds.log import ControlLog
from oversight.thresholds.stops import Stops
from oversight.thresholds.table import Tables
from oversight.thresholds.values import RulesInForce

__all__ = ["ThresholdDesk"]

_log = logging.getLogger(__name__)


class ThresholdDesk:
    """The use cases over one *store* and the *rules* in force, by the *settings*."""

    def __init__(
        self,
        settings: Settings,
        store: ControlStore,
        *,
        rules: Callable[[], RulesInForce],
        records: RecordLister,
        clock_us: Callable[[], int],
    ) -> None:
        log = ControlLog(store, clock_us=clock_us)
        self._changes = Changes(
            log,
            rules=rules,
            records=records,
            needs_approval=settings.loosening_needs_approval,
            approval_ttl_h=settings.approval_ttl_h,
        )
        self.use_cases = ThresholdUseCases(
            tables=Tables(log, rules=rules),
            changes=self._changes,
            stops=Stops(log, needs_other=settings.loosening_needs_approval),
            default_policy=settings.default_policy,
            recommend=RecommendationProcess(settings, rules=rules, log=log),
        )

    def step(self) -> None:
        """Record the proposals that have waited too long; where the store is down, that is for the next time."""
        try:
            self._changes.lapse()
        except StoreUnavailableError as problem:
            _log.debug("proposals cannot be looked at: %s", problem)
