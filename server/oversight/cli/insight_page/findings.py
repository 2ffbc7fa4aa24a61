"""What a page is made from: the service's answers, and the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from oversight_client import (
    ContainmentReport,
    CsatReport,
    ErrorRateReport,
    EscalationQuality,
    QualityParity,
    Recommendation,
    WarningReport,
)

__all__ = ["Findings", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: the filters as they were *given*, at a time, for a target (0..1) with a confidence (0..1)."""

    given: Mapping[str, object] = field(repr=False)
    at: datetime
    target: float = 0.05
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Findings:
    """What was answered; None is what was not asked. *apply* is the command that would apply the recommendation."""

    question: Question
    rates: ErrorRateReport | None = None
    warnings: WarningReport | None = None
    recommendation: Recommendation | None = None
    apply: str = ""
    parity: QualityParity | None = None
    escalations: EscalationQuality | None = None
    containment: ContainmentReport | None = None
    csat: CsatReport | None = None
