"""One server span per call, continuing the caller's trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from oversight.engine.decision import Decision

__all__ = ["CallSpans", "describe_decision", "trace_id_of"]

Behaviour = Callable[[Any, grpc.ServicerContext], Any]

# Server errors of the RPC conventions; a refused request is the caller's.
_SERVER_ERRORS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_propagator = TraceContextTextMapPropagator()


class CallSpans:
    """Makes the spans; attribute names follow the OpenTelemetry RPC conventions 1.45 (`rpc.*`)."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def around(self, name: str, behaviour: Behaviour) -> Behaviour:
        """Return *behaviour* within a server span named after the method (`oversight.v1.DecisionService/Decide`)."""
        attributes = {"rpc.system.name": "grpc", "rpc.method": name}

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            parent = _propagator.extract(_carrier(context))
            with self._tracer.start_as_current_span(
                name, parent, SpanKind.SERVER, attributes, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    reply = behaviour(request, context)
                except BaseException:
                    _fail(span, context)
                    raise
                span.set_attribute("rpc.status_code", "OK")
                return reply

        return call


def _fail(span: Span, context: grpc.ServicerContext) -> None:
    code = getattr(context, "code", lambda: None)()  # on every real context, on no interface
    name = code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"
    span.set_attribute("rpc.status_code", name)
    if name in _SERVER_ERRORS:
        span.set_attribute("error.type", name)
        span.set_status(Status(StatusCode.ERROR))


def _carrier(context: grpc.ServicerContext) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


def describe_decision(decision: Decision) -> None:
    """Put what was decided on the span in progress, if there is one."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
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


def trace_id_of(context: grpc.ServicerContext) -> str:
    """
    Return the call's W3C trace id, empty where it has none.

    That of the span in progress, else of the caller's `traceparent` (W3C Trace Context, section 3.2), which is worth
    recording also where this server exports no traces.
    """
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        return f"{current.trace_id:032x}"
    for key, value in context.invocation_metadata():
        if key == "traceparent":
            parent = trace.get_current_span(_propagator.extract({key: str(value)})).get_span_context()
            return f"{parent.trace_id:032x}" if parent.is_valid else ""
    return ""
