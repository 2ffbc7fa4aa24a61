"""The AI's work beside people's, as frozen values; field names, units and ranges are those of docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oversight_client.insight_values import InsightGroup

__all__ = [
    "Containment",
    "ContainmentReport",
    "CsatDelta",
    "CsatReport",
    "EscalationQuality",
    "MeanDifference",
    "QualityGap",
    "QualityParity",
    "RuleQuality",
    "Share",
]


@dataclass(frozen=True, slots=True)
class Containment:
    """How many contacts of one group the AI handled alone: `confirmed` and `assumed` of `known`."""

    group: InsightGroup
    volume: int
    known: int
    confirmed: int
    assumed: int
    confirmed_share: float | None
    confirmed_low: float
    confirmed_high: float
    assumed_share: float | None


@dataclass(frozen=True, slots=True)
class ContainmentReport:
    """Containment of everything that was asked for and of each group, those with most decisions first."""

    total: Containment
    groups: tuple[Containment, ...]
    left_out: int
    evidence_through: datetime | None


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """A difference of two means with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CsatDelta:
    """Satisfaction (1..5) with what the AI handled alone beside people's; None where there are too few scores."""

    group: InsightGroup
    n_ai: int
    mean_ai: float | None
    n_human: int
    mean_human: float | None
    difference: MeanDifference | None
    trend: MeanDifference | None


@dataclass(frozen=True, slots=True)
class CsatReport:
    """Satisfaction in everything that was asked for and in each group, those with most scores first."""

    total: CsatDelta
    groups: tuple[CsatDelta, ...]
    left_out: int
    evidence_through: datetime | None


@dataclass(frozen=True, slots=True)
class QualityGap:
    """Quality scores (0..100) of the AI less people's, for one intent and rubric; `enough` is 30 on each side."""

    tenant_id: str
    department: str
    intent: str
    qa_rubric_version: str
    gap: MeanDifference | None
    n_ai: int
    n_human: int
    enough: bool


@dataclass(frozen=True, slots=True)
class QualityParity:
    """The gaps by tenant, department, intent and rubric."""

    gaps: tuple[QualityGap, ...]
    evidence_through: datetime | None
    left_out: int


@dataclass(frozen=True, slots=True)
class Share:
    """A share (0..1) with its exact 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RuleQuality:
    """What became of the escalations that one rule asked for, and of those that it did not ask for."""

    rule_id: str
    needed: int
    unneeded: int
    missed: int
    rightly_left: int
    covered: int
    overruled: int
    needed_share: Share | None
    missed_share: Share | None


@dataclass(frozen=True, slots=True)
class EscalationQuality:
    """The confusion matrix of each rule, over `judged` decisions."""

    rules: tuple[RuleQuality, ...]
    judged: int
    evidence_through: datetime | None
