"""The caller's trace, as it comes in a call's metadata."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from oversight.grpc_api.spans import CallSpans, Metadata, trace_id_of
from oversight.telemetry.sampling import Sampling
from oversight.telemetry.spans import CallTracer

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"
SPANS = CallSpans(CallTracer(Sampling(True, 1 << 64), Resource({}), InstrumentationScope("test"), print))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ((("user-agent", "x"), ("traceparent", PARENT)), TRACE_ID),
        ((("traceparent", PARENT), ("traceparent", OTHER)), TRACE_ID),
        ((("traceparent", "nonsense"),), None),
        ((("traceparent", f"00-{'0' * 32}-b7ad6b7169203331-01"),), None),
        ((("bytes-bin", b"\xff"),), None),
        ((), None),
    ],
)
def test_a_span_and_its_record_are_of_the_same_trace(metadata: Metadata, expected: str | None) -> None:
    """Also where a caller sends more than one, or something else."""
    span = SPANS.start("service/Do", metadata)

    assert span is not None
    recorded = trace_id_of(metadata, span)
    assert f"{span.context.trace_id:032x}" == recorded
    assert (expected or recorded) == recorded
    assert (expected or "") == trace_id_of(metadata, None)
    assert (expected is None) == (span.parent is None)


def test_what_tracing_systems_add_to_a_trace_goes_on() -> None:
    """It may come in several headers (RFC 9110, section 5.3)."""
    span = SPANS.start("service/Do", (("tracestate", "a=1"), ("traceparent", PARENT), ("tracestate", "b=2")))

    assert span is not None
    assert {"a": "1", "b": "2"} == dict(span.context.trace_state)
