"""
What a trace costs the worker, step by step, in CPU time of the thread: `PYTHONPATH=tests python -m bench.span_cost`.

The SDK's own way is beside ours, and what a hand-over to another process would begin with.
"""

from __future__ import annotations

import marshal
import random
import socket
import time
from collections.abc import Callable
from itertools import cycle

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from oversight.engine.decision import Decision, Escalation, Evaluation, Reason, Tier
from oversight.grpc_api.spans import CallSpans, describe_decision, end_span, trace_id_of
from oversight.telemetry.sampling import Sampling
from oversight.telemetry.span_encoding import SpanEncoder
from oversight.telemetry.spans import CallTracer

_NAME = "oversight.v1.DecisionService/Decide"
_METADATA = (("user-agent", "grpc-python/1.85"), ("x-request-id", "4711"))
_BATCH = 512
_CODES = ("LOW_CONFIDENCE", "HIGH_VALUE", "VIP_CUSTOMER", "NEGATIVE_SENTIMENT")
_REASONS = tuple(Reason(code, "rule", "text", 2, 1, ()) for code in _CODES)
_DECISION = Decision(
    "4bf92f3577b34da6a3ce929d0e0e4736",
    Tier.HUMAN_IN_THE_LOOP,
    Escalation.NONE,
    _REASONS,
    (),
    (),
    Evaluation.MATCHED,
    "contact_centre",
    "1",
    "",
    "d" * 64,
    0,
    audit_selected=False,
    audit_probability=0.0,
    audit_key_id="",
    review_sla_s=None,
    on_expiry=None,
    recorded=True,
)


class _Keeping(SpanProcessor):
    """Keeps what has ended last, as cheaply as can be."""

    def on_end(self, span: ReadableSpan) -> None:
        self.last = span


class _Nowhere(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 - the interface's
        return SpanExportResult.SUCCESS


def _measure(what: str, step: Callable[[], object], *, times: int = 2000, per: int = 1) -> None:
    """Print the CPU time of one *step* in µs, the least of seven runs."""
    least_s = float("inf")
    for _ in range(7):
        began_s = time.thread_time()
        for _ in range(times):
            step()
        least_s = min(least_s, time.thread_time() - began_s)
    print(f"{what:72} {least_s / times / per * 1e6:6.2f}")


def _ours(share: float, on_end: Callable[[ReadableSpan], None]) -> CallSpans:
    sampling = Sampling(parent_based=True, bound=round(share * (1 << 64)))
    return CallSpans(CallTracer(sampling, Resource({}), InstrumentationScope("oversight"), on_end))


def _theirs(sampler: Sampler, processor: SpanProcessor) -> Tracer:
    provider = TracerProvider(sampler=sampler, resource=Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider.get_tracer("oversight")


def _start_theirs(tracer: Tracer) -> Span:
    parent = TraceContextTextMapPropagator().extract(dict(_METADATA))
    return tracer.start_span(_NAME, parent, SpanKind.SERVER, {"rpc.system.name": "grpc", "rpc.method": _NAME})


def _decide_ours(spans: CallSpans) -> None:
    span = spans.start(_NAME, _METADATA)
    assert span is not None
    trace_id_of(_METADATA, span)
    describe_decision(span, _DECISION)
    end_span(span, "OK")


def _decide_theirs(tracer: Tracer, values: dict[str, AttributeValue]) -> None:
    span = _start_theirs(tracer)
    span.set_attributes(values)
    span.set_attribute("rpc.status_code", "OK")
    span.end()


def _values() -> dict[str, AttributeValue]:
    """Return the attributes of a decision's span."""
    span = _ours(1.0, print).start(_NAME, _METADATA)
    assert span is not None
    describe_decision(span, _DECISION)
    return span.attributes


def _main() -> None:
    print("µs of CPU, each step alone")
    off, keeping = _ours(0.0, print), _Keeping()
    theirs_off = _theirs(ALWAYS_OFF, keeping)
    traced = cycle([(("traceparent", f"00-{n:032x}-{n:016x}-00"),) for n in random.sample(range(1, 1 << 60), 1000)])

    def unsampled_in_a_trace() -> None:
        metadata = next(traced)
        off.start(_NAME, metadata)
        trace_id_of(metadata, None)

    _measure("not sampled", lambda: off.start(_NAME, _METADATA))
    _measure("not sampled, by the SDK", lambda: _start_theirs(theirs_off))
    _measure("a caller's trace id for the record, nothing exported", lambda: trace_id_of(next(traced), None))
    _measure("the same, and not sampled by the caller", unsampled_in_a_trace)
    values, batches = _values(), BatchSpanProcessor(_Nowhere())
    sampled, theirs_on = _ours(1.0, batches.on_end), _theirs(ALWAYS_ON, keeping)
    _measure("sampled, into the queue", lambda: _decide_ours(sampled))
    _measure("sampled, by the SDK, into no queue", lambda: _decide_theirs(theirs_on, values))
    kept: list[ReadableSpan] = []
    keeper, encoder = _ours(1.0, kept.append), SpanEncoder("oversight.decision.id")
    for _ in range(_BATCH):
        _decide_ours(keeper)
    _measure("encoded", lambda: encoder.encode(kept).SerializeToString(), times=20, per=_BATCH)
    _measure("encoded by the SDK", lambda: encode_spans(kept).SerializeToString(), times=5, per=_BATCH)
    data = marshal.dumps((b"i" * 16, b"i" * 8, 1, 2, list(values.items())))
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    _measure("a datagram with its values to another process, sent and taken", lambda: (near.send(data), far.recv(4096)))
    batches.shutdown()  # type: ignore[no-untyped-call]  # the SDK's


if __name__ == "__main__":
    _main()
