"""Cases: how they run, what they say when they fail, and what they cover."""

from __future__ import annotations

import pytest

from oversight.errors import InvalidPolicyError
from oversight.rules.cases import run_cases
from oversight.rules.load import load
from oversight.rules.source import RuleFiles

POLICY = (
    "policy: contact_centre\nintents: [order_status, complaint]\nrequired_signals: [intent]\n"
    "thresholds:\n  low: {description: a, default: 0.5, min: 0.3, max: 0.9, tightens: raise}\n"
    "rules:\n"
    "  - {id: a, when: {any: [{tool_failed: true}, {response_confidence: {below: $low}}]}, tier: human_in_the_loop,"
    " escalation: offer, reason: A, message: a}\n"
    "  - {id: b, when: {intent: complaint}, tier: human_as_the_loop, reason: B, message: b}\n"
)


def files_with(cases, **more):
    return RuleFiles({"contact_centre.yaml": POLICY, "contact_centre_test.yaml": cases, **more})


def run(cases, **more):
    files = files_with(cases, **more)
    return run_cases(files, load(files, default_policy="contact_centre"), default_policy="contact_centre")


def head(cases):
    return f"policy: contact_centre\ndefaults: {{intent: order_status}}\ncases:\n{cases}"


def test_a_case_that_holds_passes():
    """Nothing but the expected may come out."""
    report = run(head("  - {name: a, request: {tool_failed: true}, expect: {tier: human_in_the_loop, reasons: [A]}}\n"))
    (result,) = report.results

    assert ("contact_centre_test.yaml", 4, "a", "contact_centre", ()) == (
        result.file, result.line, result.name, result.policy, result.failures,
    )  # fmt: skip
    assert result.passed
    assert () == report.failed


def test_a_case_that_fails_says_what_was_expected_and_what_came():
    """The author has to see at once which of the two is wrong: the rule or the case."""
    report = run(
        head(
            "  - name: a\n    request: {tool_failed: true, intent: null}\n"
            "    expect: {tier: human_as_the_loop, escalation: none, reasons: [B, A], shadow_reasons: [C],"
            " missing_signals: [], evaluation: default}\n"
        )
    )

    assert (
        "tier: expected human_as_the_loop, got human_in_the_loop",
        "escalation: expected none, got offer",
        "reasons: expected [B, A], got [A, SIGNAL_MISSING]",
        "shadow_reasons: expected [C], got []",
        "missing_signals: expected [], got [intent]",
        "evaluation: expected default, got matched",
    ) == report.results[0].failures
    assert report.results == report.failed


def test_coverage_counts_each_way_of_each_rule_and_comparison():
    """A comparison that no case makes false could be dropped unnoticed."""
    report = run(
        head(
            "  - {name: a, request: {tool_failed: true}, expect: {reasons: [A]}}\n"
            "  - {name: b, request: {response_confidence: 0.9, tool_failed: false}, expect: {reasons: [ROUTINE]}}\n"
        )
    )

    assert (
        "contact_centre.yaml:7: rule 'a': 'response_confidence below $low' is never true in a case",
        "contact_centre.yaml:8: rule 'b' never matches in a case",
        "contact_centre.yaml:8: rule 'b': 'intent equals complaint' is never true in a case",
    ) == report.uncovered
    assert 7 / 10 == report.coverage
    assert [False, False] == [rule.complete for rule in report.rules]


def test_an_absent_signal_covers_nothing():
    """Unknown is neither true nor false."""
    report = run(head("  - {name: a, expect: {reasons: [ROUTINE]}}\n"))

    assert [(False, False), (False, False)] == [(one.hit, one.missed) for one in report.rules[0].comparisons]


def test_full_coverage_is_one():
    """Then nothing is left to say."""
    report = run(
        head(
            "  - {name: a, request: {tool_failed: true}, expect: {reasons: [A]}}\n"
            "  - {name: b, request: {response_confidence: 0.9, tool_failed: false}, expect: {reasons: [ROUTINE]}}\n"
            "  - {name: c, request: {response_confidence: 0.4, intent: complaint}, expect: {reasons: [B, A]}}\n"
        )
    )

    assert (1.0, (), True) == (report.coverage, report.uncovered, all(rule.complete for rule in report.rules))


