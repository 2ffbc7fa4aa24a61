"""
The spans of calls: plain values while a call is under way, and the SDK's `ReadableSpan` once it has ended.

The SDK's own span is made for strangers: it locks and checks every attribute that it is told. That costs 20 µs of a
call; this costs 5 (docs/adr/0022). Import this module only where spans are exported: it loads the SDK.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import getrandbits

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from oversight.telemetry.sampling import Sampling

__all__ = ["CallSpan", "CallTracer"]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_LOW_BITS = (1 << 64) - 1
_FINE = Status(StatusCode.UNSET)
_FAILED = Status(StatusCode.ERROR)
_MOST_ATTRIBUTES = 32
"""More than any span of ours has."""


class CallSpan:
    """
    The span of one call; *attributes* may be added to until it has ended.

    *parent* is the caller's span, None where the call begins a trace.
    """

    __slots__ = ("_finish", "_started_ns", "attributes", "context", "name", "parent")

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        finish: Callable[[CallSpan, int, Status], None],
    ) -> None:
        """Begin now; *finish* gets the span, when it began (nanoseconds since 1970) and how it ended."""
        self.name = name
        self.context = context
        self.parent = parent
        self.attributes: dict[str, AttributeValue] = {}
        self._finish = finish
        self._started_ns = time.time_ns()

    def end(self, *, failed: bool) -> None:
        """End now, once; *failed* turns the span red."""
        self._finish(self, self._started_ns, _FAILED if failed else _FINE)


class CallTracer:
    """
    Makes the spans of those calls that *sampling* takes, and hands each to *on_end* when it has ended.

    `resource` is what all of them are of: this process.
    """

    def __init__(
        self,
        sampling: Sampling,
        resource: Resource,
        scope: InstrumentationScope,
        on_end: Callable[[ReadableSpan], None],
    ) -> None:
        self._parent_based, self._bound = sampling
        self.resource = resource
        self._scope = scope
        self._on_end = on_end
        self._limits = limits = SpanLimits()
        most = _MOST_ATTRIBUTES if limits.max_span_attributes is None else limits.max_span_attributes
        self._limited = limits.max_span_attribute_length is not None or most < _MOST_ATTRIBUTES

    def start_span(self, name: str, parent: SpanContext | None) -> CallSpan | None:
        """Return a span for a call of *name*, which continues the trace of *parent*; None where it is not sampled."""
        if parent is None:
            # Half of the id decides; the other half is drawn only for those that need it.
            low = getrandbits(64)
            if low >= self._bound:
                return None
            trace_id, state = (getrandbits(64) or 1) << 64 | low, None
        elif parent.trace_flags.sampled if self._parent_based else parent.trace_id & _LOW_BITS < self._bound:
            trace_id, state = parent.trace_id, parent.trace_state
        else:
            return None
        context = SpanContext(trace_id, getrandbits(64) or 1, False, _SAMPLED, state)  # noqa: FBT003 - half the time
        return CallSpan(name, context, parent, self._finish)

    def _finish(self, span: CallSpan, started_ns: int, status: Status) -> None:
        self._on_end(
            ReadableSpan(
                name=span.name,
                context=span.context,
                parent=span.parent,
                resource=self.resource,
                attributes=self._limit(span.attributes) if self._limited else span.attributes,
                kind=SpanKind.SERVER,
                status=status,
                start_time=started_ns,
                end_time=time.time_ns(),
                instrumentation_scope=self._scope,
            )
        )

    def _limit(self, attributes: Mapping[str, AttributeValue]) -> BoundedAttributes:
        """Keep to OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT and the like."""
        limits = self._limits
        return BoundedAttributes(limits.max_span_attributes, attributes, max_value_len=limits.max_span_attribute_length)
