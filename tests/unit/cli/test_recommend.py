"""`oversight thresholds recommend`, against an admin port that answers as told."""

import json

import pytest

from certificate_answers import refused
from oversight.cli.risk_chart import draw_risk
from oversight.v1 import threshold_service_pb2 as pb
from oversight_client import CandidateProof
from unit.cli.page_reader import read_page

REQUIRED = ["status", "threshold", "n", "errors", "upper_bound", "autonomy", "labels_needed"]


@pytest.fixture
def recommend(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("thresholds", "recommend", "--max-error", "0.05", *words, "--admin", insight.address)

    return invoke


def test_machines_get_the_certificate(recommend):
    """These names are the contract with whoever scripts it."""
    result = recommend("--json")
    found = json.loads(result.stdout)
    assert 0 == result.exit_code
    assert ["CERTIFIED", 0.89, 430, 11, 0.0479, 0.55, 0] == [found[name] for name in REQUIRED]


def test_an_honest_no_is_an_answer(recommend, insight):
    """Exit code 0, no value, and what is missing."""
    insight.answers["RecommendThresholds"] = refused()
    result = recommend("--json")
    found = json.loads(result.stdout)
    assert 0 == result.exit_code
    assert ["NO_SAFE_THRESHOLD", None, 34, 0, 0.098, 0.0, 327] == [found[name] for name in REQUIRED]

    said = recommend().stdout
    assert "NO_SAFE_THRESHOLD: no value of autonomy_confidence is proven to keep errors at or below 5 %" in said
    assert "327 more labels are needed (0 errors in 34 labels)" in said
    assert "To apply it" not in said


def test_where_labels_are_not_what_is_missing_nobody_is_sent_for_more(recommend, insight):
    """Collecting labels for a year would end in the same no."""
    insight.answers["RecommendThresholds"] = refused(errors_too_many=True)
    said = " ".join(recommend().stdout.split())
    assert "more labels will not help: the AI errs too often (24 errors in 190 labels, 3 of them because" in said


def test_reviews_that_were_not_done_are_what_to_do_first(recommend, insight):
    """They count as errors of the AI until somebody looks: no new label mends that."""
    answer = insight.answers["RecommendThresholds"] = refused()
    answer.n, answer.errors, answer.missed, answer.labels_needed = 800, 100, 100, 100
    said = " ".join(recommend().stdout.split())
    assert (
        "yet: 100 errors are a review or audit not done, and doing these comes first (oversight audits); "
        "100 more labels are needed, these among them (100 errors in 800 labels, 100 of"
    ) in said


def test_people_get_one_sentence_a_chart_and_the_command(recommend):
    """What it says, what it rests on, and what a person has to do."""
    result = recommend()
    said = " ".join(result.stdout.split())
    for words in (
        "CERTIFIED: with autonomy_confidence at 0.89 at most 5 % of what goes out unreviewed is wrong, at 95 %",
        "11 errors in 430 labels, 2 of them because nobody looked yet, upper bound 4.79 %",
        "55.00 % of what it decides would go out unreviewed, 33.00 % do at 0.93",
        "◆ certified (0.89)",
        "answer 1 on new evidence in this scope; it spent 0.0304 of 0.05",
        "Nothing is changed. To apply it:",
        "oversight thresholds set autonomy_confidence 0.89 --policy retail_banking -m 'certificate 4f2a4f2a4f2a'",
    ):
        assert words in said


def test_the_command_has_every_digit_of_the_value(recommend, insight):
    """A rounded value is another one, and may be more lenient than what is proven."""
    insight.answers["RecommendThresholds"].threshold = 0.8912345678901235
    assert "set autonomy_confidence 0.8912345678901235 --policy" in recommend("--intent", "card_status").stdout
    assert "--intent card_status -m" in recommend("--intent", "card_status").stdout


def test_a_value_that_is_in_force_needs_no_command(recommend, insight):
    """There is nothing to do."""
    insight.answers["RecommendThresholds"].value_in_force = 0.89
    said = recommend().stdout
    assert "This value is in force already." in said
    assert "thresholds set" not in said


def test_the_stored_answer_says_that_it_spent_nothing(recommend, insight):
    """Otherwise people would not dare to ask again."""
    insight.answers["RecommendThresholds"].stored = True
    insight.answers["RecommendThresholds"].erased = 12
    said = recommend().stdout
    assert "asking again spent nothing" in said
    assert "12 decisions counted as wrong at every value: their attributes are erased, and rules read" in said


def test_the_question_is_sent_whole(recommend, insight):
    """A department is that of its policy; where there is none of that name, a scope of the default policy."""
    words = "--confidence 0.9 --threshold autonomy_confidence --intent i --currency SEK --model-version m --claims 3"
    assert 0 == recommend("--department", "retail_banking", *words.split(), "--window-days", "30").exit_code
    assert 0 == recommend("--department", "telecom").exit_code
    first, second = insight.requests["RecommendThresholds"]
    expected = pb.RecommendThresholdsRequest(
        policy="retail_banking",
        scope=pb.ThresholdScope(intent="i", currency="SEK"),
        name="autonomy_confidence",
        max_error=0.05,
        confidence=0.9,
        model_version="m",
        claims=3,
        window_days=30,
    )
    assert expected == first
    assert ("", "telecom") == (second.policy, second.scope.department)
    assert (False, False) == (second.HasField("claims"), second.HasField("window_days"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-error", "5"), "--max-error 5: expected a number between 0 and 1"),
        (("--confidence", "95"), "--confidence 95: expected a number between 0 and 1"),
        (("--window-days", "0"), "--window-days"),
        (("--claims", "0"), "--claims"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_spent(recommend, insight, words, said):
    """A question that was mistyped must not cost a part of the chance of error."""
    result = recommend(*words)
    assert 2 == result.exit_code
    assert said in result.stderr
    assert "RecommendThresholds" not in insight.requests


def test_the_chart_has_bounds_above_what_was_seen_and_the_target_between():
    """A chart that is drawn upside down still looks like one."""
    proofs = [
        CandidateProof(0.9, 200, 2, 0, 0.03, 0.01, 0.2, tested=True),
        CandidateProof(0.8, 300, 24, 0, 0.11, 0.9, 0.9, tested=False),
        CandidateProof(0.7, 0, 0, 0, 1.0, 1.0, 1.0, tested=False),
    ]
    text = draw_risk(proofs, 0.05, 0.9).plain
    rows = [line[9:] for line in text.splitlines() if "┤" in line or line.startswith("        │")]
    where = {mark: [number for number, row in enumerate(rows) if mark in row] for mark in "◆▲o·─"}
    (target,) = where["─"]
    (chosen,) = where["◆"]
    assert [] == where["▲"], "the only one tested is the chosen one"
    assert target <= chosen
    assert max(where["o"]) >= chosen, "what was seen is not above its bound"
    assert 0 == min(where["·"]), "a bound of 100 % is at the edge, and does not flatten the rest"
    assert min(where["o"]) < target < max(where["o"])
    assert 12 == rows[chosen].index("◆")


def test_the_page_shows_risk_against_coverage_with_the_numbers_of_the_json(recommend, tmp_path):
    """The curve is what a committee will look at."""
    found = json.loads(recommend("--json", "--html", tmp_path / "c.html").stdout)
    page = read_page(tmp_path / "c.html")
    assert [] == page.loads
    assert "CERTIFIED" in page.text
    assert "target 5 %" in page.text
    expected = [
        one[name]
        for one in found["candidates"]
        for name in ("threshold", "autonomy", "n", "errors", "missed", "upper_bound", "p_value")
    ]
    assert expected == [value for value, _ in page.numbers]
    assert "0.89: at most 4.79 % wrong, 55.00 % unreviewed" in page.text


def test_the_page_of_a_no_is_a_no(recommend, insight, tmp_path):
    """Without candidates there is no curve, and no command."""
    insight.answers["RecommendThresholds"] = refused()
    recommend("--html", tmp_path / "n.html")
    page = read_page(tmp_path / "n.html")
    assert "NO_SAFE_THRESHOLD" in page.text
    assert "thresholds set" not in page.text
