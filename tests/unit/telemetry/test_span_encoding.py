"""OTLP's form of many spans that differ in little."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from opentelemetry.util.types import AttributeValue

from oversight.telemetry.sampling import Sampling
from oversight.telemetry.span_encoding import GrpcSpanExporter, SpanEncoder
from oversight.telemetry.spans import CallTracer

OWN = "oversight.decision.id"
RESOURCE = Resource({"service.name": "oversightd", "process.pid": 7})
SCOPE = InstrumentationScope("oversight", "1")
STATES = (TraceState(), TraceState([("vendor", "x"), ("other", "y")]))


def random_spans(count: int, seed: int, *, digests: int = 2) -> Sequence[ReadableSpan]:
    """Return ended spans of every kind that calls leave, in random order; each of *digests* makes more kinds."""
    draw = random.Random(seed)  # noqa: S311 - cases, not secrets
    spans: list[ReadableSpan] = []
    tracer = CallTracer(Sampling(True, 1 << 64), RESOURCE, SCOPE, spans.append)
    for _ in range(count):
        state = draw.choice(STATES)
        parent = SpanContext(draw.getrandbits(128), draw.getrandbits(64), True, TraceFlags(1), state)
        span = tracer.start_span(draw.choice(("a/Decide", "a/GetDecision")), draw.choice((parent, None)))
        assert span is not None
        own: dict[str, AttributeValue] = {
            OWN: f"{draw.getrandbits(128):032x}",
            "oversight.reasons": draw.choice(((), ("A",), ("A", "B"))),
            "oversight.policy.digest": f"digest {draw.randrange(digests)}",
            "oversight.threshold.revision": draw.choice((0, 1)),
            "oversight.recorded": draw.choice((True, False)),
        }
        failed = draw.random() < 0.3
        span.attributes.update(draw.choice((own, {}, {"oversight.tier": "x"})))
        span.attributes["rpc.status_code"] = "INTERNAL" if failed else "OK"
        span.end(failed=failed)
    return spans


@pytest.mark.parametrize("seed", range(20))
def test_spans_are_encoded_as_the_sdk_does(seed: int) -> None:
    """A collector must not see who encoded them."""
    encoder = SpanEncoder(OWN)

    for batch in (random_spans(60, seed), random_spans(60, seed + 1000)):
        assert encode_spans(batch) == encoder.encode(batch)


def test_kinds_without_end_take_memory_with_an_end() -> None:
    """Policies come and go for as long as a worker lives."""
    encoder = SpanEncoder(OWN, most_forms=8)
    batch = random_spans(200, 1, digests=1000)

    assert encode_spans(batch) == encoder.encode(batch)
    assert len(encoder) <= 8


def test_the_exporter_encodes_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put in where the SDK promises nothing: another release may pass it by, correctly and slowly."""
    taken: list[ExportTraceServiceRequest] = []

    class Receiver(TraceServiceServicer):
        def Export(self, request: ExportTraceServiceRequest, _context: object) -> ExportTraceServiceResponse:  # noqa: N802 - the protocol's name
            taken.append(request)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Receiver(), server)  # type: ignore[no-untyped-call]  # generated
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    exporter, batch = GrpcSpanExporter(OWN), random_spans(20, 1)

    assert SpanExportResult.SUCCESS == exporter.export(batch)

    exporter.shutdown()
    server.stop(0).wait()
    assert [encode_spans(batch)] == taken
    assert len(exporter.encoder)
