"""Insights as messages: rates, containment, satisfaction, quality, and pages of decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from oversight.grpc_api.convert.replies import found_to_proto
from oversight.grpc_api.convert.room import MOST_BYTES, fitting
from oversight.reading import FoundDecision
from oversight.storage.evidence import Cell, DueAudit, EvidenceKey
from oversight.v1 import decision_pb2, outcome_pb2
from oversight.v1 import insight_service_pb2 as pb

if TYPE_CHECKING:
    from oversight.feedback.escalation_quality import RuleQuality
    from oversight.feedback.welch import Difference
    from oversight.insight.containment import Containments
    from oversight.insight.corrections import Correction, Corrections
    from oversight.insight.desk import DueAudits
    from oversight.insight.quality import EscalationQuality, QualityGap, QualityGaps
    from oversight.insight.rates import ErrorRates, GroupRate
    from oversight.insight.satisfaction import CsatDelta, CsatDeltas
    from oversight.insight.values import Containment

__all__ = [
    "containment_to_proto",
    "corrections_to_proto",
    "csat_to_proto",
    "due_to_proto",
    "escalations_to_proto",
    "quality_to_proto",
    "rates_to_proto",
    "time_to_proto",
]


def rates_to_proto(found: ErrorRates) -> pb.GetErrorRatesResponse:
    """Return error rates as a message."""
    rates, more = fitting(map(_rate, found.groups))
    return pb.GetErrorRatesResponse(
        total=_rate(found.total),
        rates=rates,
        left_out=found.grouped.left_out + more,
        evidence_through=time_to_proto(found.grouped.through_us),
        on_the_loop=None if found.on_the_loop is None else _rate(found.on_the_loop),
    )


def containment_to_proto(found: Containments) -> pb.GetContainmentResponse:
    """Return containment as a message."""
    groups, more = fitting(map(_containment, found.groups))
    return pb.GetContainmentResponse(
        total=_containment(found.total),
        groups=groups,
        left_out=found.grouped.left_out + more,
        evidence_through=time_to_proto(found.grouped.through_us),
    )


def csat_to_proto(found: CsatDeltas) -> pb.GetCsatDeltaResponse:
    """Return satisfaction as a message."""
    groups, more = fitting(map(_csat, found.groups))
    return pb.GetCsatDeltaResponse(
        total=_csat(found.total),
        groups=groups,
        left_out=found.grouped.left_out + more,
        evidence_through=time_to_proto(found.grouped.through_us),
    )


def quality_to_proto(found: QualityGaps) -> pb.GetQualityParityResponse:
    """Return quality scores side by side as a message."""
    gaps, more = fitting(map(_gap, found.gaps))
    return pb.GetQualityParityResponse(
        gaps=gaps,
        evidence_through=time_to_proto(found.grouped.through_us),
        left_out=found.grouped.left_out + more,
    )


def escalations_to_proto(found: EscalationQuality) -> pb.GetEscalationQualityResponse:
    """Return the confusion matrix of every rule as a message."""
    return pb.GetEscalationQualityResponse(
        rules=map(_rule, found.rules), judged=found.judged, evidence_through=time_to_proto(found.through_us)
    )


def due_to_proto(found: DueAudits, token: Callable[[EvidenceKey | None], str]) -> pb.ListDueAuditsResponse:
    """Return a page of reviews and audits as a message; *token* makes the next page's."""
    audits = [_due(one, found.now_us) for one in found.audits]
    return pb.ListDueAuditsResponse(audits=audits, next_page_token=token(found.following))


def corrections_to_proto(found: Corrections, token: Callable[[EvidenceKey | None], str]) -> pb.ListCorrectionsResponse:
    """Return a page of corrections as a message, cut before it grows too large; *token* makes the next page's."""
    response = pb.ListCorrectionsResponse()
    size_bytes = 0
    for number, one in enumerate(found.corrections):
        correction = _correction(one)
        size_bytes += correction.ByteSize()
        if number and size_bytes > MOST_BYTES:
            response.next_page_token = token(found.corrections[number - 1].key)
            return response
        response.corrections.append(correction)
    response.next_page_token = token(found.following)
    return response


