"""`oversight errors`, against an admin port that answers as told."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from insight_answers import a_rate
from oversight.cli.error_rate_words import describe_rates, standing
from oversight.cli.output import percent
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import insight_service_pb2 as pb
from oversight_client import ErrorRateReport
from oversight_client.mirrored import mirrored
from unit.cli.page_reader import read_page


@pytest.fixture
def errors(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("errors", *words, "--admin", insight.address)

    return invoke


def test_the_first_line_is_the_answer(errors):
    """Whoever asks for the AI's error rate gets a number with an interval, not a table to search."""
    result = errors()
    assert 0 == result.exit_code
    first, second = result.stdout.splitlines()[:2]
    unreviewed = "Replies that nobody reviewed: the AI's error rate is 1.87 %, 95 % interval 1.21 % to 2.74 %"
    assert f"{unreviewed}, 25 errors in 1,340 labels: below the target of 5 %." == first
    known = "All replies and drafts: the AI's error rate is 3.08 %, 95 % interval 2.36 % to 3.94 %"
    assert f"{known}, 61 errors in 1,980 labels: below the target of 5 %." == second


def test_a_group_that_is_not_known_says_how_many_labels_are_missing(errors):
    """An empty cell would pass for no errors."""
    (line,) = [line for line in errors().stdout.splitlines() if "telecom" in line and "in the loop" in line]
    assert "not known yet: 327 more labels" in line
    assert "0.07 % to 15.33 %" in line
    assert "31.00 %" in line, "the share of reviews that were missed stands beside every rate"
    (nameless,) = [line for line in errors().stdout.splitlines() if "(none)" in line]
    assert "361 more labels" in nameless
    assert "never" in nameless


def test_without_labels_the_answer_is_what_is_missing(errors, insight):
    """Never 0 %."""
    insight.answers["GetErrorRates"] = pb.GetErrorRatesResponse(total=a_rate(0, 0, 1))
    lines = errors().stdout.splitlines()
    assert "All replies and drafts: the AI's error rate is not known yet: 361 more labels." == lines[0]
    assert "nothing is on record yet" == lines[-1]


@pytest.mark.parametrize(
    ("errors", "n", "place", "said"),
    [
        (19, 1_120, "below", "below the target of 5 %."),
        (120, 1_120, "above", "above the target of 5 %."),
        (36, 640, "either", "on which side of the target of 5 % is open."),
        (1, 34, "unknown", "not known yet: 327 more labels (so far 1 error in 34 labels)."),
    ],
)
def test_a_rate_is_below_only_where_its_whole_interval_is(errors, n, place, said):
    """A rate of 4 % with an interval up to 9 % proves nothing about 5 %."""
    report = mirrored(ErrorRateReport, pb.GetErrorRatesResponse(total=a_rate(errors, n, 5_000)))
    ((rate, words),) = describe_rates(report, 0.05, 0.95)
    assert report.total == rate
    assert place == standing(rate, 0.05)
    assert words.endswith(said)


def test_machines_get_what_the_service_said(errors):
    """Bare enum names, snake_case, absent is null."""
    found = json.loads(errors("--json").stdout)
    assert ["total", "rates", "left_out", "evidence_through", "on_the_loop"] == list(found)
    assert ("MEASURED", 61, 1_980) == tuple(found["total"][name] for name in ("state", "errors", "n"))
    last = found["rates"][-1]
    assert ("INSUFFICIENT_DATA", None, 361, None) == tuple(
        last[name] for name in ("state", "rate", "labels_needed", "newest_label_at")
    )
    group = {"tenant_id": None, "department": "", "intent": None, "tier": "HUMAN_ON_THE_LOOP", "model_version": None}
    assert group == last["group"]


