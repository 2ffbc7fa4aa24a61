"""What the calls of InsightService mean. The statistics, and the 60 MB that they take, are loaded at the first call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from oversight.durations import DAY_US
from oversight.insight.corrections import Corrections, find_corrections
from oversight.insight.protocols import ReasonReader
from oversight.storage.evidence import CellFilter, DueAudit, EvidenceKey, EvidenceReader, Split
from oversight.storage.protocols import RecordFinder

if TYPE_CHECKING:
    from oversight.insight.containment import Containments
    from oversight.insight.quality import EscalationQuality, QualityGaps
    from oversight.insight.rates import ErrorRates
    from oversight.insight.satisfaction import CsatDeltas

__all__ = ["DueAudits", "InsightDesk"]

_USUAL_WINDOW_US = 90 * DAY_US


class DueAudits(NamedTuple):
    """One page of reviews and audits that are due, seen at `now_us`, and behind which place more follow."""

    audits: tuple[DueAudit, ...]
    following: EvidenceKey | None
    now_us: int


class InsightDesk:
    """
    Answers from the *evidence*; safe for any number of threads. All calls raise `StoreUnavailableError`.

    A filter without times is about the last 90 days.
    """

    def __init__(
        self,
        evidence: EvidenceReader,
        *,
        records: RecordFinder,
        reasons: ReasonReader,
        clock_us: Callable[[], int],
    ) -> None:
        self._evidence = evidence
        self._records = records
        self._reasons = reasons
        self._clock_us = clock_us

    def error_rates(
        self, wanted: CellFilter, split: Sequence[Split], *, target: float, confidence: float
    ) -> ErrorRates:
        """Return how often the AI errs (`insight.rates`)."""
        from oversight.insight.rates import find_error_rates

        now_us = self._clock_us()
        return find_error_rates(
            self._evidence, self._within(wanted, now_us), split, target=target, confidence=confidence, now_us=now_us
        )

    def containment(self, wanted: CellFilter, split: Sequence[Split]) -> Containments:
        """Return how many contacts were handled without people (`insight.containment`)."""
        from oversight.insight.containment import find_containment

        return find_containment(self._evidence, self._within(wanted, self._clock_us()), split)

    def csat_delta(self, wanted: CellFilter, split: Sequence[Split]) -> CsatDeltas:
        """Return the satisfaction with what the AI handled beside people's (`insight.satisfaction`)."""
        from oversight.insight.satisfaction import find_csat_delta

        within = self._within(wanted, self._clock_us())
        return find_csat_delta(self._evidence, within, split, until_us=within.until_us or 0)

    def quality_parity(self, wanted: CellFilter) -> QualityGaps:
        """Return the AI's quality scores beside people's (`insight.quality`)."""
        from oversight.insight.quality import find_quality

        return find_quality(self._evidence, self._within(wanted, self._clock_us()))

    def escalation_quality(self, wanted: CellFilter) -> EscalationQuality:
        """Return which rule escalates too often or too seldom (`insight.quality`)."""
        from oversight.insight.quality import find_escalation_quality

        return find_escalation_quality(self._evidence, self._reasons, self._within(wanted, self._clock_us()))

    def due_audits(self, wanted: CellFilter, limit: int, after: EvidenceKey | None, *, overdue: bool) -> DueAudits:
        """Return reviews and audits that are due and not done, the earliest first; only late ones if *overdue*."""
        now_us = self._clock_us()
        page = self._evidence.due(wanted, limit, after, overdue_before_us=now_us if overdue else None)
        return DueAudits(page.audits, page.following, now_us)

    def corrections(self, wanted: CellFilter, limit: int, after: EvidenceKey | None) -> Corrections:
        """Return decisions whose draft people corrected, newest first (`insight.corrections`)."""
        return find_corrections(self._evidence, self._records, self._within(wanted, self._clock_us()), limit, after)

    @staticmethod
    def _within(wanted: CellFilter, now_us: int) -> CellFilter:
        until_us = now_us if wanted.until_us is None else wanted.until_us
        since_us = until_us - _USUAL_WINDOW_US if wanted.since_us is None else wanted.since_us
        return wanted._replace(since_us=since_us, until_us=until_us)
