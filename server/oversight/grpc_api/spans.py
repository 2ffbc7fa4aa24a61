"""One server span per call, continuing the caller's trace."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from oversight.engine.decision import Decision
from oversight.grpc_api.call_loop import Headers
from oversight.grpc_api.status import Refusal

__all__ = ["CallSpans", "describe_decision", "trace_id_of"]

Behaviour = Callable[[bytes, Headers], bytes | Refusal]
Metadata = tuple[tuple[str, str | bytes], ...]

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

        def call(data: bytes, headers: Headers) -> bytes | Refusal:
            parent = _propagator.extract({key: text for key, text in headers.metadata if isinstance(text, str)})
            span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
            # Most calls are not sampled: making a span that says nothing the current one would double what it costs.
            if not span.is_recording():
                return behaviour(data, headers)
            with trace.use_span(span, end_on_exit=True):
                answer = behaviour(data, headers)
                _describe_status(span, answer)
                return answer

        return call


def _describe_status(span: Span, answer: bytes | Refusal) -> None:
    name = answer.code.name if isinstance(answer, Refusal) else "OK"
    span.set_attribute("rpc.status_code", name)
    if name in _SERVER_ERRORS:
        span.set_attribute("error.type", name)
        span.set_status(Status(StatusCode.ERROR))


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


def trace_id_of(metadata: Metadata) -> str:
    """
    Return the trace id (W3C, 32 hex digits) of the call that came with *metadata*, empty where it has none.

    That of the span in progress, else of the caller's `traceparent` (W3C Trace Context, section 3.2), which is worth
    recording also where this server exports no traces.
    """
    current = trace.get_current_span().get_span_context()
    if current.is_valid:
        return f"{current.trace_id:032x}"
    for key, value in metadata:
        if key == "traceparent":
            parent = trace.get_current_span(_propagator.extract({key: str(value)})).get_span_context()
            return f"{parent.trace_id:032x}" if parent.is_valid else ""
    return ""
