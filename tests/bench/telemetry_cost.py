"""What metrics and traces cost, sent to a receiver that is really there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from bench.figures import Findings, NotMeasuredError, Table, ratios
from bench.own import service
from bench.report import spread
from bench.rounds import Plan, Round, make_round, take_turns

__all__ = ["measure_telemetry"]

_OFF, _METRICS, _TRACES = "off", "metrics", "10 % of traces"
_METRICS_EVERY_MS = 1_000
_SAMPLED = 0.1


class Receiver(trace_service_pb2_grpc.TraceServiceServicer, metrics_service_pb2_grpc.MetricsServiceServicer):
    """Counts what is exported to it, over OTLP/gRPC."""

    def __init__(self) -> None:
        self.spans = 0
        self.metrics = 0

    def Export(self, request: object, _context: grpc.ServicerContext) -> object:  # noqa: N802 - the protocol's name
        """Count one export of either kind: both services name their only method so."""
        if isinstance(request, trace_service_pb2.ExportTraceServiceRequest):
            self.spans += sum(len(scope.spans) for one in request.resource_spans for scope in one.scope_spans)
            return trace_service_pb2.ExportTraceServiceResponse()
        self.metrics += 1
        return metrics_service_pb2.ExportMetricsServiceResponse()


def measure_telemetry(plan: Plan) -> Findings:
    """Measure throughput with nothing exported, with metrics, and with a tenth of the traces."""
    received: dict[str, Receiver] = {}
    with contextlib.ExitStack() as opened:
        targets = {}
        for name in (_METRICS, _TRACES):
            received[name] = Receiver()
            targets[name] = opened.enter_context(_receiving(received[name]))
        environments = {
            _OFF: {},
            _METRICS: {
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": targets[_METRICS],
                "OTEL_METRIC_EXPORT_INTERVAL": str(_METRICS_EVERY_MS),
            },
            _TRACES: {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": targets[_TRACES],
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": str(_SAMPLED),
            },
        }

        def measure(name: str, number: int) -> Round:
            return make_round(service(f"telemetry {name}", environment=environments[name]), number, plan)

        found = take_turns([*environments], plan.rounds, measure)
    rates = {name: [one.decisions_per_s for one in rounds] for name, rounds in found.items()}
    rows = tuple((name, spread(rates[name]), spread([one.cpu_us for one in found[name]])) for name in found)
    _check(received, found[_TRACES])
    return Findings(
        {"metrics": ratios(rates[_METRICS], rates[_OFF]), "traces": ratios(rates[_TRACES], rates[_OFF])},
        (Table("Telemetry, metrics sent each second", ("exported", "decisions/s", "CPU µs a decision"), rows),),
    )


def _check(received: dict[str, Receiver], traced: list[Round]) -> None:
    """Raise `NotMeasuredError` where less arrived than should have: what was dropped cost nothing."""
    expected = _SAMPLED * sum(one.full.calls + one.lone.calls for one in traced)
    if received[_TRACES].spans < expected / 2:
        raise NotMeasuredError(f"{received[_TRACES].spans:,} spans arrived, about {expected:,.0f} expected")
    if not received[_METRICS].metrics:
        raise NotMeasuredError("no metrics arrived")


@contextlib.contextmanager
def _receiving(receiver: Receiver) -> Iterator[str]:
    """Run *receiver* in this process, which has the load's CPU; yield its address."""
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # likewise
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(1).wait()
