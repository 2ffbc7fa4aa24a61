"""`oversight warnings`, against an admin port that answers as told."""

import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from insight_answers import a_warning
from oversight.v1 import insight_service_pb2 as pb
from unit.cli.page_reader import read_page


@pytest.fixture(autouse=True)
def tested_now(insight):
    """The signs were tested an hour ago."""
    insight.answers["ListWarnings"].tested_at.FromDatetime(datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def warnings(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("warnings", *words, "--admin", insight.address)

    return invoke


def test_the_worst_comes_first_with_what_to_do(warnings):
    """At three in the morning the first lines must be enough."""
    result = warnings("--all")
    first, second, *_ = result.stdout.splitlines()
    assert "CRITICAL  Reviews are skipped, or done without looking: retail_banking, every intent, since 2026" in first
    assert "Give reviewers time" in second
    assert "INSUFFICIENT DATA  Escalations that nothing asked for" in result.stdout
    assert "rule sim_swap_check" in result.stdout


def test_a_critical_warning_is_exit_code_1(warnings, insight):
    """A script that looks every hour needs no eyes."""
    assert 1 == warnings().exit_code
    assert 1 == warnings("--json").exit_code
    del insight.answers["ListWarnings"].warnings[0]
    assert 0 == warnings().exit_code
    assert 0 == warnings("--json").exit_code


def test_a_test_that_failed_is_not_a_quiet_one(warnings, insight):
    """Any failure means more human: nothing found is nothing known here."""
    del insight.answers["ListWarnings"].warnings[:]
    insight.answers["ListWarnings"].problem = "the store could not be read"
    result = warnings()
    assert 1 == result.exit_code
    assert "! the signs are not tested as they should be: the store could not be read" in result.stdout


def test_an_old_test_says_nothing_about_today(warnings, insight):
    """Signs are tested once a day; two days without is a fault."""
    del insight.answers["ListWarnings"].warnings[:]
    insight.answers["ListWarnings"].tested_at.FromDatetime(datetime.now(UTC) - timedelta(days=3))
    result = warnings()
    assert 1 == result.exit_code
    assert "the signs were last tested 3 d ago" in result.stdout

    insight.answers["ListWarnings"].problem = "the signs were last tested 3 days ago"
    (doubt,) = [line for line in warnings().stdout.splitlines() if line.startswith("!")]
    assert "3 days ago" in doubt, "said once where the server has noticed, too"


def test_a_test_from_the_future_says_nothing_about_today(warnings, insight):
    """A clock was ahead; what was tested by it is no news."""
    del insight.answers["ListWarnings"].warnings[:]
    insight.answers["ListWarnings"].tested_at.FromDatetime(datetime.now(UTC) + timedelta(minutes=10))
    assert 0 == warnings().exit_code

    insight.answers["ListWarnings"].tested_at.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    result = warnings()
    assert 1 == result.exit_code
    assert "last tested at a time that is still to come" in result.stdout


def test_what_was_never_tested_is_not_called_quiet(warnings, insight):
    """A new server has nothing to be alarmed about, and nothing to be calm about."""
    insight.answers["ListWarnings"] = pb.ListWarningsResponse()
    result = warnings()
    assert 0 == result.exit_code
    assert "the signs were never tested yet" in result.stdout
    assert "no warning stands" not in result.stdout


def test_no_warning_is_said(warnings, insight):
    """An empty screen would be read as a failure."""
    answer = insight.answers["ListWarnings"]
    del answer.warnings[:]
    result = warnings()
    said = "no warning stands; tested and well: 1, too little data to tell: 1"
    assert (0, said) == (result.exit_code, result.stdout.splitlines()[0])
    answer.ok = answer.insufficient_data = 0
    assert "no warning stands: there was nothing on record to test" == warnings().stdout.splitlines()[0]


def test_machines_get_what_the_service_said(warnings):
    """Absent is null, states are bare names."""
    found = json.loads(warnings("--json", "--all").stdout)
    assert ["warnings", "left_out", "tested_at", "problem", "ok", "insufficient_data"] == list(found)
    first = found["warnings"][0]
    assert ("REVIEWS_SKIPPED", "CRITICAL", None, 0.61) == tuple(
        first[name] for name in ("sign", "state", "intent", "value")
    )


def test_filters_are_sent(warnings, insight):
    """Each as it was typed."""
    warnings("--sign", "reviews_skipped", "--department", "d", "--tenant", "t", "--all")
    expected = pb.ListWarningsRequest(sign=pb.WARNING_SIGN_REVIEWS_SKIPPED, department="d", tenant_id="t", all=True)
    assert [expected] == insight.requests["ListWarnings"]


def test_watching_looks_again_and_ends_with_what_was_seen_last(warnings, insight):
    """Lines where there is no terminal to redraw."""
    result = warnings("--watch", "0.1", "--looks", "3")
    assert (1, 3) == (result.exit_code, len(insight.requests["ListWarnings"]))
    assert 3 == result.stdout.count("CRITICAL")


def test_watching_goes_on_while_the_server_does_not_answer(warnings, insight):
    """A restart of the server must not end the watch; until the next look nothing is known."""
    insight.refusals.append((grpc.StatusCode.FAILED_PRECONDITION, "not now"))
    del insight.answers["ListWarnings"].warnings[:]
    result = warnings("--watch", "0.1", "--looks", "2", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert ("not now", [], 0) == (first["error"]["message"], second["warnings"], result.exit_code)

    insight.refusals.append((grpc.StatusCode.FAILED_PRECONDITION, "not now"))
    assert 1 == warnings("--watch", "0.1", "--looks", "1").exit_code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("5",), "SECONDS and --looks are about looking again: give --watch too"),
        (("--looks", "2"), "give --watch too"),
        (("--watch", "0"), "--watch 0: expected 0.1 to 86400 seconds"),
        (("--watch", "--html", "x.html"), "a page is of one moment"),
        (("--sign", "csat"), "csat_falls"),
    ],
)
def test_what_makes_no_sense_is_refused(warnings, words, said):
    """Exit code 2, with what was expected."""
    result = warnings(*words)
    assert 2 == result.exit_code
    assert said in result.stderr


