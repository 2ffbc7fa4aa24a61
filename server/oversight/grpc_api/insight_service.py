"""InsightService: what is on record, what outcomes teach, and customers forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from oversight.decisions import Call
from oversight.errors import InvalidRequestError
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.convert import insight_replies as replies
from oversight.grpc_api.convert.checks import check_text
from oversight.grpc_api.convert.insights import (
    check_level,
    corrections_query,
    due_query,
    filter_from_proto,
    split_from_proto,
)
from oversight.grpc_api.convert.listing import list_query, page_to_proto
from oversight.grpc_api.convert.warnings import warning_query, warnings_to_proto
from oversight.grpc_api.tenants import tenant_for
from oversight.insight.desk import InsightDesk
from oversight.insight.warnings import Warnings
from oversight.storage.evidence import CellFilter, Split
from oversight.storage.protocols import RecordLister, SubjectEraser
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["InsightService", "InsightUseCases"]

_BY_PLACE = (Split.DEPARTMENT, Split.INTENT)
_TARGET, _CONFIDENCE = 0.05, 0.95
_check_subject = check_text("subject_ref", 128)
_check_tenant = check_text("tenant_id", 64)


class InsightUseCases(NamedTuple):
    """What the service calls."""

    lister: RecordLister
    eraser: SubjectEraser
    desk: InsightDesk
    warnings: Warnings


class InsightService:
    """Lists what is on record, says what outcomes teach, and forgets customers."""

    NAME = pb.DESCRIPTOR.services_by_name["InsightService"].full_name

    def __init__(self, use_cases: InsightUseCases) -> None:
        self._lister, self._eraser, self._desk, self._warnings = use_cases

    def methods(self, answering: Answering, reads: ReadingPool) -> list[Method]:
        """Return the service's methods; all of them run in *reads*."""
        functions: dict[str, tuple[Any, Callable[[Any, Call], bytes]]] = {
            "ListRecords": (pb.ListRecordsRequest, self.list_records),
            "EraseSubject": (pb.EraseSubjectRequest, self.erase_subject),
            "GetErrorRates": (pb.GetErrorRatesRequest, self.get_error_rates),
            "GetContainment": (pb.GetContainmentRequest, self.get_containment),
            "GetCsatDelta": (pb.GetCsatDeltaRequest, self.get_csat_delta),
            "ListWarnings": (pb.ListWarningsRequest, self.list_warnings),
            "ListDueAudits": (pb.ListDueAuditsRequest, self.list_due_audits),
            "GetQualityParity": (pb.GetQualityParityRequest, self.get_quality_parity),
            "GetEscalationQuality": (pb.GetEscalationQualityRequest, self.get_escalation_quality),
            "ListCorrections": (pb.ListCorrectionsRequest, self.list_corrections),
        }
        return [
            answering.method(f"/{self.NAME}/{name}", request.FromString, function, reads)
            for name, (request, function) in functions.items()
        ]

    def list_records(self, request: pb.ListRecordsRequest, call: Call) -> bytes:
        """Return one page of decisions."""
        request.tenant_id = tenant_for(call, request.tenant_id, "read")
        query = list_query(request)
        page = self._lister.list_decisions(query.wanted, query.limit, query.after)
        return page_to_proto(page, query.token).SerializeToString()

    def erase_subject(self, request: pb.EraseSubjectRequest, call: Call) -> bytes:
        """Forget a customer."""
        if not request.subject_ref:
            raise InvalidRequestError("subject_ref", "expected a value, got none")
        tenant_id = _check_tenant(tenant_for(call, request.tenant_id, "admin")) or None
        erased = self._eraser.erase_subject(_check_subject(request.subject_ref), tenant_id)
        response = pb.EraseSubjectResponse(erased_decisions=erased.parts)
        response.before.FromMicroseconds(erased.before_us)
        return response.SerializeToString()

    def get_error_rates(self, request: pb.GetErrorRatesRequest, call: Call) -> bytes:
        """Return how often the AI errs."""
        found = self._desk.error_rates(
            _wanted(request.filter, call),
            split_from_proto(request.group_by, tuple(Split)),
            target=check_level("target", request.target) if request.HasField("target") else _TARGET,
            confidence=check_level("confidence", request.confidence) if request.HasField("confidence") else _CONFIDENCE,
        )
        return replies.rates_to_proto(found).SerializeToString()

    def get_containment(self, request: pb.GetContainmentRequest, call: Call) -> bytes:
        """Return how many contacts were handled without people."""
        split = split_from_proto(request.group_by, _BY_PLACE)
        found = self._desk.containment(_wanted(request.filter, call), split)
        return replies.containment_to_proto(found).SerializeToString()

    def get_csat_delta(self, request: pb.GetCsatDeltaRequest, call: Call) -> bytes:
        """Return the satisfaction with what the AI handled beside people's."""
        split = split_from_proto(request.group_by, _BY_PLACE)
        found = self._desk.csat_delta(_wanted(request.filter, call), split)
        return replies.csat_to_proto(found).SerializeToString()

    def list_warnings(self, request: pb.ListWarningsRequest, call: Call) -> bytes:
        """Return how the warning signs stand."""
        request.tenant_id = tenant_for(call, request.tenant_id, "read")
        query = warning_query(request)
        found = self._warnings.list_warnings(query.tenant_id, query.department, query.sign, every=query.every)
        return warnings_to_proto(found).SerializeToString()

    def list_due_audits(self, request: pb.ListDueAuditsRequest, call: Call) -> bytes:
        """Return one page of reviews and audits that are due and not done."""
        request.tenant_id = tenant_for(call, request.tenant_id, "read")
        query = due_query(request)
        found = self._desk.due_audits(query.wanted, query.limit, query.after, overdue=request.overdue)
        return replies.due_to_proto(found, query.token).SerializeToString()

    def get_quality_parity(self, request: pb.GetQualityParityRequest, call: Call) -> bytes:
        """Return the AI's quality scores beside people's."""
        found = self._desk.quality_parity(_wanted(request.filter, call))
        return replies.quality_to_proto(found).SerializeToString()

    def get_escalation_quality(self, request: pb.GetEscalationQualityRequest, call: Call) -> bytes:
        """Return which rule escalates too often, and which too seldom."""
        found = self._desk.escalation_quality(_wanted(request.filter, call))
        return replies.escalations_to_proto(found).SerializeToString()

    def list_corrections(self, request: pb.ListCorrectionsRequest, call: Call) -> bytes:
        """Return one page of decisions whose draft people corrected."""
        request.filter.tenant_id = tenant_for(call, request.filter.tenant_id, "read")
        query = corrections_query(request)
        found = self._desk.corrections(query.wanted, query.limit, query.after)
        return replies.corrections_to_proto(found, query.token).SerializeToString()


def _wanted(message: pb.InsightFilter, call: Call) -> CellFilter:
    message.tenant_id = tenant_for(call, message.tenant_id, "read")
    return filter_from_proto(message)
