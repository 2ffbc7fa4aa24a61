"""One server span per call, continuing the caller's trace."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from oversight.engine.decision import Decision

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallSpan, CallTracer

__all__ = ["CallSpans", "describe_decision", "end_span", "trace_id_of"]

Metadata = tuple[tuple[str, str | bytes], ...]

# Server errors of the RPC conventions; a refused request is the caller's.
_SERVER_ERRORS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_propagator = TraceContextTextMapPropagator()


class CallSpans:
    """
    Makes the spans; attribute names follow the OpenTelemetry RPC conventions 1.45 (`rpc.*`).

    A span is handed on with its call and never made the current one: calls take turns on one thread.
    """

    def __init__(self, tracer: CallTracer) -> None:
        self._tracer = tracer

    def start(self, name: str, metadata: Metadata) -> CallSpan | None:
        """Return a span for a call of *name* (`oversight.v1.DecisionService/Decide`), None where it is not sampled."""
        return self._tracer.start_span(name, _parent_of(metadata))


def end_span(span: CallSpan, status: str) -> None:
    """End a call's *span* with the name of its gRPC *status*."""
    failed = status in _SERVER_ERRORS
    attributes = span.attributes
    attributes["rpc.system.name"] = "grpc"
    attributes["rpc.method"] = span.name
    attributes["rpc.status_code"] = status
    if failed:
        attributes["error.type"] = status
    span.end(failed=failed)


def describe_decision(span: CallSpan, decision: Decision) -> None:
    """Put what was decided on a call's *span*."""
    attributes = span.attributes
    attributes["oversight.decision.id"] = decision.decision_id
    attributes["oversight.tier"] = decision.tier.name
    attributes["oversight.escalation"] = decision.escalation.name
    attributes["oversight.reasons"] = tuple([reason.code for reason in decision.reasons])
    attributes["oversight.evaluation"] = decision.evaluation.name
    attributes["oversight.policy.name"] = decision.policy
    attributes["oversight.policy.digest"] = decision.digest
    attributes["oversight.threshold.revision"] = decision.threshold_revision
    attributes["oversight.recorded"] = decision.recorded


def trace_id_of(metadata: Metadata, span: CallSpan | None) -> str:
    """
    Return the trace id (W3C, 32 hex digits) of the call that came with *metadata*, empty where it has none.

    That of its *span*, else of the caller's `traceparent` (W3C Trace Context, section 3.2), which is worth recording
    also where this server exports no traces.
    """
    if span is not None:
        return f"{span.context.trace_id:032x}"
    parent = _parent_of(metadata)
    return "" if parent is None else f"{parent.trace_id:032x}"


def _parent_of(metadata: Metadata) -> SpanContext | None:
    """Return the caller's span, None where *metadata* names none, or names it wrongly."""
    parent = ""
    states: list[str] = []
    for key, value in metadata:
        if key == "traceparent":
            parent = parent or str(value)
        elif key == "tracestate":
            states.append(str(value))
    return _read_parent(parent, tuple(states)) if parent else None


@lru_cache(maxsize=16)  # it is asked for twice a call
def _read_parent(parent: str, states: tuple[str, ...]) -> SpanContext | None:
    read = _propagator.extract({"traceparent": parent, **({"tracestate": [*states]} if states else {})})
    context = get_current_span(read).get_span_context()
    return context if context.is_valid else None
