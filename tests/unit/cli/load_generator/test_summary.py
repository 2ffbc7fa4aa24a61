"""The figures for machines, and the tables and the page made of them."""

import io
import json
import re
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from oversight.cli.html.charts import Line, draw_chart, linear_axis, log_axis, percentile_axis
from oversight.cli.load_generator.closed_loop import Pace
from oversight.cli.load_generator.page import render_page
from oversight.cli.load_generator.summary import Step, summarise
from oversight.cli.load_generator.tables import print_summary
from unit.cli.load_generator.fakes import a_measurement, a_plan, add_call

PLAN = a_plan(duration_s=60.0, seed=77, processes=2)


@pytest.fixture
def summary():
    """A run of two rates: one that went well, and one with a failure."""
    good, bad = a_measurement(PLAN), a_measurement(PLAN)
    for number in range(1000):
        add_call(good, due_s=number * 0.06, late_s=0.0001, service_s=(number + 1) / 1000)
    for number in range(100):
        add_call(bad, due_s=number * 0.6, service_s=0.01)
    add_call(bad, due_s=30.0, service_s=5.0, status="DEADLINE_EXCEEDED", text="a <slow> one")
    return summarise(PLAN, [Step(16.0, good), Step(1.7, bad)], file="", pace=Pace(80.0))


def test_the_summary_is_complete_json(summary):
    """Software that reads it can rely on each name."""
    assert summary == json.loads(json.dumps(summary)) | {"steps": summary["steps"]}
    names = (
        "target messages seed arrivals batch duration_s warmup_s timeout_s connections processes max_in_flight "
        "saturation_per_s steps problems notes ok"
    )
    assert names.split() == list(summary)
    names = (
        "rate_asked_per_s rate_due_per_s rate_sent_per_s rate_answered_per_s rate_kept decisions_per_s calls failed "
        "not_sent waited_for_a_place stopped_after_s generator_cpu latency service lag tiers evaluations item_errors "
        "unrecorded wrong_replies warmup_failed intervals curve"
    )
    assert names.split() == list(summary["steps"][0])
    assert ("built-in mix", 77, 80.0, False) == tuple(
        summary[name] for name in ("messages", "seed", "saturation_per_s", "ok")
    )
    assert ["1.7 calls/s: 1 calls failed with DEADLINE_EXCEEDED: a <slow> one"] == summary["problems"]


def test_latency_is_in_milliseconds_with_every_figure(summary):
    """Of all calls, of those answered, and of the failed ones by status."""
    good, bad = (step["latency"] for step in summary["steps"])
    assert {"calls", "mean", "p50", "p90", "p99", "p99_9", "p99_99", "max"} == set(good["all"])
    wanted = (1000, 500.1, 900.1, 990.1, 1000.1)
    assert pytest.approx(wanted, rel=0.001) == tuple(
        good["all"][name] for name in ("calls", "p50", "p90", "p99", "max")
    )
    assert (good["all"], {}) == (good["answered"], good["failed"])
    assert (101, 100, 1) == tuple(
        found["calls"] for found in (bad["all"], bad["answered"], bad["failed"]["DEADLINE_EXCEEDED"])
    )
    assert (5000.0, 10.0) == (bad["all"]["max"], bad["answered"]["max"])
    assert pytest.approx((500.0, 0.1), rel=0.001) == (
        summary["steps"][0]["service"]["p50"],
        summary["steps"][0]["lag"]["p50"],
    )


def test_tiers_have_shares_and_evaluations_counts(summary):
    """All are there, also with 0."""
    step = summary["steps"][0]
    assert {"count": 1000, "share": 1.0} == step["tiers"]["HUMAN_ON_THE_LOOP"]
    assert {"count": 0, "share": 0.0} == step["tiers"]["HUMAN_AS_THE_LOOP"]
    assert {"MATCHED": 0, "DEFAULT": 1000, "STALE": 0, "ERROR": 0} == step["evaluations"]


def test_intervals_and_curve_tell_the_course_and_the_distribution(summary):
    """What the plots are drawn from is there for plots of one's own."""
    step = summary["steps"][0]
    assert [float(second) for second in range(60)] == [row["start_s"] for row in step["intervals"]]
    assert 1000 == sum(row["calls"] for row in step["intervals"])
    assert 1 == sum(row["failed"] for row in summary["steps"][1]["intervals"])
    percents = [row[0] for row in step["curve"]]
    assert (0.0, 100.0) == (percents[0], percents[-1])
    assert percents == sorted(set(percents))
    latencies = [row[1] for row in step["curve"]]
    assert latencies == sorted(latencies)
    assert latencies[-1] == step["latency"]["all"]["max"]
    assert pytest.approx(900.1, rel=0.001) == {row[0]: row[1] for row in step["curve"]}[90.0]


