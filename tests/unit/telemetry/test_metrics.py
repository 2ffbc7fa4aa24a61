"""The metrics that say how blind and how late the server is."""

from __future__ import annotations

import functools

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from oversight.telemetry.counters import Counters
from oversight.telemetry.metrics import GAUGES, register_counters, register_gauges


def collect(reader: InMemoryMetricReader) -> dict[str, dict[tuple[tuple[str, object], ...], float]]:
    """Return each metric's values by their attributes."""
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: {
            tuple(sorted((point.attributes or {}).items())): point.value  # type: ignore[union-attr]  # numbers only
            for point in metric.data.data_points
        }
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_counters_are_read_when_metrics_are_exported() -> None:
    """Nothing on the call path knows of instruments."""
    counters, reader = Counters(), InMemoryMetricReader()
    register_counters(MeterProvider([reader]).get_meter("test"), counters)
    counters.count_decision(3, 1)
    counters.count_lost(2)
    counters.count_outcome()
    counters.count_failure("EIO")
    counters.count_sync(2, 7)
    counters.count_call("oversight.v1.DecisionService/Decide", "OK")

    seen = collect(reader)

    matched_as = (("evaluation", "MATCHED"), ("tier", "HUMAN_AS_THE_LOOP"))
    assert 1 == seen["oversight.decisions"][matched_as]
    assert 1 == sum(seen["oversight.decisions"].values())
    assert {(): 2} == seen["oversight.records.lost"]
    assert {(): 1} == seen["oversight.outcomes"]
    assert {(("cause", "EIO"),): 1} == seen["oversight.journal.failures"]
    assert ({(): 2}, {(): 7}) == (seen["oversight.journal.syncs"], seen["oversight.journal.synced_calls"])
    call = (("rpc.method", "oversight.v1.DecisionService/Decide"), ("rpc.status_code", "OK"))
    assert {call: 1} == seen["oversight.calls"]


def test_the_count_of_lost_records_is_there_while_it_is_zero() -> None:
    """An alert on a series that does not exist never fires, and nobody knows whether it would."""
    reader = InMemoryMetricReader()
    register_counters(MeterProvider([reader]).get_meter("test"), Counters())

    assert {(): 0} == collect(reader)["oversight.records.lost"]


def test_gauges_are_read_when_metrics_are_exported() -> None:
    """Each export shows the value of that moment."""
    reader = InMemoryMetricReader()
    values = dict.fromkeys(GAUGES, 1.0)
    gauges = {name: functools.partial(values.__getitem__, name) for name in GAUGES}
    register_gauges(MeterProvider([reader]).get_meter("test"), gauges)
    first = collect(reader)
    values["oversight.records.pending"] = 7.0

    assert {name: {(): 1.0} for name in GAUGES} == first
    assert {(): 7.0} == collect(reader)["oversight.records.pending"]


def test_a_gauge_may_have_a_value_for_each_set_of_attributes() -> None:
    """Warnings are counted by sign and by how they stand."""
    reader = InMemoryMetricReader()
    places: dict[tuple[tuple[str, str], ...], float] = {
        (("sign", "CSAT_FALLS"), ("state", "WARN")): 2.0,
        (("sign", "CSAT_FALLS"), ("state", "OK")): 7.0,
    }
    register_gauges(MeterProvider([reader]).get_meter("test"), {"oversight.warnings": lambda: places})

    assert places == collect(reader)["oversight.warnings"]
