"""`oversight decide` and `oversight outcome`, against a server that answers as told."""

import json
import time
from datetime import UTC, datetime

import pytest

from oversight.v1 import decision_pb2 as shared
from oversight.v1 import outcome_pb2

ROUTINE = ("decide", "--intent", "order_status", "--response-confidence", "0.97")


def test_a_decision_is_one_json_object(ask):
    """What scripts and the other commands build on."""
    result = ask(*ROUTINE, "--json")
    decision = json.loads(result.stdout)
    assert (0, "") == (result.exit_code, result.stderr)
    assert ("HUMAN_ON_THE_LOOP", "NONE", False) == tuple(decision[key] for key in ("tier", "escalation", "escalate"))
    assert ("ROUTINE", "DEFAULT", True) == tuple(decision[key] for key in ("reason", "evaluation", "recorded"))
    assert {"name": "contact_centre", "version": "3", "commit": "c0ffee", "digest": "d" * 64} == decision["policy"]
    assert ["ROUTINE"] == [reason["code"] for reason in decision["reasons"]]
    assert 32 == len(decision["decision_id"])


def test_a_reason_has_the_value_seen_and_its_limit(ask):
    """Without both, nobody can tell whether the limit or the value is wrong."""
    decision = json.loads(ask(*ROUTINE, "--sentiment-score=-0.8", "--json").stdout)
    assert ("HUMAN_AS_THE_LOOP", "TRANSFER") == (decision["tier"], decision["escalation"])
    assert [
        {
            "signal": "sentiment_score",
            "observed": -0.8,
            "operator": "below",
            "limit": -0.5,
            "limit_source": "negative_sentiment file",
        }
    ] == decision["reasons"][0]["comparisons"]


def test_people_read_the_tier_with_its_role_and_every_reason(ask):
    """The panel says what to do before it says which ids there are."""
    shown = ask(*ROUTINE, "--sentiment-score", "-0.8").stdout
    for words in (
        "Human as the loop: a person leads, the AI assists",
        "transfer to a person now",
        "NEGATIVE_SENTIMENT The customer is upset.",
        "sentiment_score -0.8 below -0.5  (negative_sentiment file)",
        "in shadow, without effect: NEW_RULE Tried out.",
        "absent though required: anomaly_score",
        "within 60 s, then transfer",
        "contact_centre 3, commit c0ffee, digest dddddddddddd",
        "selected for a check, at 5.00 %",
    ):
        assert words in shown


def test_a_decision_that_is_not_on_record_says_so(ask, desk):
    """Somebody must look at that server."""
    desk.recorded = False
    assert "NOT ON RECORD" in ask(*ROUTINE).stdout


def test_every_kind_of_option_reaches_the_server(ask, desk):
    """One of each: text, numbers, enums, yes and no, lists, digests, times and attributes."""
    assert (
        0
        == ask(
            *("decide", "--department", "bank", "--turn-index", "0", "--held-tier", "HUMAN_IN_THE_LOOP"),
            *("--channel", "voice", "--intent-confidence", "0.5", "--human-requested", "--no-reversible"),
            *("--amount-minor", "1200", "--guardrail-flag", "pii", "--guardrail-flag", "fraud"),
            *("--draft-sha256", "ab" * 32, "--signal-time", "2025-06-01T09:30:00+00:00"),
            *("--attribute", "years=7", "--attribute", "plan=gold"),
        ).exit_code
    )
    [request] = desk.requests
    assert ("bank", shared.TIER_HUMAN_IN_THE_LOOP) == (request.department, request.held_tier)
    assert (shared.CHANNEL_VOICE, 0.5, 1200) == (request.channel, request.intent_confidence, request.amount_minor)
    assert (0, True) == (request.turn_index, request.HasField("turn_index"))
    assert (True, False, True) == (request.human_requested, request.reversible, request.HasField("reversible"))
    assert ["pii", "fraud"] == list(request.guardrails.flags)
    assert bytes.fromhex("ab" * 32) == request.draft_sha256
    assert datetime(2025, 6, 1, 9, 30, tzinfo=UTC) == request.signal_time.ToDatetime(UTC)
    assert (7, "gold") == (request.attributes["years"].int_value, request.attributes["plan"].string_value)


@pytest.mark.parametrize(("words", "ran"), [((), False), (("--guardrails-checked",), True)])
def test_a_check_that_raised_nothing_is_not_the_same_as_none(ask, desk, words, ran):
    """Absent is not zero."""
    ask(*ROUTINE, *words)
    assert ran is desk.requests[0].HasField("guardrails")
    assert [] == list(desk.requests[0].guardrails.flags)


def test_what_is_left_out_is_absent(ask, desk):
    """A default of 0 or no would be a value nobody measured."""
    ask("decide")
    named = [field.name for field, _ in desk.requests[0].ListFields()]
    assert ["request_id"] == named


def test_a_value_that_the_server_refuses_is_usage(ask):
    """Its words name the field, and the exit code is that of any other typing error."""
    result = ask("decide", "--response-confidence", "7", "--json")
    assert 2 == result.exit_code
    assert {
        "reason": "INVALID_REQUEST",
        "message": "response_confidence: 7.0 is not in 0..1",
        "field": "response_confidence",
        "code": "INVALID_ARGUMENT",
    } == json.loads(result.stdout)["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--draft-sha256", "xyz"), "draft_sha256"),
        (("--amount-minor", "9" * 30), "amount_minor"),
        (("--timeout", "0"), "--timeout 0"),
        (("--attribute", "nope"), "'nope' is not NAME=VALUE"),
    ],
)
def test_a_value_that_cannot_be_sent_is_usage(ask, words, said):
    """Nothing is sent, and the message names the field."""
    result = ask("decide", *words)
    assert 2 == result.exit_code
    assert said in result.stderr