def test_without_cases_every_rule_is_untried():
    """A set without tests must not look tested."""
    files = RuleFiles({"contact_centre.yaml": POLICY})
    report = run_cases(files, load(files, default_policy="contact_centre"), default_policy="contact_centre")

    assert (
        "contact_centre.yaml:7: rule 'a' is tried by no case",
        "contact_centre.yaml:8: rule 'b' is tried by no case",
    ) == report.uncovered
    assert 0 == report.coverage


def test_a_rule_that_always_matches_is_told():
    """Its case would pass without its condition."""
    report = run(head("  - {name: a, request: {intent: complaint, tool_failed: true}, expect: {reasons: [B, A]}}\n"))

    assert "contact_centre.yaml:8: rule 'b' matches in every case" in report.uncovered


def test_a_set_without_rules_is_covered():
    """There is nothing to cover."""
    files = RuleFiles({"a.yaml": "policy: a\nunknown_intent: allow\n"})

    assert 1.0 == run_cases(files, load(files, default_policy="a"), default_policy="a").coverage


def test_the_policy_under_test_is_picked_by_its_department():
    """Cases of a department need not say it in every request."""
    child = "policy: bank\nextends: contact_centre\nintents: [card]\n"
    cases = (
        "policy: bank\ncases:\n"
        "  - {name: a, request: {intent: card}, expect: {reasons: [ROUTINE]}}\n"
        "  - name: b\n"
        "    request: {intent: card, department: elsewhere}\n"
        "    expect: {reasons: [UNKNOWN_DEPARTMENT, UNKNOWN_INTENT]}\n"
        "  - {name: c, request: {intent: order_status, department: null}, expect: {reasons: [ROUTINE]}}\n"
    )
    report = run(head("  - {name: a, expect: {tier: human_on_the_loop}}\n"), **{"b.yaml": child, "b_test.yaml": cases})

    assert () == report.failed
    assert 4 == len(report.results)


def test_a_parents_rule_may_be_tried_through_its_child():
    """It is the same rule."""
    child = "policy: bank\nextends: contact_centre\n"
    cases = "policy: bank\ncases:\n  - {name: a, request: {intent: complaint}, expect: {tier: human_as_the_loop}}\n"
    report = run(head("  - {name: a, expect: {tier: human_on_the_loop}}\n"), **{"b.yaml": child, "b_test.yaml": cases})

    assert [("contact_centre", "b", True)] == [
        (r.policy, r.rule_id, r.matched) for r in report.rules if r.rule_id == "b"
    ]


def test_what_surrounds_a_request_can_be_set():
    """Stops, live values, the time, what the server knows: a case can be any moment of production."""
    report = run(
        head(
            "  - {name: a, stops: [everything], expect: {reasons: [OVERSIGHT_STOP]}}\n"
            "  - {name: b, stops: [{intent: complaint, department: x}], expect: {reasons: [ROUTINE]}}\n"
            "  - {name: c, request: {response_confidence: 0.6}, thresholds: {low: 0.7}, expect: {reasons: [A]}}\n"
            "  - {name: d, server: {record_unavailable: true}, expect: {evaluation: error}}\n"
            "  - {name: e, request: {held_tier: human_as_the_loop}, expect: {reasons: [TIER_HELD]}}\n"
        )
    )

    assert () == report.failed


def problems_of(cases):
    files = files_with(cases)
    with pytest.raises(InvalidPolicyError) as caught:
        run_cases(files, load(files, default_policy="contact_centre"), default_policy="contact_centre")
    return [str(problem) for problem in caught.value.problems]


