"""The server around the services: limits, health, reflection, traces, stopping."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from builders import a_snapshot
from oversight.errors import AddressError
from oversight.v1 import decision_service_pb2 as pb
from refusals import refusal_of
from serving import wait_until

ROUTINE = pb.DecideRequest(request_id="r-1", intent="order_status", response_confidence=0.97, sentiment_score=0.3)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = (("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01"),)


def check(serving, service=""):
    stub = health_pb2_grpc.HealthStub(serving.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status


def test_calls_beyond_those_that_may_wait_are_refused_while_health_answers(serve):
    """A worker that queues without end answers nobody; one that fails its health check is killed under load."""
    serving = serve(max_waiting_calls=2)
    refused: list[Any] = []
    answered: list[Any] = []

    def rush():
        serving.journal.open.clear()
        first = serving.decide.Decide.future(ROUTINE, timeout=10)
        assert serving.journal.entered.acquire(timeout=10)
        others = [serving.decide.Decide.future(ROUTINE, timeout=10) for _ in range(50)]
        assert SERVING == check(serving)
        serving.journal.open.set()
        for call in (first, *others):
            (answered if call.exception(timeout=10) is None else refused).append(call)
        while serving.journal.entered.acquire(blocking=False):
            pass
        return bool(refused)

    # Where the client is slow to send, they come one by one and none has to wait.
    wait_until(rush)
    assert answered
    refusal = refusal_of(refused[0].result)
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "50") == (
        refusal.code,
        refusal.reason,
        refusal.trailers["grpc-retry-pushback-ms"],
    )
    name = "oversight.v1.DecisionService/Decide"
    wait_until(lambda: len(refused) == serving.counters.calls()[name, "RESOURCE_EXHAUSTED"])


def test_a_long_batch_lets_other_calls_go_first(serve):
    """A conversation that waits must not wait for somebody's night run."""
    serving = serve()
    serving.journal.open.clear()
    first = serving.decide.Decide.future(ROUTINE, timeout=10)
    assert serving.journal.entered.acquire(timeout=10)
    batch = pb.BatchDecideRequest(requests=[pb.DecideRequest(request_id="b")] * 500)
    night_run = serving.decide.BatchDecide.future(batch, timeout=10)
    live = serving.decide.Decide.future(pb.DecideRequest(request_id="live"), timeout=10)
    # On the same connection, so that the others have arrived when this is answered.
    assert SERVING == check(serving)
    serving.journal.open.set()
    for call in (first, night_run, live):
        call.result()
    assert ["r-1", "live", *["b"] * 500] == [entry.request.request_id for entry in serving.journal.entries()]


def test_calls_that_send_only_headers_keep_no_other_waiting(serve):
    """With a thread for each, a handful of them would stop the worker."""
    serving = serve(max_waiting_calls=4)
    decide = serving.channel.stream_unary("/oversight.v1.DecisionService/Decide")
    held = threading.Event()

    def nothing():
        held.wait(10)
        yield from ()

    calls = [decide.future(nothing(), timeout=10) for _ in range(20)]
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason
    held.set()
    refusal = refusal_of(calls[0].result)
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "message") == refusal[:3]
    assert "message: expected the method's request, got none" == refusal.text
    name = "oversight.v1.DecisionService/Decide"
    wait_until(lambda: len(calls) == serving.counters.calls().get((name, "INVALID_ARGUMENT")))


def test_calls_whose_messages_come_late_are_refused_as_well(serve):
    """Large messages always come after their headers; those that wait are what fills the memory."""
    serving = serve(max_waiting_calls=2)
    decide = serving.channel.stream_unary("/oversight.v1.DecisionService/Decide")

    def rush():
        held = threading.Event()

        def late():
            held.wait(10)
            yield ROUTINE.SerializeToString()

        calls = [decide.future(late(), timeout=10) for _ in range(50)]
        # Their headers have come when this is answered.
        assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason
        while serving.journal.entered.acquire(blocking=False):
            pass
        serving.journal.open.clear()
        first = serving.decide.Decide.future(ROUTINE, timeout=10)
        assert serving.journal.entered.acquire(timeout=10)
        held.set()
        assert SERVING == check(serving)
        serving.journal.open.set()
        first.result()
        codes = [grpc.StatusCode.OK if call.exception() is None else call.code() for call in calls]
        return grpc.StatusCode.RESOURCE_EXHAUSTED in codes

    wait_until(rush)


def test_a_cancelled_call_leaves_the_server_answering(serve):
    """Callers that give up are the rule under load."""
    serving = serve()
    serving.journal.open.clear()
    first = serving.decide.Decide.future(ROUTINE, timeout=10)
    assert serving.journal.entered.acquire(timeout=10)
    given_up = [serving.decide.Decide.future(ROUTINE, timeout=10) for _ in range(20)]
    for call in given_up:
        call.cancel()
    serving.journal.open.set()
    first.result()
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_a_compressed_request_is_read(serving):
    """Clients may compress; the decision must not depend on it."""
    plain = serving.decide.Decide(ROUTINE, timeout=5)
    packed = serving.decide.Decide(ROUTINE, timeout=5, compression=grpc.Compression.Gzip)
    assert plain.decision_id == packed.decision_id