def test_the_question_is_sent_as_it_was_asked(errors, insight):
    """By department and tier unless something else is said."""
    assert 0 == errors().exit_code
    words = "--tenant t --department d --intent i --tier human_in_the_loop --model-version m"
    more = "--since 2026-11-01T00:00:00Z --until 2026-11-02T00:00:00Z --by intent,model-version --target 0.02"
    assert 0 == errors(*words.split(), *more.split(), "--confidence", "0.9").exit_code
    first, second = insight.requests["GetErrorRates"]
    plain = pb.GetErrorRatesRequest(
        filter=pb.InsightFilter(),
        group_by=[pb.DIMENSION_DEPARTMENT, pb.DIMENSION_TIER],
        target=0.05,
        confidence=0.95,
    )
    assert plain == first
    expected = pb.GetErrorRatesRequest(
        filter=pb.InsightFilter(
            tenant_id="t", department="d", intent="i", tier=shared.TIER_HUMAN_IN_THE_LOOP, model_version="m"
        ),
        group_by=[pb.DIMENSION_INTENT, pb.DIMENSION_MODEL_VERSION],
        target=0.02,
        confidence=0.9,
    )
    expected.filter.since.FromJsonString("2026-11-01T00:00:00Z")
    expected.filter.until.FromJsonString("2026-11-02T00:00:00Z")
    assert expected == second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--by", "departement"),
            "'departement' is not one of tenant, department, intent, tier, model_version (did you",
        ),
        (("--by", ","), "--by: expected one or more of"),
        (("--by", "tier,tier"), "--by tier,tier: the same thing twice"),
        (("--target", "5"), "--target 5: expected a number between 0 and 1, for instance 0.05 for 5 %"),
        (("--confidence", "1"), "--confidence 1: expected a number between 0 and 1"),
        (("--html", "/nowhere/page.html"), "--html /nowhere/page.html: there is no folder /nowhere"),
        (("--html", "/"), "this is a folder; name a file in it"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_sent(errors, insight, words, said):
    """With what to write instead; exit code 2."""
    result = errors(*words)
    assert 2 == result.exit_code
    assert said in result.stderr
    assert {} == insight.requests


def test_groups_that_are_left_out_are_counted(errors, insight):
    """A list that ends without a word passes for a whole one."""
    insight.answers["GetErrorRates"].left_out = 1_234
    assert "and 1,234 smaller groups" in errors().stdout


def test_the_page_has_the_numbers_of_the_json(errors, tmp_path):
    """People and machines must not be told different things."""
    page_file = tmp_path / "page.html"
    found = json.loads(errors("--json", "--html", page_file).stdout)
    page = read_page(page_file)
    shown = Counter(value for value, _ in page.numbers)
    for rate in (found["total"], found["on_the_loop"], *found["rates"]):
        names = ("errors", "n", "labels_needed", "volume", "volume_share", "labelled_share", "missed_share")
        expected = Counter(float(rate[name]) for name in names)
        expected += Counter([rate["rate"]] if rate["state"] == "MEASURED" else [])
        assert expected <= shown
        shown -= expected
    assert Counter() == shown, "nothing is in the page that is not in the JSON"
    assert all(text in (f"{value:,.0f}", percent(value)) for value, text in page.numbers)


def test_the_page_stands_alone_and_says_in_words_what_it_says_in_colours(errors, tmp_path):
    """It is mailed, filed, printed, and read by people who see no red."""
    page_file = tmp_path / "page.html"
    errors("--html", page_file, "--department", "<b>retail</b>")
    page = read_page(page_file)
    assert [] == page.loads
    assert "url(" not in page_file.read_text()
    assert "department: <b>retail</b>" in page.text, "what was typed is text"
    for words in (
        "below the target",
        "undecided",
        "not known yet: 327 more labels",
        "target 5 %",
        "No complaint is no",
    ):
        assert words in page.text
    assert [page_file] == list(tmp_path.iterdir())


def test_ages_are_from_now_on(errors, insight):
    """The age of the newest label says whether the rate is about today's AI."""
    rate = insight.answers["GetErrorRates"].rates[0]
    rate.newest_label_at.FromDatetime(datetime.now(UTC))
    (line,) = [line for line in errors().stdout.splitlines() if "22,400" in line or "1,120" in line]
    assert line.rstrip().endswith("0 min")
