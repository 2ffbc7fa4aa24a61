"""`oversight quality` and `oversight report`, against an admin port that answers as told."""

import json

import grpc
import pytest

from oversight.cli.quality_words import gap_verdict, rule_verdict
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import insight_service_pb2 as pb
from oversight_client import MeanDifference, QualityGap, RuleQuality, Share
from unit.cli.page_reader import numbers_in, read_page


@pytest.fixture
def quality(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("quality", *words, "--admin", insight.address)

    return invoke


@pytest.fixture
def report(run, insight, tmp_path):
    """Run the command against it; the page is page.html."""

    def invoke(*words):
        return run("report", "--html", tmp_path / "page.html", *words, "--admin", insight.address)

    return invoke


def line_of(text, *words):
    """Return the one line that has all *words*."""
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return " ".join(line.split())


def test_each_table_says_what_it_is_about(quality):
    """Scores, escalations, containment, satisfaction."""
    said = quality().stdout
    assert "-3.25 (-5.50 to -1.00) 120 95 the AI scores lower" in line_of(said, "refund_request", "2026-09")
    assert "not known: too few scores" in line_of(said, "sim_swap", "2026-09")
    assert "15.00 % (10.35 % to 20.72 %)" in line_of(said, "vip")
    assert line_of(said, "vip").endswith("asks too often")
    assert line_of(said, "low_confidence").endswith("lets go what needs a person")
    assert "everything 41.00 % 40.44 % to 41.56 % 33.00 % 30,000 41,200" == line_of(said, "everything", "33.00 %")
    assert "-0.12 (-0.19 to -0.06)" in line_of(said, "everything", "4.25")
    assert line_of(said, "telecom", "sim_swap", "200").endswith("- - - 0 200"), "what is not known is no 0 %"


def test_where_nobody_said_anything_that_is_said(quality, insight):
    """An empty table would be read as "no difference"."""
    insight.answers |= {
        "GetQualityParity": pb.GetQualityParityResponse(),
        "GetEscalationQuality": pb.GetEscalationQualityResponse(),
        "GetContainment": pb.GetContainmentResponse(),
        "GetCsatDelta": pb.GetCsatDeltaResponse(),
    }
    said = quality().stdout
    for words in (
        "Quality scores: none of AI and people on one rubric yet",
        "Escalations: nobody judged yet whether a person was needed (escalation_expected)",
        "Containment: of no decision an outcome says yet who handled the contact (handled_by)",
        "Satisfaction: no scores yet (csat)",
        "nothing is on record yet",
    ):
        assert words in said


def test_machines_get_all_four(quality):
    """As the service said it."""
    found = json.loads(quality("--json").stdout)
    assert ["quality_parity", "escalation_quality", "containment", "csat_delta"] == list(found)
    assert {"value": -3.25, "low": -5.5, "high": -1.0} == found["quality_parity"]["gaps"][1]["gap"]
    assert found["quality_parity"]["gaps"][2]["gap"] is None
    assert found["containment"]["groups"][2]["confirmed_share"] is None


def test_filters_go_to_all_four(quality, insight):
    """Tables about different decisions side by side would be compared."""
    quality("--tenant", "t", "--tier", "human_on_the_loop", "--since", "2026-11-01T00:00:00Z")
    expected = pb.InsightFilter(tenant_id="t", tier=shared.TIER_HUMAN_ON_THE_LOOP)
    expected.since.FromJsonString("2026-11-01T00:00:00Z")
    for method in ("GetQualityParity", "GetEscalationQuality", "GetContainment", "GetCsatDelta"):
        assert [expected] == [one.filter for one in insight.requests[method]]


@pytest.mark.parametrize(
    ("gap", "enough", "said"),
    [
        (None, False, "not known: too few scores"),
        ((-3.0, -5.0, -1.0), False, "too few scores to rely on"),
        ((-3.0, -5.0, -1.0), True, "the AI scores lower"),
        ((3.0, 1.0, 5.0), True, "the AI scores higher"),
        ((1.0, -1.0, 3.0), True, "no difference found"),
    ],
)
def test_a_gap_is_one_where_its_whole_interval_is(gap, enough, said):
    """Half a point in twelve scores is noise."""
    assert said == gap_verdict(QualityGap("", "d", "i", "r", MeanDifference(*gap) if gap else None, 40, 40, enough))


@pytest.mark.parametrize(
    ("needed", "missed", "said"),
    [
        (None, None, "-"),
        ((0.4, 0.3, 0.49), None, "asks too often"),
        ((0.4, 0.3, 0.51), None, "-"),
        (None, (0.2, 0.11, 0.3), "lets go what needs a person"),
        (None, (0.2, 0.09, 0.3), "-"),
        ((0.1, 0.05, 0.2), (0.3, 0.2, 0.4), "asks too often, lets go what needs a person"),
    ],
)
def test_a_rule_is_called_wrong_where_its_whole_interval_is(needed, missed, said):
    """A policy owner changes a rule because of this word."""
    shares = [Share(*one) if one else None for one in (needed, missed)]
    assert said == rule_verdict(RuleQuality("r", 1, 1, 1, 1, 0, 0, *shares))


def test_the_page_has_the_numbers_of_the_json(quality, tmp_path):
    """Every one, and no other."""
    found = json.loads(quality("--json", "--html", tmp_path / "q.html").stdout)
    page = read_page(tmp_path / "q.html")
    shown = {value for value, _ in page.numbers}
    assert shown <= set(numbers_in(found))
    for gap in found["quality_parity"]["gaps"]:
        assert {gap["n_ai"], gap["n_human"], *((gap["gap"] or {}).values())} <= shown
    for rule in found["escalation_quality"]["rules"]:
        assert set(numbers_in(rule)) <= shown
    for part in [found["containment"]["total"], *found["containment"]["groups"]]:
        assert {part["known"], part["volume"]} <= shown
    assert "the AI scores lower" in page.text
    assert "asks too often" in page.text
    assert [] == page.loads


def test_scores_that_are_left_out_are_counted(quality, insight, tmp_path):
    """A list that ends without a word passes for a whole one."""
    insight.answers["GetQualityParity"].left_out = 1_234
    result = quality("--html", tmp_path / "q.html")
    assert "and 1,234 more" in result.stdout
    assert "1,234 more are left out." in read_page(tmp_path / "q.html").text


def test_a_page_without_facts_says_so(quality, insight, tmp_path):
    """Instead of empty tables."""
    insight.answers |= {
        "GetQualityParity": pb.GetQualityParityResponse(),
        "GetEscalationQuality": pb.GetEscalationQualityResponse(),
        "GetContainment": pb.GetContainmentResponse(total=pb.Containment()),
        "GetCsatDelta": pb.GetCsatDeltaResponse(total=pb.CsatDelta()),
    }
    quality("--html", tmp_path / "q.html")
    page = read_page(tmp_path / "q.html")
    assert "There are no quality scores" in page.text
    assert "Nobody has judged yet" in page.text


def test_the_report_holds_everything(report, tmp_path):
    """One file for the committee."""
    assert 0 == report("--recommend", "--department", "retail_banking").exit_code
    page = read_page(tmp_path / "page.html")
    for heading in (
        "How often does the AI err?",
        "The five warning signs",
        "Which threshold can be defended?",
        "Is the AI's work as good as people's?",
        "Which rule asks for people rightly?",
        "How much is handled without people?",
        "Are customers as satisfied with the AI?",
    ):
        assert heading in page.text
    assert [] == page.loads


def test_the_report_has_the_numbers_of_its_json(report, tmp_path):
    """Whatever is in the page, machines can have."""
    found = json.loads(report("--recommend", "--json").stdout)
    assert {value for value, _ in read_page(tmp_path / "page.html").numbers} <= set(numbers_in(found))
    assert {"rates", "warnings", "recommendation", "parity", "escalations", "containment", "csat"} < set(found)


def test_a_daily_report_spends_nothing(report, insight, tmp_path):
    """Each certificate on new evidence makes the next one harder to get."""
    report()
    assert "RecommendThresholds" not in insight.requests
    assert "Which threshold can be defended?" not in read_page(tmp_path / "page.html").text


def test_the_report_asks_about_what_was_named(report, insight):
    """Warnings know tenants and departments; a certificate is about a policy's scope."""
    report("--tenant", "t", "--department", "retail_banking")
    (warnings,) = insight.requests["ListWarnings"]
    assert ("t", "retail_banking", True) == (warnings.tenant_id, warnings.department, warnings.all)
    report("--recommend", "--department", "retail_banking", "--intent", "i", "--target", "0.03")
    (asked,) = insight.requests["RecommendThresholds"]
    assert ("retail_banking", "", "i", 0.03) == (
        *(asked.policy, asked.scope.department, asked.scope.intent),
        asked.max_error,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--recommend", "--tenant", "t"), "--tenant and --recommend: a certificate is about all tenants"),
        (("--recommend", "--tier", "human_on_the_loop"), "--tier and --recommend"),
        (("--recommend", "--since", "2026-11-01T00:00:00Z"), "--since and --recommend"),
        (("--recommend", "--until", "2026-11-01T00:00:00Z"), "--until and --recommend"),
        (("--policy", "retail_banking"), "--policy is the certificate's: give --recommend too"),
    ],
)
def test_the_report_leaves_nothing_out_that_was_asked(report, insight, words, said):
    """A certificate of all tenants on a page that is headed by one would be taken for that one's."""
    result = report(*words)
    assert (2, True) == (result.exit_code, said in result.stderr)
    assert {} == insight.requests


def test_where_a_question_fails_the_page_of_before_stays(report, insight, tmp_path):
    """Half a report would be believed."""
    (tmp_path / "page.html").write_text("yesterday's")
    insight.refusals.append((grpc.StatusCode.FAILED_PRECONDITION, "not now"))
    assert 1 == report().exit_code
    assert ["page.html"] == [path.name for path in tmp_path.iterdir()]
    assert "yesterday's" == (tmp_path / "page.html").read_text()
