"""Spans and metrics, received as a collector receives them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import decision_service_pb2_grpc
from servers import ServerProcess, a_request, wait_until

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


class Collector(trace_service_pb2_grpc.TraceServiceServicer, metrics_service_pb2_grpc.MetricsServiceServicer):
    """Takes what is exported and keeps it."""

    def __init__(self) -> None:
        self.traces: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.metrics: list[metrics_service_pb2.ExportMetricsServiceRequest] = []
        self.target = ""

    def Export(self, request: object, _context: grpc.ServicerContext) -> object:  # noqa: N802 - the protocol's name
        """Keep one export of either kind: both services name their only method so."""
        if isinstance(request, trace_service_pb2.ExportTraceServiceRequest):
            self.traces.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()
        assert isinstance(request, metrics_service_pb2.ExportMetricsServiceRequest)
        self.metrics.append(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()

    def spans(self) -> list[Span]:
        """Return every span so far."""
        return [
            span
            for export in tuple(self.traces)
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def latest(self, name: str) -> float | None:
        """Return the value that a metric without attributes had last; None if it never came."""
        found: float | None = None
        for export in tuple(self.metrics):
            for resource in export.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            points = (metric.sum if metric.HasField("sum") else metric.gauge).data_points
                            found = points[0].as_double or float(points[0].as_int)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    servicer = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # generated
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # likewise
    servicer.target = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(0).wait()


def attributes(values: Sequence[KeyValue]) -> dict[str, object]:
    """Return OTLP attributes as plain values."""
    return {pair.key: _plain(pair) for pair in values}


def _plain(pair: KeyValue) -> object:
    kind = pair.value.WhichOneof("value")
    if kind == "array_value":
        return [value.string_value for value in pair.value.array_value.values]
    return getattr(pair.value, str(kind))


def decide_in_a_trace(server: ServerProcess, flags: str = "01") -> str:
    """Decide one message within the caller's trace; return the decision's id."""
    reply = decision_service_pb2_grpc.DecisionServiceStub(server.channel()).Decide(
        a_request("traced", response_confidence=0.5),
        timeout=10,
        wait_for_ready=True,
        metadata=(("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-{flags}"),),
    )
    return str(reply.decision_id)


def test_a_span_with_the_decision_continues_the_callers_trace(server: ServerProcess, collector: Collector) -> None:
    """One click from the conversation's trace to why a person was asked for."""
    server.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.target, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    server.start()

    decision_id = decide_in_a_trace(server)

    (span,) = wait_until(collector.spans, "the span")
    assert (TRACE_ID, PARENT_ID) == (span.trace_id.hex(), span.parent_span_id.hex())
    assert (Span.SPAN_KIND_SERVER, "oversight.v1.DecisionService/Decide") == (span.kind, span.name)
    said = attributes(span.attributes)
    expected = {
        "oversight.decision.id": decision_id,
        "oversight.tier": "HUMAN_IN_THE_LOOP",
        "oversight.reasons": ["LOW_CONFIDENCE"],
        "oversight.policy.digest": server.status().digest,
        "oversight.threshold.revision": 0,
        "rpc.status_code": "OK",
    }
    assert expected == {name: said.get(name) for name in expected}
    resource = attributes(collector.traces[0].resource_spans[0].resource.attributes)
    assert ("oversightd", "worker") == (resource["service.name"], resource["oversight.process"])
    assert str(resource["service.instance.id"]).startswith("worker-0-")
    assert TRACE_ID == server.find(decision_id).trace_id


