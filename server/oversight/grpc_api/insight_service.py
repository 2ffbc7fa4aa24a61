"""InsightService: ListRecords, EraseSubject."""

from __future__ import annotations

from oversight.decisions import Call
from oversight.errors import InvalidRequestError
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.convert.checks import check_text
from oversight.grpc_api.convert.listing import list_query, page_to_proto
from oversight.grpc_api.tenants import tenant_for
from oversight.storage.protocols import RecordLister, SubjectEraser
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["InsightService"]

_check_subject = check_text("subject_ref", 128)
_check_tenant = check_text("tenant_id", 64)


class InsightService:
    """Lists what is on record, and forgets customers."""

    NAME = pb.DESCRIPTOR.services_by_name["InsightService"].full_name

    def __init__(self, lister: RecordLister, eraser: SubjectEraser) -> None:
        self._lister = lister
        self._eraser = eraser

    def methods(self, answering: Answering, reads: ReadingPool) -> list[Method]:
        """Return the service's methods; all of them run in *reads*."""
        one, other = pb.ListRecordsRequest.FromString, pb.EraseSubjectRequest.FromString
        return [
            answering.method(f"/{self.NAME}/ListRecords", one, self.list_records, reads),
            answering.method(f"/{self.NAME}/EraseSubject", other, self.erase_subject, reads),
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