FILES = {
    "policy: contact_center\ncases:\n  - {name: a, expect: {tier: human_in_the_loop}}\n": (
        "1:1: no file declares the policy 'contact_center' that these cases are about (did you mean 'contact_centre'?)"
    ),
    "policy: contact_centre\n": "1:1: 'cases' is missing",
    "policy: contact_centre\ncases: []\n": "2:1: 'cases' must not be empty",
    "policy: contact_centre\ndefaults: [intent]\ncases: [{name: a, expect: {tier: human_in_the_loop}}]\n": (
        "2:1: 'defaults' must hold signals with their values"
    ),
    "policy: contact_centre\ndefaults: {intnt: a}\ncases: [{name: a, expect: {tier: human_in_the_loop}}]\n": (
        "2:12: unknown request field 'intnt' (did you mean 'intent'?)"
    ),
    "- a\n": "1:1: a rule file holds keys and values and starts with 'policy: NAME'",
}

CASES = {
    "{name: a}": "4:5: 'expect' is missing",
    "{name: a, expect: {}}": "4:15: 'expect' must name at least one thing, such as tier",
    "{name: a, expect: {teir: human_in_the_loop}}": (
        "4:24: unknown key 'teir'; known here are escalation, evaluation, missing_signals, reasons, shadow_reasons, "
        "tier (did you mean 'tier'?)"
    ),
    "{name: a, expect: {reasons: }}": "4:24: 'reasons' has no value; give it one or remove the line",
    "{name: a, expect: {evaluation: MATCHED}}": (
        "4:24: 'evaluation' is matched, default, stale, error, not 'MATCHED' (did you mean 'matched'?)"
    ),
    "{name: a, stops: [all], expect: {tier: human_in_the_loop}}": (
        "4:23: 'stops', item 1, must name a department or an intent, or be the word everything"
    ),
    "{name: a, stops: [{}], expect: {tier: human_in_the_loop}}": (
        "4:23: 'stops', item 1, must name a department or an intent, or be the word everything"
    ),
    "{name: a, server: {labelled: 1}, expect: {tier: human_in_the_loop}}": (
        "4:24: unknown key 'labelled'; known here are labelled_outcomes, policy_age_s, record_unavailable, "
        "threshold_age_s (did you mean 'labelled_outcomes'?)"
    ),
    "{name: a, thresholds: {lo: 0.5}, expect: {tier: human_in_the_loop}}": (
        "4:15: 'contact_centre' has no threshold 'lo' (did you mean 'low'?)"
    ),
    "{name: a, thresholds: {low: 0.2}, expect: {tier: human_in_the_loop}}": (
        "4:15: 0.2 is out of bounds: 'low' must be from 0.3 to 0.9"
    ),
    "{name: a, decided_at: today, expect: {tier: human_in_the_loop}}": (
        "4:15: 'decided_at' must be a date and time with its zone, such as 2026-12-24T08:00:00+01:00 or "
        "2026-12-24T07:00:00Z, not 'today'"
    ),
}