def test_the_page_has_a_card_for_each_of_the_five_signs(warnings, insight, tmp_path):
    """A sign without a card would pass for one that is well."""
    insight.answers["ListWarnings"].warnings.append(
        a_warning(pb.WARNING_SIGN_ERROR_RATE_UNKNOWN, pb.WARNING_STATE_OK, "<script>alert(1)</script>")
    )
    result = warnings("--all", "--json", "--html", tmp_path / "w.html")
    page = read_page(tmp_path / "w.html")
    assert 5 == page.classes.count("card")
    assert {"critical", "warn", "biased", "insufficient_data", "ok"} <= set(page.classes)
    assert "Somebody must act." in page.text
    assert "<script>alert(1)</script>" in page.text, "as text"
    assert [] == page.loads
    shown = [one for one, _ in page.numbers]
    for one in json.loads(result.stdout)["warnings"]:
        for name in ("value", "low", "high", "baseline", "n", "p_value", "e_value"):
            assert one[name] is None or one[name] in shown


@pytest.mark.parametrize(
    ("first", "said", "kind"),
    [
        (0, "Somebody must act.", "bad"),
        (1, "Nothing is critical; somebody should look.", "open"),
        (2, "Nothing is critical; somebody should look.", "open"),
        (3, "No warning stands; tested and well: 1, too little data to tell: 1.", "unknown"),
        (4, "No warning stands; tested and well: 1.", "good"),
    ],
)
def test_only_what_was_tested_and_found_well_is_green(warnings, insight, tmp_path, first, said, kind):
    """Too little data is not OK, and neither are answers of other customers."""
    answer = insight.answers["ListWarnings"]
    del answer.warnings[:first]
    answer.insufficient_data = int(first < 4)
    warnings("--all", "--html", tmp_path / "w.html")
    page = read_page(tmp_path / "w.html")
    assert said in page.text
    assert kind in page.classes
    assert 1 == len({"bad", "open", "unknown", "good"} & set(page.classes))


def test_the_page_of_a_server_that_tested_nothing_is_not_green(warnings, insight, tmp_path):
    """A new server knows nothing."""
    insight.answers["ListWarnings"] = pb.ListWarningsResponse()
    warnings("--html", tmp_path / "w.html")
    page = read_page(tmp_path / "w.html")
    assert "Nothing was tested yet." in page.text
    assert "good" not in page.classes