def test_a_call_whose_deadline_passed_in_the_queue_is_not_decided(serve):
    """Nobody waits for it any more; a record of it would say that something was answered."""
    serving = serve()
    serving.journal.open.clear()
    first = serving.decide.Decide.future(ROUTINE, timeout=10)
    assert serving.journal.entered.acquire(timeout=10)
    late = serving.decide.Decide.future(pb.DecideRequest(request_id="late"), timeout=0.05)
    assert grpc.StatusCode.DEADLINE_EXCEEDED is late.exception(timeout=10).code()
    serving.journal.open.set()
    first.result()
    serving.decide.Decide(pb.DecideRequest(request_id="after"), timeout=5)
    assert ["r-1", "after"] == [entry.request.request_id for entry in serving.journal.entries()]


def test_the_largest_message_is_the_one_that_is_set(serve):
    """Whoever never sends more than a kilobyte may close the door behind it."""
    serving = serve(max_message_bytes=2048)
    refusal = refusal_of(lambda: serving.decide.Decide(pb.DecideRequest(department="d" * 2048), timeout=5))
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE") == (refusal.code, refusal.reason)
    assert "the limit is 2,048 (setting max_message_bytes)" in refusal.text
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_a_connection_is_renewed_at_the_age_that_is_set(serve):
    """Else all callers that came first would stay with the worker that they found first."""
    serving = serve(max_connection_age_s=0.2)
    states: list[grpc.ChannelConnectivity] = []
    serving.channel.subscribe(states.append)
    wait_until(lambda: grpc.ChannelConnectivity.IDLE in states)
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason


@pytest.mark.parametrize("service", ["", "oversight.v1.DecisionService", "oversight.v1.OutcomeService"])
def test_health_follows_the_server(serving, service):
    """Load balancers take a worker out by its health, not by its errors."""
    assert SERVING == check(serving, service)
    serving.server.set_serving(serving=False)
    assert NOT_SERVING == check(serving, service)


def test_watchers_that_come_and_go_leave_the_server_answering(serve):
    """The stock servicer deadlocks after a few cancelled watches."""
    serving = serve()
    stub = health_pb2_grpc.HealthStub(serving.channel)
    for _ in range(50):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=5)
        assert SERVING == next(watch).status
        watch.cancel()
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_reflection_describes_the_services(serving):
    """Tools that nobody here wrote must be able to call."""
    database = ProtoReflectionDescriptorDatabase(serving.channel)
    assert {"oversight.v1.DecisionService", "oversight.v1.OutcomeService", "grpc.health.v1.Health"} <= set(
        database.get_services()
    )
    service = DescriptorPool(database).FindServiceByName("oversight.v1.DecisionService")
    assert ["Decide", "BatchDecide", "GetDecision"] == [method.name for method in service.methods]


