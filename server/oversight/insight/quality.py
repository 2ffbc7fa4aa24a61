"""Quality: the AI's scores beside people's by one rubric, and which rule escalates too often or too seldom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from oversight.engine.decision import Escalation, Reason
from oversight.feedback.escalation_quality import RULE_NONE, JudgedDecision, RuleQuality, escalation_quality
from oversight.feedback.facts import QaSubject
from oversight.feedback.qa_parity import Gap, qa_gap
from oversight.insight.protocols import ReasonReader
from oversight.insight.satisfaction import scores_from
from oversight.insight.values import MOST_GROUPS, Grouped
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, JudgedRow, Moments

__all__ = ["EscalationQuality", "QualityGap", "QualityGaps", "find_escalation_quality", "find_quality"]

_MOST_JUDGED = 50_000


class QualityGap(NamedTuple):
    """The gap for the intent of one *cell* (tenant, department, intent) by one rubric."""

    cell: Cell
    gap: Gap


class QualityGaps(NamedTuple):
    """The gaps by tenant, department, intent and rubric."""

    gaps: tuple[QualityGap, ...]
    grouped: Grouped


class EscalationQuality(NamedTuple):
    """The confusion matrix of every rule, from so many judged decisions."""

    rules: tuple[RuleQuality, ...]
    judged: int
    through_us: int | None


def find_quality(evidence: EvidenceReader, wanted: CellFilter) -> QualityGaps:
    """
    Return the AI's quality scores beside people's; scores without a rubric's version are compared with none.

    Raises `StoreUnavailableError`.
    """
    through_us = evidence.through_us()
    sums: dict[tuple[Cell, str], dict[int, Moments]] = {}
    for cell, rubric, subject, scores in evidence.score_sums(wanted):
        sums.setdefault((cell, rubric), {})[subject] = scores
    ordered = sorted(
        sums, key=lambda key: (key[0].tenant_id or "", key[0].department or "", key[0].intent or "", key[1])
    )
    gaps = tuple(_gap(cell, rubric, sums[cell, rubric]) for cell, rubric in ordered[:MOST_GROUPS])
    return QualityGaps(gaps, Grouped(max(0, len(ordered) - MOST_GROUPS), through_us))


def find_escalation_quality(
    evidence: EvidenceReader, reasons: ReasonReader, wanted: CellFilter, *, most: int = _MOST_JUDGED
) -> EscalationQuality:
    """
    Return the quality of every rule, from the newest *most* decisions that somebody judged by design.

    Where a person leads or reviews, every decision is seen; on the loop only those that were drawn for an audit, or of
    a census: what is told of others was told for some reason, and they are left out. The rest is thinned to equal
    chances, rule by rule: where one rule's decisions were all judged, an audit rate elsewhere takes none away. Raises
    `StoreUnavailableError`.
    """
    through_us = evidence.through_us()
    newest = evidence.judged(wanted, most)
    found = reasons.find_reasons([row.decision_id for row in newest])
    judged = [_judged(row, found[row.decision_id]) for row in newest if row.decision_id in found]
    return EscalationQuality(escalation_quality(judged), len(judged), through_us)


def _gap(cell: Cell, rubric: str, sides: Mapping[int, Moments]) -> QualityGap:
    ai, human = (scores_from(sides.get(subject, Moments())) for subject in (QaSubject.AI, QaSubject.HUMAN))
    return QualityGap(cell, qa_gap(cell.intent or "", rubric, ai, human))


def _judged(row: JudgedRow, reasons: Iterable[Reason]) -> JudgedDecision:
    matched = [reason for reason in reasons if reason.rule_id != RULE_NONE]
    return JudgedDecision(
        needed=row.needed,
        asked=frozenset(one.rule_id for one in matched if one.escalation != Escalation.NONE),
        matched=frozenset(one.rule_id for one in matched),
        chance=row.chance,
        draw=row.draw,
    )
