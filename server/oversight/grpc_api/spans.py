"""One server span per call, continuing the caller's trace."""

from __future__ import annotations

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from oversight.engine.decision import Decision

__all__ = ["CallSpans", "describe_decision", "end_span", "trace_id_of"]

Metadata = tuple[tuple[str, str | bytes], ...]

# Server errors of the RPC conventions; a refused request is the caller's.
_SERVER_ERRORS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_propagator = TraceContextTextMapPropagator()


class CallSpans:
    """
    Makes the spans; attribute names follow the OpenTelemetry RPC conventions 1.45 (`rpc.*`).

    A span is handed on with its call and never made the current one: calls take turns on one thread, and it halves
    what a span costs.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start(self, name: str, metadata: Metadata) -> Span | None:
        """Return a span for a call of *name* (`oversight.v1.DecisionService/Decide`), None where it is not sampled."""
        parent = _propagator.extract({key: text for key, text in metadata if isinstance(text, str)})
        attributes = {"rpc.system.name": "grpc", "rpc.method": name}
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        return span if span.is_recording() else None


def end_span(span: Span, status: str) -> None:
    """End a call's *span* with the name of its gRPC *status*."""
    span.set_attribute("rpc.status_code", status)
    if status in _SERVER_ERRORS:
        span.set_attribute("error.type", status)
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def describe_decision(span: Span, decision: Decision) -> None:
    """Put what was decided on a call's *span*."""
    span.set_attributes(
        {
            "oversight.decision.id": decision.decision_id,
            "oversight.tier": decision.tier.name,
            "oversight.escalation": decision.escalation.name,
            "oversight.reasons": [reason.code for reason in decision.reasons],
            "oversight.evaluation": decision.evaluation.name,
            "oversight.policy.name": decision.policy,
            "oversight.policy.digest": decision.digest,
            "oversight.threshold.revision": decision.threshold_revision,
            "oversight.recorded": decision.recorded,
        }
    )


def trace_id_of(metadata: Metadata, span: Span | None) -> str:
    """
    Return the trace id (W3C, 32 hex digits) of the call that came with *metadata*, empty where it has none.

    That of its *span*, else of the caller's `traceparent` (W3C Trace Context, section 3.2), which is worth recording
    also where this server exports no traces.
    """
    if span is not None:
        return f"{span.get_span_context().trace_id:032x}"
    for key, value in metadata:
        if key == "traceparent":
            parent = get_current_span(_propagator.extract({key: str(value)})).get_span_context()
            return f"{parent.trace_id:032x}" if parent.is_valid else ""
    return ""