REQUESTS = {
    "{respnse_confidence: 1}": "4:25: unknown request field 'respnse_confidence' (did you mean 'response_confidence'?)",
    "{response_confidence: 1.5}": "4:25: response_confidence is a number from 0 to 1; it can never be 1.5",
    "{intent_margin: 0.1}": (
        "4:25: 'intent_margin' is not sent with a request: it is intent_confidence minus intent_runner_up_confidence; "
        "give those"
    ),
    "{signal_age_s: 1}": (
        "4:25: 'signal_age_s' is not sent with a request: it is decided_at minus signal_time; give those"
    ),
    "{labelled_outcomes: 1}": (
        "4:25: 'labelled_outcomes' is not sent with a request: the server adds it; write it under 'server'"
    ),
    "{intent_confidence: 0.5, intent_runner_up_confidence: 0.6}": (
        "4:49: the runner-up's confidence (0.6) is above the intent's (0.5)"
    ),
    "{customer_tier: VIP}": "4:25: customer_tier is standard, vip, enterprise, not 'VIP' (did you mean 'vip'?)",
    "{guardrail_flags: pii}": ("4:25: guardrail_flags is a list of at most 16 flags; [] where a check raised none"),
    "{guardrail_flags: [5]}": "4:43: guardrail_flags is the name of a flag, not 5 (put text in quotes)",
    "{attributes: region}": "4:25: attributes holds at most 32 names with their values",
    "{attributes: {region: [eu]}}": "4:38: the attribute 'region' is text, a number, true or false",
    "{attributes: {score: .inf}}": "4:38: the attribute 'score' is text, a number, true or false",
    "{signal_time: noon}": (
        "4:25: signal_time must be a date and time with its zone, such as 2026-12-24T08:00:00+01:00 or "
        "2026-12-24T07:00:00Z, not 'noon'"
    ),
    "{amount_minor: 9223372036854775808}": (
        "4:39: 'amount_minor': this whole number is beyond 64 bits: it must be from -9223372036854775808 to "
        "9223372036854775807; put text in quotes"
    ),
    '{intent: "\\0"}': "4:33: 'intent': this text holds U+0000 (NUL); write whole characters, or remove it",
    "{draft_sha256: abc}": "4:25: draft_sha256 is 64 hexadecimal digits in small letters, in quotes",
    "{conversation_id: 5}": "4:25: conversation_id is text of 1 to 128 characters",
    "[intent]": "4:15: 'request' must hold signals with their values",
}


@pytest.mark.parametrize(("text", "problem"), list(FILES.items()), ids=list(FILES))
def test_a_wrong_case_file_is_told_where_and_how(text, problem):
    """A case that is not run would be taken for one that passed."""
    assert [f"contact_centre_test.yaml:{problem}"] == problems_of(text)


@pytest.mark.parametrize(("case", "problem"), list(CASES.items()), ids=list(CASES))
def test_a_wrong_case_is_told_where_and_how(case, problem):
    """So would one whose expectation has a slip in it."""
    assert [f"contact_centre_test.yaml:{problem}"] == problems_of(head(f"  - {case}\n"))


@pytest.mark.parametrize(("request_text", "problem"), list(REQUESTS.items()), ids=list(REQUESTS))
def test_a_request_that_the_service_would_refuse_is_told(request_text, problem):
    """A case must not try what can never happen."""
    case = f"  - {{name: a, request: {request_text}, expect: {{tier: human_in_the_loop}}}}\n"

    assert [f"contact_centre_test.yaml:{problem}"] == problems_of(head(case))


def test_two_cases_cannot_have_one_name():
    """A report could not say which of them failed."""
    case = "  - {name: a, expect: {tier: human_in_the_loop}}\n"

    assert [
        "contact_centre_test.yaml:5:6: there is a case of this name in line 4 already; say what differs"
    ] == problems_of(head(case + case))


def test_every_field_of_a_request_can_be_given():
    """A case can be any request that the service takes."""
    report = run(
        head(
            "  - name: a\n"
            "    request:\n"
            "      {request_id: r, tenant_id: t, conversation_id: c, turn_index: 1, subject_ref: s, channel: chat,\n"
            "       held_tier: human_on_the_loop, language: en, intent_confidence: 0.9,\n"
            "       intent_runner_up_confidence: 0.1,\n"
            "       response_confidence: 0.9, grounding_score: 1, sentiment_score: -1, sentiment_trend: 0,\n"
            "       sentiment_source: voice, anomaly_score: 0, churn_risk: 0, customer_tier: vip, amount_minor: 1,\n"
            "       vulnerable_customer: false, human_requested: false, tool_failed: false, reversible: true,\n"
            "       proposed_action: reply, currency: EUR, failed_turns: 0, contacts_7d: 0, guardrail_flags: [],\n"
            "       model_version: m, signal_time: 2026-01-01T00:00:00Z, attributes: {a: 1, b: x, c: true, d: 0.5},\n"
            "       draft_sha256: " + "a" * 64 + "}\n"
            "    expect: {reasons: [ROUTINE]}\n"
        )
    )

    assert () == report.failed