def time_to_proto(at_us: int | None) -> Timestamp | None:
    """Return a time as a message; None where there is none."""
    if at_us is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(at_us)
    return stamp


def _group(cell: Cell) -> pb.InsightGroup:
    tier = None if cell.tier is None else decision_pb2.Tier.ValueType(cell.tier)
    return pb.InsightGroup(
        tenant_id=cell.tenant_id,
        department=cell.department,
        intent=cell.intent,
        tier=tier,
        model_version=cell.model_version,
    )


def _rate(one: GroupRate) -> pb.ErrorRate:
    rate = one.rate
    return pb.ErrorRate(
        group=_group(one.cell),
        state=pb.RateState.Value(f"RATE_STATE_{rate.state}"),
        n=rate.n,
        errors=rate.errors,
        rate=rate.rate,
        low=rate.low,
        high=rate.high,
        volume=rate.volume,
        volume_share=rate.volume_share,
        labelled_share=rate.labelled_share,
        missed_share=rate.missed_share,
        newest_label_at=time_to_proto(one.newest_label_us),
        labels_needed=rate.labels_needed,
    )


def _containment(one: Containment) -> pb.Containment:
    return pb.Containment(
        group=_group(one.cell),
        volume=one.volume,
        known=one.known,
        confirmed=one.confirmed,
        assumed=one.assumed,
        confirmed_share=one.confirmed_share,
        confirmed_low=one.low,
        confirmed_high=one.high,
        assumed_share=one.assumed_share,
    )


def _csat(one: CsatDelta) -> pb.CsatDelta:
    return pb.CsatDelta(
        group=_group(one.cell),
        n_ai=one.n_ai,
        mean_ai=one.mean_ai,
        n_human=one.n_human,
        mean_human=one.mean_human,
        difference=_difference(one.difference),
        trend=_difference(one.trend),
    )


def _difference(found: Difference | None) -> pb.MeanDifference | None:
    return None if found is None else pb.MeanDifference(value=found.value, low=found.low, high=found.high)


def _gap(one: QualityGap) -> pb.QualityGap:
    cell, gap = one
    interval = None
    if gap.gap is not None and gap.low is not None and gap.high is not None:
        interval = pb.MeanDifference(value=gap.gap, low=gap.low, high=gap.high)
    return pb.QualityGap(
        tenant_id=cell.tenant_id or "",
        department=cell.department or "",
        intent=cell.intent or "",
        qa_rubric_version=gap.rubric_version,
        gap=interval,
        n_ai=gap.n_ai,
        n_human=gap.n_human,
        enough=gap.enough,
    )


def _rule(one: RuleQuality) -> pb.RuleQuality:
    return pb.RuleQuality(
        rule_id=one.rule_id,
        needed=one.needed,
        unneeded=one.unneeded,
        missed=one.missed,
        rightly_left=one.rightly_left,
        covered=one.covered,
        overruled=one.overruled,
        needed_share=_share(one.needed_share),
        missed_share=_share(one.missed_share),
    )


def _share(found: tuple[float, float, float] | None) -> pb.Share | None:
    return None if found is None else pb.Share(value=found[0], low=found[1], high=found[2])


def _due(one: DueAudit, now_us: int) -> pb.DueAudit:
    return pb.DueAudit(
        decision_id=one.decision_id,
        decided_at=time_to_proto(one.decided_at_us),
        due_at=time_to_proto(one.due_at_us),
        label_basis=outcome_pb2.LabelBasis.ValueType(one.basis),
        overdue=one.due_at_us < now_us,
        tenant_id=one.cell.tenant_id or "",
        department=one.cell.department or "",
        intent=one.cell.intent or "",
        model_version=one.cell.model_version or "",
    )


def _correction(one: Correction) -> pb.Correction:
    return pb.Correction(
        decision=found_to_proto(FoundDecision(one.stored)), loss=one.loss, propensity_weight=one.weight
    )
