"""
OTLP's form of many spans that differ in little, and the exporter that sends it.

The SDK encodes each attribute of each span anew, 47 µs a span, in the interpreter that decides; here 7 (docs/adr/0022).
Import this module only where spans are exported over gRPC: it loads the SDK.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["GrpcSpanExporter", "SpanEncoder"]

_MOST_FORMS = 4096


class _Form(NamedTuple):
    """A span as bytes, to be told what differs; *place* is where its own attribute stands, None where it has none."""

    data: bytes
    place: int | None


class SpanEncoder:
    """
    Encodes spans of one resource and scope as the SDK does, which encodes one of each kind.

    Spans are of a kind where all attributes are equal but *own*, a text. Events and links are not encoded.
    """

    def __init__(self, own: str, *, most_forms: int = _MOST_FORMS) -> None:
        """Keep *most_forms* kinds encoded, and begin anew where there are more."""
        self._own = own
        self._most_forms = most_forms
        self._forms: dict[object, _Form] = {}
        self._head: bytes | None = None

    def __len__(self) -> int:
        """Return how many kinds are kept."""
        return len(self._forms)

    def encode(self, spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        """Return the export of one or more *spans*."""
        if self._head is None:
            self._head = _head(spans[0])
        request = ExportTraceServiceRequest.FromString(self._head)
        encoded = request.resource_spans[0].scope_spans[0].spans
        for span in spans:
            self._put(encoded.add(), span)
        return request

    def _put(self, encoded: Span, span: ReadableSpan) -> None:
        attributes = span.attributes or {}
        # With their names: not every kind has the same attributes.
        alike = tuple([pair for pair in attributes.items() if pair[0] != self._own])
        kind = (span.name, span.status.status_code, span.parent is None, self._own in attributes, alike)
        form = self._forms.get(kind)
        if form is None:
            form = self._add(kind, span)
        encoded.MergeFromString(form.data)
        context = span.context
        encoded.trace_id = context.trace_id.to_bytes(16, "big")
        encoded.span_id = context.span_id.to_bytes(8, "big")
        encoded.start_time_unix_nano = span.start_time or 0
        encoded.end_time_unix_nano = span.end_time or 0
        if span.parent is not None:
            encoded.parent_span_id = span.parent.span_id.to_bytes(8, "big")
            encoded.trace_state = context.trace_state.to_header()
        if form.place is not None:
            encoded.attributes[form.place].value.string_value = str(attributes[self._own])

    def _add(self, kind: object, span: ReadableSpan) -> _Form:
        if len(self._forms) >= self._most_forms:
            self._forms.clear()
        encoded = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
        names = [attribute.key for attribute in encoded.attributes]
        place = names.index(self._own) if self._own in names else None
        form = self._forms[kind] = _Form(encoded.SerializeToString(), place)
        return form


def _head(span: ReadableSpan) -> bytes:
    request = encode_spans([span])
    del request.resource_spans[0].scope_spans[0].spans[:]
    return request.SerializeToString()


class GrpcSpanExporter(OTLPSpanExporter):
    """The SDK's exporter over gRPC, with all of its settings, that encodes by a `SpanEncoder`."""

    def __init__(self, own: str) -> None:
        """Take the name of the attribute that differs from span to span."""
        super().__init__()
        self.encoder = SpanEncoder(own)

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        return self.encoder.encode(data)
