"""The keeper's look at volume and confidence, for policies whose breaker asks for it (`anomalies: true`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from oversight.durations import DAY_US, HOUR_US
from oversight.errors import OversightError, StoreUnavailableError
from oversight.storage.confidences import ConfidenceRow
from oversight.storage.evidence import EvidenceKey, EvidenceReader
from oversight.storage.warning_store import Mark, SqlWarningStore
from oversight.thresholds.values import RulesInForce

if TYPE_CHECKING:
    from oversight.insight.breaking import Cause

__all__ = ["AnomalyWatch", "ConfidenceReader"]

_SETTLED_US = 300_000_000
"""How long a decision may take from another replica's journal to the store; what comes later is not looked at."""
_PAGE = 5_000
_PAGES = 20
_KEPT_US = 29 * DAY_US
_VOLUME, _CONFIDENCE = "volume", "confidence"
_log = logging.getLogger(__name__)


class ConfidenceReader(Protocol):
    """Reads decisions with their confidence, in order."""

    def read(self, after: EvidenceKey, until_us: int, limit: int) -> list[ConfidenceRow]:
        """Return at most *limit* decisions from behind *after* to before *until_us*; raise `StoreUnavailableError`."""
        ...


class AnomalyWatch:
    """
    Looks for surges once an hour and for drops of confidence at each step, where this process is *elected*.

    A step reads 100,000 decisions at most; more than an hour behind, or ahead because a clock was, it goes on with the
    newest hour. `problem` says why it could not look, or is empty. What it found and how far it came is in marks of the
    *store*; steps are taken by *take_causes* before they are written, and taking them again changes nothing.
    """

    def __init__(
        self,
        evidence: EvidenceReader,
        confidences: ConfidenceReader,
        store: SqlWarningStore,
        *,
        rules: Callable[[], RulesInForce | None],
        take_causes: Callable[[Sequence[Cause], int], object],
        elected: Callable[[], bool],
        has_caught_up: Callable[[int], bool],
        clock_us: Callable[[], int],
    ) -> None:
        self.problem = ""
        self._evidence = evidence
        self._confidences = confidences
        self._store = store
        self._rules = rules
        self._take_causes = take_causes
        self._elected = elected
        self._has_caught_up = has_caught_up
        self._clock_us = clock_us
        self._told: set[tuple[int, str]] = set()

    def step(self) -> None:
        """Look once; what is wrong stands in `problem`, and is tried again at the next step."""
        problem = ""
        try:
            if self._elected() and (rules := self._rules()) is not None and _any_anomalies(rules):
                now_us = self._clock_us()
                self._look_at_volume(rules, now_us)
                self._look_at_confidence(rules, now_us)
        except StoreUnavailableError as error:
            _log.info("volume and confidence wait for the store: %s", error)  # which the drain tells about
        except OversightError as error:
            problem = str(error)
            if problem != self.problem:
                _log.error("volume and confidence cannot be looked at: %s", problem)
        self.problem = problem

    def _look_at_volume(self, rules: RulesInForce, now_us: int) -> None:
        from oversight.insight.surges import find_surges  # scipy: most servers never need it

        hour = now_us // HOUR_US
        mark = self._store.mark(_VOLUME)
        if (mark is not None and mark.document["hour"] == hour) or not self._has_caught_up(hour * HOUR_US):
            return
        self._take(find_surges(self._evidence, hour - 1, _wanted(rules)), now_us)
        self._store.set_mark(_VOLUME, Mark(now_us, {"hour": hour}))

    def _look_at_confidence(self, rules: RulesInForce, now_us: int) -> None:
        from oversight.insight.confidence_drops import ConfidenceWatches

        mark = self._store.mark(_CONFIDENCE)
        kept: Mapping[str, Any] = {"after": [0, ""], "watched": {}} if mark is None else mark.document
        until_us = now_us - _SETTLED_US
        after = EvidenceKey(*kept["after"])
        if abs(until_us - after.decided_at_us) > HOUR_US:
            after = EvidenceKey(until_us - HOUR_US, "")
        watches = ConfidenceWatches(self._evidence, kept["watched"])
        causes: dict[str, Cause] = {}
        for _ in range(_PAGES):
            rows = self._confidences.read(after, until_us, _PAGE)
            if not rows:
                break
            causes |= {cause.key: cause for cause in watches.watch(rows, _wanted(rules))}
            after = EvidenceKey(*rows[-1][:2])
        self._take(list(causes.values()), now_us)
        watches.forget(now_us - _KEPT_US)
        document = {"after": list(after), "watched": watches.as_document()}
        if document != kept:
            self._store.set_mark(_CONFIDENCE, Mark(now_us, document))

    def _take(self, causes: Sequence[Cause], now_us: int) -> None:
        day = now_us // DAY_US
        if not causes:
            return
        self._told = {one for one in self._told if one[0] == day}
        for cause in causes:
            if (day, cause.key) not in self._told:
                _log.warning("%s in department %r, intent %r", cause.text, cause.department, cause.intent)
                self._told.add((day, cause.key))
        self._take_causes(causes, day)


def _any_anomalies(rules: RulesInForce) -> bool:
    return any(policy.breaker.anomalies for policy in rules.policies.values())


def _wanted(rules: RulesInForce) -> Callable[[str], bool]:
    def wanted(department: str) -> bool:
        policy = rules.policies.get(department, rules.policies[rules.default_policy])
        return policy.breaker.anomalies and bool(policy.breaker.steps)

    return wanted