@pytest.mark.parametrize(
    "command", [("decide",), ("explain", "0" * 32), ("outcome", "--outcome-id", "o", "--decision-id", "d")]
)
def test_no_server_is_said_with_its_address_and_what_to_do(run, command):
    """At once, whatever the timeout, and no decision is printed that no server made."""
    began_s = time.monotonic()
    result = run(*command, "--target", "127.0.0.1:1", "--timeout", "600")
    assert (1, "") == (result.exit_code, result.stdout)
    assert "no answer from 127.0.0.1:1: start a server with `oversight serve`, or name another" in result.stderr
    assert "Connection refused" in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert time.monotonic() - began_s < 60


def test_a_server_that_does_not_answer_in_time_is_said_with_the_time(run, silent):
    """It may be there and be stuck: then the timeout is what ended the call."""
    result = run("decide", "--target", silent, "--timeout", "0.2")
    assert (1, "") == (result.exit_code, result.stdout)
    assert f"no answer from {silent} within 0.2 s (--timeout): start a server with `oversight serve`" in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_another_machine_needs_tls_or_a_word(run):
    """Customers' signals must not cross a network in the clear by mistake."""
    result = run("decide", "--target", "192.0.2.1:50051", "--timeout", "0.2")
    assert 2 == result.exit_code
    assert "not on this machine" in result.stderr
    insecure = run("decide", "--target", "192.0.2.1:50051", "--timeout", "0.2", "--insecure")
    assert 1 == insecure.exit_code


def test_an_outcome_reaches_the_server(ask, desk):
    """Every fact under its own name."""
    result = ask(
        *("outcome", "--outcome-id", "o-1", "--decision-id", "d" * 32, "--verdict", "taken_over"),
        *("--label-basis", "review", "--error-category", "wrong_fact", "--no-escalated", "--csat", "2"),
        *("--observed-at", "2025-06-01T09:30:00Z", "--json"),
    )
    assert {"outcome_id": "o-1", "decision_id": "d" * 32} == json.loads(result.stdout)
    outcome = desk.outcomes[0].outcome
    assert (outcome_pb2.VERDICT_TAKEN_OVER, outcome_pb2.LABEL_BASIS_REVIEW) == (outcome.verdict, outcome.label_basis)
    assert (True, False, 2.0) == (outcome.HasField("escalated"), outcome.escalated, outcome.csat)
    assert "2025-06-01T09:30:00Z" == outcome.observed_at.ToJsonString()


def test_an_outcome_on_record_is_confirmed_in_words(ask):
    """The command returns only once the outcome cannot be lost."""
    result = ask("outcome", "--outcome-id", "o-1", "--decision-id", "d" * 32)
    assert f"outcome o-1 of decision {'d' * 32} is on record\n" == result.stdout


def test_an_outcome_must_say_what_it_is_about(ask, desk):
    """Both ids, and nothing is sent without them."""
    result = ask("outcome", "--verdict", "approved")
    assert 2 == result.exit_code
    assert "--outcome-id and --decision-id must be given" in result.stderr
    assert [] == desk.outcomes


@pytest.fixture
def known(monkeypatch, tmp_path):
    """Rule files of this machine that know one intent and one department."""
    (tmp_path / "contact_centre.yaml").write_text('policy: contact_centre\nversion: "1"\nintents: [order_status]\n')
    (tmp_path / "bank.yaml").write_text('policy: retail_banking\nversion: "1"\nextends: contact_centre\n')
    monkeypatch.setenv("OVERSIGHT_POLICY", str(tmp_path))
    return tmp_path


def test_an_unknown_name_gets_a_suggestion(ask, desk, known):
    """The reply only says that it is unknown; one letter is often all that is wrong."""
    desk.unknown = ("UNKNOWN_INTENT", "UNKNOWN_DEPARTMENT")
    result = ask("decide", "--intent", "ordr_status", "--department", "retail_bankin", "--json")
    assert 0 == result.exit_code
    assert f"intent 'ordr_status' is unknown (did you mean 'order_status'? {known} has it)" in result.stderr
    assert f"department 'retail_bankin' is unknown (did you mean 'retail_banking'? {known} has it)" in result.stderr
    assert "reasons" in json.loads(result.stdout)


def test_a_name_that_these_files_know_is_no_suggestion(ask, desk, known):
    """Only the server lacks it: nothing was misspelt."""
    desk.unknown = ("UNKNOWN_DEPARTMENT",)
    assert "" == ask("decide", "--department", "retail_banking").stderr
    assert "did you mean 'retail_banking'" in ask("decide", "--department", "Retail_Banking").stderr


def test_without_a_name_like_it_or_rule_files_there_is_no_suggestion(ask, desk, known):
    """A hint is no part of the decision: where it cannot be given, nothing is lost."""
    desk.unknown = ("UNKNOWN_INTENT",)
    assert "" == ask("decide", "--intent", "zzz").stderr
    (known / "contact_centre.yaml").write_text("nonsense")
    result = ask("decide", "--intent", "ordr_status")
    assert (0, "") == (result.exit_code, result.stderr)