def test_every_method_has_its_span_and_each_span_its_own_call(server: ServerProcess, collector: Collector) -> None:
    """What recurs from span to span is encoded once: none may show the call of another."""
    server.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.target, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    server.start()
    decided = {server.decide(f"r{number}", response_confidence=0.1 * number).decision_id for number in range(10)}
    for decision_id in decided:
        server.find(decision_id)
    stub = decision_service_pb2_grpc.DecisionServiceStub(server.channel())
    stub.BatchDecide(pb.BatchDecideRequest(requests=[a_request("b")]), timeout=10)
    with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
        server.find("no id")

    wait_until(lambda: len(collector.spans()) >= 22, "the spans")

    spans = [(span, attributes(span.attributes)) for span in collector.spans()]
    service = "oversight.v1.DecisionService"
    assert {
        (f"{service}/Decide", "OK"): 10,
        (f"{service}/GetDecision", "OK"): 10,
        (f"{service}/BatchDecide", "OK"): 1,
        (f"{service}/GetDecision", "INVALID_ARGUMENT"): 1,
    } == Counter((span.name, said["rpc.status_code"]) for span, said in spans)
    assert all(span.name == said["rpc.method"] and not span.parent_span_id for span, said in spans)
    assert 22 == len({span.trace_id for span, _ in spans}) == len({span.span_id for span, _ in spans})
    ids = {str(said["oversight.decision.id"]): span for span, said in spans if "oversight.decision.id" in said}
    assert decided == set(ids)
    assert {one: span.trace_id.hex() for one, span in ids.items()} == {
        one: server.find(one).trace_id for one in decided
    }
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span, _ in spans)


def test_a_call_that_its_caller_did_not_sample_is_not_exported(server: ServerProcess, collector: Collector) -> None:
    """The caller's choice holds, and its trace is on record all the same."""
    server.environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.target,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
    }
    server.start()
    unsampled = decide_in_a_trace(server, flags="00")
    server.decide("without a trace")
    sampled = decide_in_a_trace(server)

    assert 0 == server.terminate()

    assert [sampled] == [attributes(span.attributes)["oversight.decision.id"] for span in collector.spans()]
    server.start()
    assert TRACE_ID == server.find(unsampled).trace_id


def test_spans_go_over_http_as_well(server: ServerProcess) -> None:
    """Many collectors take nothing else."""
    taken: list[trace_service_pb2.ExportTraceServiceRequest] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take an export as a collector does."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Taker) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        server.environment = {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}/v1/traces",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        server.start()
        decision_id = decide_in_a_trace(server)
        assert 0 == server.terminate()
        receiver.shutdown()

    (span,) = taken[0].resource_spans[0].scope_spans[0].spans
    assert (TRACE_ID, PARENT_ID) == (span.trace_id.hex(), span.parent_span_id.hex())
    assert decision_id == attributes(span.attributes)["oversight.decision.id"]


def test_the_last_spans_are_sent_when_the_server_stops(server: ServerProcess, collector: Collector) -> None:
    """The call before the stop is the one that people look for."""
    server.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.target, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    server.start()
    decision_id = decide_in_a_trace(server)
    assert [] == collector.spans()

    assert 0 == server.terminate()

    (span,) = collector.spans()
    assert decision_id == attributes(span.attributes)["oversight.decision.id"]


def test_what_is_lost_and_what_is_late_reaches_the_collector(tmp_path: Path, collector: Collector) -> None:
    """An alert can be set on both, and on rules that do not compile."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal").write_text("in the way of the journals' folder")
    server = ServerProcess(tmp_path)
    server.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.target, "OTEL_METRIC_EXPORT_INTERVAL": "100"}
    with server:
        server.decide("lost")
        (server.policy / "contact_centre.yaml").write_text("policy: [broken\n", encoding="utf-8")
        wait_until(lambda: collector.latest("oversight.records.lost") == 1, "the loss")
        wait_until(lambda: (collector.latest("oversight.policy.problems") or 0) >= 1, "the problem")

    assert 0 == collector.latest("oversight.records.pending")
    assert 0 == collector.latest("oversight.records.oldest_age")


def test_a_dead_collector_disturbs_neither_decisions_nor_the_stop(server: ServerProcess) -> None:
    """Telemetry is worth less than what it tells about."""
    server.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    server.start()

    assert server.decide("r").recorded

    assert 0 == server.terminate()
    assert not any("in time" in str(line["message"]) for line in server.log_lines() if line["process"] == "supervisor")
