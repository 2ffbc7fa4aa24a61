"""`oversight explain`, against a server that answers as told."""

import json

DECISION_ID = "0123456789abcdef0123456789abcdef"


def test_every_rule_is_shown_with_what_became_of_it(ask):
    """Rules that did not match are the answer to half of all questions."""
    shown = ask("explain", DECISION_ID).stdout
    for words in (
        "Human as the loop",
        "decided 2025-06-01T09:30:00Z for local in 210 µs",
        "negative_sentiment",
        "matched",
        "unknown",
        "not matched (shadow)",
        "churn_risk absent above 0.7",
        "order_status",
        "outcome_id o-1, verdict REJECTED, label_basis REVIEW",
    ):
        assert words in shown


def test_a_stored_decision_is_one_json_object(ask):
    """The whole record, its outcomes and the replayed rules."""
    stored = json.loads(ask("explain", DECISION_ID, "--json").stdout)
    assert "HUMAN_AS_THE_LOOP" == stored["response"]["tier"]
    assert ["MATCHED", "UNKNOWN", "NOT_MATCHED"] == [rule["outcome"] for rule in stored["rules"]]
    assert None is stored["rules"][0]["comparisons"][0]["observed"]
    assert "REJECTED" == stored["outcomes"][0]["outcome"]["verdict"]


def test_an_unknown_decision_is_exit_code_1(ask):
    """The thing asked about is wrong, not the way it was asked."""
    result = ask("explain", "f" * 32, "--json")
    assert 1 == result.exit_code
    assert "NOT_FOUND" == json.loads(result.stdout)["error"]["code"]
