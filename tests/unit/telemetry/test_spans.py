"""The spans of calls."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from oversight.telemetry.sampling import Sampling
from oversight.telemetry.spans import CallTracer

RESOURCE = Resource({"service.name": "oversightd"})
SCOPE = InstrumentationScope("oversight", "1")
PARENT = SpanContext(11, 7, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "x")]))


def end_one(parent: SpanContext | None = None, *, failed: bool = False) -> ReadableSpan:
    """Return a span as it is handed on."""
    ended: list[ReadableSpan] = []
    span = CallTracer(Sampling(True, 1 << 64), RESOURCE, SCOPE, ended.append).start_span("service/Do", parent)
    assert span is not None
    span.attributes["oversight.policy.digest"] = "abcdef"
    span.attributes["oversight.recorded"] = True
    assert [] == ended
    span.end(failed=failed)
    return ended[0]


def test_a_span_that_has_ended_is_the_sdks() -> None:
    """Every exporter of the SDK takes it, and the batch processor wants to see that it is sampled."""
    before = time.time_ns()
    span = end_one()

    assert ("service/Do", SpanKind.SERVER, None) == (span.name, span.kind, span.parent)
    assert {"oversight.policy.digest": "abcdef", "oversight.recorded": True} == span.attributes
    assert (RESOURCE, SCOPE) == (span.resource, span.instrumentation_scope)
    assert span.start_time is not None
    assert span.end_time is not None
    assert before <= span.start_time <= span.end_time <= time.time_ns()
    assert span.context.is_valid
    assert span.context.trace_flags.sampled


def test_a_span_continues_its_callers_trace() -> None:
    """And what the caller's tracing system has added to it goes on."""
    span = end_one(PARENT)

    assert PARENT == span.parent
    assert (PARENT.trace_id, PARENT.trace_state) == (span.context.trace_id, span.context.trace_state)
    assert PARENT.span_id != span.context.span_id


@pytest.mark.parametrize(("failed", "expected"), [(False, StatusCode.UNSET), (True, StatusCode.ERROR)])
def test_only_a_failure_turns_a_span_red(failed: bool, expected: StatusCode) -> None:
    """Refusing a wrong request is no failure."""
    assert expected == end_one(failed=failed).status.status_code


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3", {"oversight.policy.digest": "abc", "oversight.recorded": True}),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1", {"oversight.recorded": True}),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", {}),
    ],
)
def test_the_standard_limits_are_kept(
    variable: str, value: str, expected: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some backends refuse a span for one value that is too long."""
    monkeypatch.setenv(variable, value)

    assert expected == end_one().attributes
