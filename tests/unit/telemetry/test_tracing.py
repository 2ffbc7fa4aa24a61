"""Starting and stopping the OpenTelemetry SDK."""

from __future__ import annotations

import threading
import time

import pytest

from oversight.errors import StartError
from oversight.telemetry.counters import Counters
from oversight.telemetry.tracing import Telemetry, start_telemetry

NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any of OpenTelemetry's variables; let an export to nobody give up at once."""
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_SDK_DISABLED",
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")


def resource_of(telemetry: Telemetry) -> dict[str, object]:
    """Return the resource attributes of the spans that *telemetry* makes."""
    assert telemetry.tracer is not None
    return dict(telemetry.tracer.resource.attributes)


def test_nothing_is_exported_unless_the_environment_asks() -> None:
    """No tracer means that the call path makes no spans at all."""
    telemetry = start_telemetry("worker", "worker-0", Counters(), {})

    assert telemetry.tracer is None
    assert telemetry.shutdown(0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")],
)
def test_the_standard_ways_to_turn_traces_off_are_honoured(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """An operator's standard variables work here as anywhere."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv(name, value)

    assert start_telemetry("worker", "worker-0", Counters(), {}).tracer is None


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_both_protocols_can_be_chosen(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    """Collectors differ in what they take."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NOBODY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)

    telemetry = start_telemetry("worker", "worker-0", Counters(), {})

    assert telemetry.tracer is not None
    telemetry.shutdown(5.0)


def test_an_unknown_protocol_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that go nowhere without a word would be found missing when they are needed."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", NOBODY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")

    with pytest.raises(StartError, match="OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'; expected grpc or http/protobuf"):
        start_telemetry("worker", "worker-0", Counters(), {})


def test_each_start_has_an_instance_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers of one series would corrupt it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NOBODY)
    first, second = (start_telemetry("worker", "worker-0", Counters(), {}) for _ in range(2))

    ids = {resource_of(telemetry)["service.instance.id"] for telemetry in (first, second)}

    assert 2 == len(ids)
    assert "oversightd" == resource_of(first)["service.name"]
    assert "worker" == resource_of(first)["oversight.process"]
    for telemetry in (first, second):
        telemetry.shutdown(5.0)


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SERVICE_NAME", "bank"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=bank")]
)
def test_an_operators_service_name_wins(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Two deployments that report to one place must be told apart."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NOBODY)
    monkeypatch.setenv(name, value)

    telemetry = start_telemetry("worker", "worker-0", Counters(), {})

    assert "bank" == resource_of(telemetry)["service.name"]
    telemetry.shutdown(5.0)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_metrics_alone_can_be_exported(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    """Many keep traces elsewhere, or nowhere."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", NOBODY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)

    telemetry = start_telemetry("controller", "controller", None, {"oversight.records.pending": lambda: 0.0})

    assert telemetry.tracer is None
    telemetry.shutdown(0.1)


def test_a_dead_collector_delays_the_end_no_longer_than_allowed() -> None:
    """The SDK waits for seconds; a stop must not."""
    release = threading.Event()
    telemetry = Telemetry(None, (lambda: release.wait(30),))
    began = time.monotonic()

    assert not telemetry.shutdown(0.05)

    assert time.monotonic() - began < 5
    release.set()


def test_everything_is_closed_in_time_where_it_can_be() -> None:
    """The last spans are those of the stop."""
    closed: list[str] = []
    telemetry = Telemetry(None, (lambda: closed.append("spans"), lambda: closed.append("metrics")))

    assert telemetry.shutdown(5.0)

    assert ["spans", "metrics"] == closed
