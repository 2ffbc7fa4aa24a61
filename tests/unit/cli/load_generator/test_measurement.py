"""What is kept of each call, and how it adds up."""

import pickle
from typing import Any

import pytest

from oversight.cli.load_generator.transport import OK
from oversight.v1.decision_pb2 import Evaluation, Tier
from unit.cli.load_generator.fakes import a_batch_reply, a_measurement, a_plan, a_reply, add_call


def test_latency_counts_from_when_a_call_was_due():
    """And what the generator did to it is told apart."""
    measured = a_measurement()
    add_call(measured, due_s=2.0, late_s=0.25, service_s=0.5)
    figures = [measured.latency_ns[OK], measured.service_ns, measured.lag_ns]
    assert [750_000_000, 500_000_000, 250_000_000] == [found.highest for found in figures]
    assert (2.25, 2.75) == (measured.last_sent_s, measured.last_answered_s)


def test_the_warm_up_is_not_measured_but_its_failures_are_told():
    """Connections come up in it; but a server that fails then may have a reason."""
    measured = a_measurement()
    add_call(measured, due_s=-0.5)
    add_call(measured, due_s=-0.4, status="UNAVAILABLE", text="not yet")
    measured.skip(due_s=-0.3)
    measured.hold(due_s=-0.2)
    assert (0, 0, 0, 0) == (measured.sent, measured.decisions, measured.skipped, measured.waited)
    assert {"UNAVAILABLE": 1} == measured.warmup_failed


def test_replies_are_checked():
    """A fast server that answers something else is no fast server."""
    measured = a_measurement()
    add_call(measured)
    add_call(measured, body=a_reply("r", tier=Tier.TIER_HUMAN_AS_THE_LOOP))
    add_call(measured, body=a_reply("r", evaluation=Evaluation.EVALUATION_ERROR, recorded=False))
    for wrong in (a_reply("another"), a_reply("r", tier=Tier.TIER_UNSPECIFIED), b"", b"\xff\xff"):
        add_call(measured, body=wrong)
    assert {1: 2, 3: 1} == measured.tiers
    assert {Evaluation.EVALUATION_DEFAULT: 2, Evaluation.EVALUATION_ERROR: 1} == measured.evaluations
    assert (1, 4, 3) == (measured.unrecorded, measured.wrong, measured.decisions)


def test_each_item_of_a_batch_is_checked():
    """Most items being right is not right."""
    measured = a_measurement(a_plan(batch=3))
    add_call(measured, ids=("a", "b", "c"), body=a_batch_reply(a_reply("a"), a_reply("x"), error_code=8))
    add_call(measured, ids=("a", "b", "c"), body=a_batch_reply(a_reply("a")))
    add_call(measured, ids=("a",), body=b"\xff\xff")
    assert (2, {"RESOURCE_EXHAUSTED": 1}) == (measured.decisions, measured.item_errors)
    # One about another message, two that did not come, one that cannot be read.
    assert 4 == measured.wrong


def test_failed_calls_are_kept_by_status_with_the_first_words():
    """Their times apart, and in the latency of all."""
    measured = a_measurement()
    add_call(measured, status="UNAVAILABLE", text="gone", service_s=0.1)
    add_call(measured, status="UNAVAILABLE", text="still gone", service_s=0.2)
    add_call(measured, service_s=0.001)
    assert {"UNAVAILABLE": 2, OK: 1} == {status: found.count for status, found in measured.latency_ns.items()}
    assert {"UNAVAILABLE": "gone"} == measured.words
    assert (3, 200_000_000) == (measured.all_latency_ns().count, measured.all_latency_ns().highest)


def test_intervals_have_the_calls_that_were_due_in_them():
    """A call that came back three seconds later belongs to the moment when it was wanted."""
    measured = a_measurement(a_plan(duration_s=60.0))
    add_call(measured, due_s=1.2, service_s=3.0)
    add_call(measured, due_s=1.9, status="UNAVAILABLE")
    add_call(measured, due_s=5.0)
    assert {1: (2, 1), 5: (1, 0)} == {
        number: (interval.latency_ns.count, interval.failed) for number, interval in measured.intervals.items()
    }


def test_what_two_processes_measured_is_what_one_would_have():
    """Each is sent through a pipe and merged, and nothing may be lost on the way."""
    calls: list[dict[str, Any]] = [
        {"due_s": number / 7, "late_s": number % 3 / 1000, "service_s": 0.001 + number % 11 / 100}
        for number in range(50)
    ]
    calls += [{"due_s": 3.0, "status": "UNAVAILABLE", "text": "gone"}, {"due_s": -1.0, "status": "UNKNOWN"}]
    calls += [{"body": a_reply("other")}, {"body": a_reply("r", recorded=False)}]
    whole, first, second = (a_measurement() for _ in range(3))
    for number, call in enumerate(calls):
        add_call(whole, **call)
        add_call((first, second)[number % 2], **call)
    for measured in (whole, second):
        measured.skip(due_s=9.0)
        measured.hold(due_s=1.0)
    second.stopped_s, second.generator_cpu = 4.0, 0.5
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301 - our own bytes
    percents = (1, 50, 99, 100)
    for name in ("service_ns", "lag_ns"):
        assert getattr(whole, name).percentiles(percents) == getattr(first, name).percentiles(percents)
    assert {status: found.percentiles(percents) for status, found in whole.latency_ns.items()} == {
        status: found.percentiles(percents) for status, found in first.latency_ns.items()
    }
    same = "sent waited skipped last_sent_s last_answered_s tiers evaluations unrecorded wrong words warmup_failed"
    assert [getattr(whole, name) for name in same.split()] == [getattr(first, name) for name in same.split()]
    assert sorted(whole.intervals) == sorted(first.intervals)
    assert (4.0, 0.5) == (first.stopped_s, first.generator_cpu)


@pytest.mark.parametrize("name", ["item_errors", "tiers"])
def test_counts_by_name_add_up(name):
    """The counters that the calls above leave empty."""
    first, second = a_measurement(), a_measurement()
    getattr(first, name)["x"] += 1
    getattr(second, name)["x"] += 2
    first.merge(second)
    assert {"x": 3} == getattr(first, name)
