"""Which calls get a span."""

from __future__ import annotations

import logging
import random

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from oversight.telemetry.sampling import Sampling, read_sampling
from oversight.telemetry.spans import CallTracer

STANDARD = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
ALL = Sampling(parent_based=True, bound=1 << 64)


def a_parent(trace_id: int, *, sampled: bool) -> SpanContext:
    """Return a caller's span."""
    return SpanContext(trace_id, 7, is_remote=True, trace_flags=TraceFlags(sampled))


@pytest.mark.parametrize("name", STANDARD)
@pytest.mark.parametrize("share", ["0", "0.3", "1"])
def test_every_standard_sampler_draws_as_the_sdk_does(name: str, share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's standard variables mean here what they mean anywhere."""
    environment = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": share}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    theirs = TracerProvider(shutdown_on_exit=False).sampler
    ours = CallTracer(read_sampling(environment), Resource({}), InstrumentationScope("test"), print)
    draw = random.Random(1)  # noqa: S311 - cases, not secrets

    for sampled in (True, False):
        for _ in range(300):
            parent = a_parent(draw.getrandbits(128), sampled=sampled)
            context = set_span_in_context(NonRecordingSpan(parent), Context())
            expected = theirs.should_sample(context, parent.trace_id, "x").decision is Decision.RECORD_AND_SAMPLE
            assert expected == (ours.start_span("x", parent) is not None)


@pytest.mark.parametrize("name", STANDARD)
def test_a_call_that_begins_a_trace_is_sampled_by_its_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else draws by the same id must come to the same answer."""
    environment = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.3"}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    theirs = TracerProvider(shutdown_on_exit=False).sampler
    ours = CallTracer(read_sampling(environment), Resource({}), InstrumentationScope("test"), print)

    spans = [span for _ in range(3000) if (span := ours.start_span("x", None)) is not None]

    drawn = {theirs.should_sample(None, span.context.trace_id, "x").decision for span in spans}
    assert drawn <= {Decision.RECORD_AND_SAMPLE}
    expected = {"always_on": 3000, "always_off": 0}.get(name.removeprefix("parentbased_"), 900)
    assert abs(len(spans) - expected) <= 150 * (expected == 900)


@pytest.mark.parametrize(
    ("environment", "expected", "said"),
    [
        ({}, ALL, ""),
        ({"OTEL_TRACES_SAMPLER": ""}, ALL, ""),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, ALL, "'jaeger_remote', which is no standard sampler"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, Sampling(False, 1 << 64), "OTEL_TRACES_SAMPLER_ARG is ''"),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10%"},
            ALL,
            "'10%'; expected a number from 0 to 1",
        ),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"},
            ALL,
            "'nan'; expected a number from 0 to 1",
        ),
        ({"OTEL_TRACES_SAMPLER": "Always_Off"}, Sampling(False, 0), ""),
    ],
)
def test_what_is_said_wrongly_is_warned_of(
    environment: dict[str, str], expected: Sampling, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Traces that are missing without a word would be found missing when they are needed."""
    with caplog.at_level(logging.WARNING):
        assert expected == read_sampling(environment)
    assert said in caplog.text
    assert bool(said) == bool(caplog.records)