def test_reflection_answers_under_its_version_1_name(serving):
    """Newer tools ask for grpc.reflection.v1 first."""
    call = serving.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    replies = call(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
    names = [service.name for service in next(replies).list_services_response.service]
    assert "oversight.v1.DecisionService" in names


def test_a_span_continues_the_callers_trace_and_says_what_was_decided(serve):
    """At 3 a.m. the way leads from the customer's trace to the decision, and back by its id."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    serving = serve(tracer=provider.get_tracer("test"))
    reply = serving.decide.Decide(ROUTINE, timeout=5, metadata=TRACEPARENT)
    wait_until(lambda: len(exporter.get_finished_spans()) == 1)
    (span,) = exporter.get_finished_spans()
    assert TRACE_ID == f"{span.context.trace_id:032x}"
    assert {
        "rpc.system.name": "grpc",
        "rpc.method": "oversight.v1.DecisionService/Decide",
        "rpc.status_code": "OK",
        "oversight.decision.id": reply.decision_id,
        "oversight.tier": "HUMAN_ON_THE_LOOP",
        "oversight.escalation": "NONE",
        "oversight.reasons": ("ROUTINE",),
        "oversight.evaluation": "DEFAULT",
        "oversight.policy.name": "contact_centre",
        "oversight.policy.digest": reply.policy.digest,
        "oversight.threshold.revision": 0,
        "oversight.recorded": True,
    } == span.attributes
    assert TRACE_ID == serving.journal.entries()[0].trace_id


def test_a_call_that_is_not_sampled_has_no_span_but_its_trace_is_recorded(serve):
    """The caller's sampling decision holds; the record outlives the tracing system."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_ON))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    serving = serve(tracer=provider.get_tracer("test"))
    serving.decide.Decide(ROUTINE, timeout=5, metadata=(("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-00"),))
    serving.decide.Decide(ROUTINE, timeout=5, metadata=TRACEPARENT)
    wait_until(lambda: len(exporter.get_finished_spans()) == 1)
    assert [TRACE_ID] * 2 == [entry.trace_id for entry in serving.journal.entries()]


@pytest.mark.parametrize(
    ("failure", "request_", "code", "error_type"),
    [
        (None, pb.DecideRequest(churn_risk=9), "INVALID_ARGUMENT", None),
        (RuntimeError("broken"), ROUTINE, "INTERNAL", "INTERNAL"),
    ],
)
def test_a_failed_call_has_its_status_on_the_span(serve, failure, request_, code, error_type):
    """A refused request is the caller's error; only ours turn the span red."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    serving = serve(tracer=provider.get_tracer("test"))
    serving.journal.failure = failure
    refusal_of(lambda: serving.decide.Decide(request_, timeout=5))
    wait_until(lambda: len(exporter.get_finished_spans()) == 1)
    (span,) = exporter.get_finished_spans()
    said = span.attributes or {}
    assert (code, error_type) == (said["rpc.status_code"], said.get("error.type"))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [(TRACEPARENT, TRACE_ID), ((("traceparent", "nonsense"),), ""), ((), "")],
)
def test_the_callers_trace_is_recorded_also_where_none_is_exported(serving, metadata, expected):
    """The record outlives the tracing system."""
    serving.decide.Decide(ROUTINE, timeout=5, metadata=metadata)
    assert expected == serving.journal.entries()[0].trace_id


def test_finished_calls_are_counted_by_status(serving):
    """A rise of refused calls must be visible without a caller complaining."""
    serving.decide.Decide(ROUTINE, timeout=5)
    refusal_of(lambda: serving.decide.Decide(pb.DecideRequest(churn_risk=9), timeout=5))
    name = "oversight.v1.DecisionService/Decide"
    wait_until(lambda: {(name, "OK"): 1, (name, "INVALID_ARGUMENT"): 1} == dict(serving.counters.calls()))


def test_an_unknown_method_is_unimplemented(serving):
    """A newer client must learn that this server is older."""
    call = serving.channel.unary_unary("/oversight.v1.DecisionService/DecideLater")
    refusal = refusal_of(lambda: call(b"", timeout=5))
    assert grpc.StatusCode.UNIMPLEMENTED is refusal.code


def test_an_address_that_cannot_be_bound_is_said(serve):
    """An address of another machine is a mistake in a setting."""
    with pytest.raises(AddressError, match=r"cannot listen on 192\.0\.2\.1:1 \(setting listen\)"):
        _serve_on("192.0.2.1:1")


def _serve_on(address):
    from oversight.grpc_api.server import build_server
    from oversight.settings import Settings
    from oversight.telemetry.counters import Counters

    unused: Any = SimpleNamespace(syncs=False)  # no call is made
    server = build_server(
        Settings(listen=address),
        decisions=unused,
        outcomes=unused,
        counters=Counters(),
        tracer=None,
        clock_us=lambda: 0,
    )
    try:
        server.start()
    finally:
        server.stop(0)


def test_a_stopped_server_has_answered_what_was_under_way(serve):
    """A rolling restart must not lose a call."""
    serving = serve(a_snapshot())
    serving.journal.open.clear()
    call = serving.decide.Decide.future(ROUTINE, timeout=10)
    assert serving.journal.entered.acquire(timeout=10)
    stopping = threading.Thread(target=serving.server.stop, args=(5,))
    stopping.start()
    serving.journal.open.set()
    stopping.join(10)
    assert not stopping.is_alive()
    assert "ROUTINE" == call.result().reason


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x52\x02\xff\xfe"])
def test_bytes_that_are_no_request_are_refused_in_words(serving, body):
    """The second is an intent that is not UTF-8. Neither is a fault of ours, nor worth a stack trace in the log."""
    call = serving.channel.unary_unary("/oversight.v1.DecisionService/Decide")
    refusal = refusal_of(lambda: call(body, timeout=5))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "message") == refusal[:3]
    assert "message: expected the method's request in protobuf, in UTF-8" == refusal.text
    assert [] == serving.journal.payloads


def test_reads_are_shed_by_their_own_queue(serve):
    """Readers without end would wait for a quarter of a minute, each holding a connection."""
    serving = serve(max_waiting_calls=2)
    serving.drained_through_us = 0
    request = pb.GetDecisionRequest(decision_id="0" * 32)
    reads = [serving.decide.GetDecision.future(request, timeout=10) for _ in range(20)]
    wait_until(lambda: any(read.done() for read in reads))
    refused = next(read for read in reads if read.done())
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED") == refusal_of(refused.result)[:2]
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason
    serving.drained_through_us = serving.now_us + 1
    wait_until(lambda: all(read.done() for read in reads))
