"""An admin port that answers questions about outcomes with what a test gave it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from certificate_answers import certified
from insight_answers import (
    containment,
    corrections,
    csat,
    due_audits,
    error_rates,
    escalations,
    parity,
    records,
    warnings,
)
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import threshold_service_pb2 as thresholds


class CannedInsight:
    """Answers each method with `answers[method]`, pages of it where it has several; keeps the requests by method."""

    def __init__(self) -> None:
        self.address = ""
        self.requests: dict[str, list[Any]] = {}
        self.refusals: list[tuple[grpc.StatusCode, str]] = []
        self.answers: dict[str, Any] = {
            "GetErrorRates": error_rates(),
            "GetContainment": containment(),
            "GetCsatDelta": csat(),
            "ListWarnings": warnings(),
            "ListDueAudits": due_audits(),
            "GetQualityParity": parity(),
            "GetEscalationQuality": escalations(),
            "ListCorrections": corrections(),
            "ListRecords": records(),
            "RecommendThresholds": certified(),
        }

    def answer(self, name: str, request: Any, context: Any) -> Any:
        """Keep the request; refuse it, or give the answer or the page of it that was asked for."""
        self.requests.setdefault(name, []).append(request)
        if self.refusals:
            context.abort(*self.refusals.pop(0))
        if name == "GetThresholds":
            if request.policy in ("", "contact_centre", "retail_banking"):
                return thresholds.GetThresholdsResponse()
            refuse_field(context, "policy", "policy: there is none of that name")
        found = self.answers[name]
        return found[int(request.page_token or 0)] if isinstance(found, list) else found


@contextmanager
def insight_port() -> Iterator[CannedInsight]:
    """Give a port of its own that answers as told."""
    canned = CannedInsight()
    server = grpc.server(ThreadPoolExecutor(2))
    for services in (pb.DESCRIPTOR, thresholds.DESCRIPTOR):
        for service in services.services_by_name.values():
            handlers = {method.name: _handler(canned, method) for method in service.methods}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    canned.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield canned
    finally:
        server.stop(0).wait(5)


def _handler(canned: CannedInsight, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
    return grpc.unary_unary_rpc_method_handler(
        lambda request, context: canned.answer(method.name, request, context),
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )


def refuse_field(context: Any, name: str, text: str) -> None:
    """End the call as the service does where a field is wrong."""
    details = any_pb2.Any()
    details.Pack(
        error_details_pb2.ErrorInfo(reason="INVALID_REQUEST", domain="oversight.dev", metadata={"field": name})
    )
    status = status_pb2.Status(code=grpc.StatusCode.INVALID_ARGUMENT.value[0], message=text, details=[details])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