def test_a_run_of_nothing_has_a_summary_too():
    """The rate was so low that no call was due: known nothing, and no 0 ms."""
    summary = summarise(PLAN, [Step(0.001, a_measurement(PLAN))], file="messages.jsonl", pace=None)
    step = summary["steps"][0]
    assert (0, None, [], []) == (step["calls"], step["latency"]["all"]["p50"], step["curve"], step["intervals"])
    assert (None, "messages.jsonl", False) == (summary["saturation_per_s"], summary["messages"], summary["ok"])
    assert "no call was due" in render_page(summary)
    assert "since due" in printed(summary)


def printed(summary, width=80):
    """Return what is printed on a terminal of 80 columns."""
    output = io.StringIO()
    print_summary(summary, Console(file=output, width=width, highlight=False))
    return output.getvalue()


def test_the_tables_fit_on_a_terminal(summary):
    """Latency since due comes first; failures stand below it."""
    text = printed(summary)
    assert "…" not in text
    names = re.findall(r"^ +([a-zA-Z_ ]+?) +[\d,]+ +[\d.,]+ ", text, re.MULTILINE)
    assert ["since due", "since sent", "sent late by"] == names[:3]
    assert ["since due", "answered", "DEADLINE_EXCEEDED", "since sent", "sent late by"] == names[3:8]
    assert "16 calls/s" in text
    assert "on the loop" in text
    assert "100.00 %" in text
    assert "2 processes · built-in mix · seed 77 · saturation 80 calls/s" in " ".join(text.split())


def test_the_page_is_one_file_with_every_series(summary):
    """It is mailed, archived, and opened where there is no network."""
    page = render_page(summary)
    assert page.startswith("<!doctype html>")
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    for name in ("16 calls/s, since due", "16 calls/s, since sent", "1.7 calls/s, since due", "p50", "p99", "max"):
        assert f"</b> {name}</span>" in page
    assert "a &lt;slow&gt; one" in page
    svgs = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]  # noqa: S314 - our own
    assert 3 == len(svgs)
    # One curve since due and one since sent for each rate; then p50, p99 and max over each run.
    assert [4, 3, 3] == [len(svg.findall("polyline")) for svg in svgs]
    points = sum(len(step["curve"]) for step in summary["steps"])
    assert 2 * points == len(svgs[0].findall("circle"))
    titles = [title.text for title in svgs[0].iter("title")]
    assert "90 %: 900 ms" in titles


def test_points_lie_where_their_values_are():
    """A chart that draws the wrong place is worse than none."""
    line = Line("a", [(0.0, 1.0, "first"), (90.0, 10.0, "second"), (99.0, 100.0, "third")], "#000")
    chart = draw_chart("t", [line], percentile_axis("%", 100), log_axis("ms", [1.0, 10.0, 100.0]))
    found = re.search(r'polyline points="([^"]+)"', chart)
    assert found
    assert "70.0,328.0 475.0,172.0 880.0,16.0" == found[1]


def test_axes_are_marked_at_round_values():
    """So that a value can be read off."""
    assert ["0", "5", "10", "15", "20", "25", "30"] == [text for _, text in linear_axis("s", 30.0).ticks]
    assert ["0.5", "1", "2", "5", "10", "20"] == [text for _, text in log_axis("ms", [0.3, 25.0]).ticks]
    assert ["0.1", "1", "10", "100", "1000", "10000"] == [text for _, text in log_axis("ms", [0.1, 10_000]).ticks]
    assert ["0 %", "90 %", "99 %", "99.9 %"] == [text for _, text in percentile_axis("%", 5000).ticks]


def test_axes_of_one_value_or_none_can_be_drawn():
    """A run of one call is still a run."""
    assert pytest.approx(0.5) == log_axis("ms", [3.0]).place(3.0)
    assert 0.0 == log_axis("ms", [0.0]).place(0.0)
    assert 1.0 == percentile_axis("%", 1).place(100.0)
    assert 0.0 == linear_axis("s", 0.0).place(0.0)
