"""
The OpenTelemetry SDK of one process, set up by the standard environment variables.

Nothing is loaded and nothing is sent unless OTEL_EXPORTER_OTLP_ENDPOINT (or its form for one signal) is set. Each
process builds its own SDK under its own service.instance.id: two writers under one id would corrupt the metrics.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from opentelemetry.util.types import AttributeValue

from oversight.errors import StartError
from oversight.telemetry.counters import Counters
from oversight.telemetry.metrics import register_counters, register_gauges
from oversight.telemetry.sampling import read_sampling

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

    from oversight.telemetry.spans import CallTracer

__all__ = ["Telemetry", "start_telemetry"]

_SCOPE = "oversight"
_SERVICE_NAME = "oversightd"
_OWN_ATTRIBUTE = "oversight.decision.id"
"""What no two spans have alike."""
_log = logging.getLogger(__name__)


class Telemetry:
    """
    The exporters of one process.

    `tracer` is None where no spans are exported, so that the call path can skip them altogether.
    """

    def __init__(self, tracer: CallTracer | None, closers: tuple[Callable[[], object], ...]) -> None:
        self.tracer = tracer
        self._closers = closers

    def shutdown(self, timeout_s: float) -> bool:
        """
        Send what is left and stop; return whether that was done within *timeout_s*.

        In a thread of its own, because the SDK waits for a dead collector longer than it was told to.
        """
        if not self._closers:
            return True
        done = threading.Event()

        def close() -> None:
            for closer in self._closers:
                closer()
            done.set()

        threading.Thread(target=close, name="telemetry-shutdown", daemon=True).start()
        if done.wait(timeout_s):
            return True
        _log.warning("telemetry was not all sent within %.1f s; what is left is dropped", timeout_s)
        return False


def start_telemetry(
    role: str, instance: str, counters: Counters | None, gauges: Mapping[str, Callable[[], float]]
) -> Telemetry:
    """
    Start exporting spans and metrics where the environment asks for it.

    *role* is `worker`, `controller` or `keeper`; *instance* names the process (`worker-0`). *counters* and *gauges* are
    what the metrics read. Raises `StartError` for an OTEL_EXPORTER_OTLP_PROTOCOL that is neither `grpc` nor
    `http/protobuf`.
    """
    closers: list[Callable[[], object]] = []
    tracer: CallTracer | None = None
    spans, metrics = _is_exported("TRACES"), _is_exported("METRICS")
    if spans or metrics:
        resource = _resource(role, instance)
        if spans:
            tracer, close_spans = _start_spans(resource)
            closers.append(close_spans)
        if metrics:
            closers.append(_start_metrics(resource, counters, gauges))
    return Telemetry(tracer, tuple(closers))


def _is_exported(signal: str) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() == "none":
        return False
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name, "").strip() for name in names)


def _protocol(signal: str) -> str:
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := os.environ.get(name, "").strip().lower():
            if protocol not in {"grpc", "http/protobuf"}:
                raise StartError(f"{name} is {protocol!r}; expected grpc or http/protobuf")
            return protocol
    return "grpc"


def _resource(role: str, instance: str) -> Resource:
    from opentelemetry.sdk.resources import Resource  # the SDK costs start-up time and memory: only if it is used

    own: dict[str, AttributeValue] = {
        "service.name": _SERVICE_NAME,
        "service.version": version("oversightd"),
        "service.instance.id": f"{instance}-{uuid.uuid4()}",
        "oversight.process": role,
        "process.pid": os.getpid(),
    }
    named = Resource.create()  # what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say wins over our own name
    if not str(named.attributes.get("service.name", "")).startswith("unknown_service"):
        del own["service.name"]
    return named.merge(Resource(own))


def _start_spans(resource: Resource) -> tuple[CallTracer, Callable[[], object]]:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # as above: only if it is used
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from oversight.telemetry.spans import CallTracer

    processor = BatchSpanProcessor(_span_exporter())
    scope = InstrumentationScope(_SCOPE, version("oversightd"))
    return CallTracer(read_sampling(os.environ), resource, scope, processor.on_end), processor.shutdown


def _span_exporter() -> SpanExporter:
    if _protocol("TRACES") == "grpc":
        from oversight.telemetry.span_encoding import GrpcSpanExporter  # only if it is used

        return GrpcSpanExporter(_OWN_ATTRIBUTE)
    from opentelemetry.exporter.otlp.proto.http import trace_exporter  # only if it is used

    return trace_exporter.OTLPSpanExporter()


def _start_metrics(
    resource: Resource, counters: Counters | None, gauges: Mapping[str, Callable[[], float]]
) -> Callable[[], object]:
    from opentelemetry.sdk.metrics import MeterProvider  # as above: only if it is used
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(_metric_exporter())
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter(_SCOPE, version("oversightd"))
    if counters is not None:
        register_counters(meter, counters)
    register_gauges(meter, gauges)
    return provider.shutdown


def _metric_exporter() -> MetricExporter:
    if _protocol("METRICS") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # only if it is used

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.http import metric_exporter  # only if it is used

    return metric_exporter.OTLPMetricExporter()
