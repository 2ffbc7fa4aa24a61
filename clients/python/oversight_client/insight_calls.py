"""What `AdminClient` can ask about what outcomes teach."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oversight.v1 import insight_service_pb2 as pb
from oversight.v1.insight_service_pb2_grpc import InsightServiceStub
from oversight_client.convert import stored_decision_from_proto
from oversight_client.enums import Dimension
from oversight_client.insight_values import (
    Correction,
    CorrectionPage,
    DueAuditPage,
    ErrorRateReport,
    WarningReport,
)
from oversight_client.mirrored import mirrored
from oversight_client.quality_values import (
    ContainmentReport,
    CsatReport,
    EscalationQuality,
    QualityParity,
)
from oversight_client.wire import write_fields

__all__ = ["InsightCalls"]


class InsightCalls(ABC):
    """
    The calls about what outcomes teach; all of them only read.

    *filters* are fields of InsightFilter (docs/api.md): tenant_id, department, intent, tier, model_version, since and
    until; times are datetimes with a zone or ISO 8601 text. *group_by* names dimensions in any form that an enum takes;
    empty is the service's own split.
    """

    _insight: InsightServiceStub

    def get_error_rates(
        self,
        *,
        group_by: Iterable[Dimension | str] = (),
        target: float | None = None,
        confidence: float | None = None,
        **filters: object,
    ) -> ErrorRateReport:
        """Return how often the AI errs; *target* is the rate to have proof of, *confidence* that of intervals."""
        request = pb.GetErrorRatesRequest(
            filter=_filter(filters), group_by=_dimensions(group_by), target=target, confidence=confidence
        )
        return mirrored(ErrorRateReport, self._call(self._insight.GetErrorRates, request))

    def get_containment(self, *, group_by: Iterable[Dimension | str] = (), **filters: object) -> ContainmentReport:
        """Return which share of contacts was handled without people."""
        request = pb.GetContainmentRequest(filter=_filter(filters), group_by=_dimensions(group_by))
        return mirrored(ContainmentReport, self._call(self._insight.GetContainment, request))

    def get_csat_delta(self, *, group_by: Iterable[Dimension | str] = (), **filters: object) -> CsatReport:
        """Return the satisfaction with what the AI handled beside that with what people handled."""
        request = pb.GetCsatDeltaRequest(filter=_filter(filters), group_by=_dimensions(group_by))
        return mirrored(CsatReport, self._call(self._insight.GetCsatDelta, request))

    def list_warnings(self, **filters: object) -> WarningReport:
        """Return how the signs stand, worst first; *filters* are the fields of ListWarningsRequest."""
        request = pb.ListWarningsRequest()
        write_fields(request, filters)
        return mirrored(WarningReport, self._call(self._insight.ListWarnings, request))

    def list_due_audits(self, *, page_size: int = 0, page_token: str = "", **filters: object) -> DueAuditPage:
        """Return one page of reviews and audits that are due; *filters* are the fields of ListDueAuditsRequest."""
        request = pb.ListDueAuditsRequest()
        write_fields(request, {**filters, "page_size": page_size, "page_token": page_token})
        return mirrored(DueAuditPage, self._call(self._insight.ListDueAudits, request))

    def get_quality_parity(self, **filters: object) -> QualityParity:
        """Return the AI's quality scores beside people's, by intent and rubric."""
        request = pb.GetQualityParityRequest(filter=_filter(filters))
        return mirrored(QualityParity, self._call(self._insight.GetQualityParity, request))

    def get_escalation_quality(self, **filters: object) -> EscalationQuality:
        """Return, for every rule, how often its escalation was needed and how often one was missed."""
        request = pb.GetEscalationQualityRequest(filter=_filter(filters))
        return mirrored(EscalationQuality, self._call(self._insight.GetEscalationQuality, request))

    def list_corrections(self, *, page_size: int = 0, page_token: str = "", **filters: object) -> CorrectionPage:
        """Return one page of decisions whose draft people corrected, newest first."""
        request = pb.ListCorrectionsRequest(filter=_filter(filters), page_size=page_size, page_token=page_token)
        response = self._call(self._insight.ListCorrections, request)
        return CorrectionPage(tuple(map(_correction, response.corrections)), response.next_page_token)

    def iterate_corrections(self, *, page_token: str = "", **filters: object) -> Iterator[Correction]:
        """Yield every correction that meets *filters*, newest first, page by page."""
        while True:
            page = self.list_corrections(page_size=1_000, page_token=page_token, **filters)
            yield from page.corrections
            page_token = page.next_page_token
            if not page_token:
                return

    @abstractmethod
    def _call(self, method: Any, message: Any) -> Any:
        """Call *method*, again where that is harmless."""


def _filter(filters: Mapping[str, object]) -> pb.InsightFilter:
    message = pb.InsightFilter()
    write_fields(message, filters)
    return message


def _dimensions(names: Iterable[Dimension | str]) -> list[pb.Dimension.ValueType]:
    if isinstance(names, str):
        # Text is iterable too, and would become dimensions of one letter.
        raise TypeError("group_by: expected a list of dimensions, got str")
    found = []
    for name in names:
        try:
            found.append(pb.Dimension.ValueType(Dimension(name).number))
        except ValueError:
            raise ValueError(f"group_by: {name!r} is none of {', '.join(Dimension)}") from None
    return found


def _correction(message: pb.Correction) -> Correction:
    return Correction(
        stored_decision_from_proto(message.decision),
        message.loss if message.HasField("loss") else None,
        message.propensity_weight if message.HasField("propensity_weight") else None,
    )
