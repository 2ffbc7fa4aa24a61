"""What warnings say: figures and what to do, in words that need no statistics."""

from __future__ import annotations

import pytest

from oversight.feedback.signs import Finding, Sign, State
from oversight.insight.places import Found, Place
from oversight.insight.warning_words import describe

PLACE = Place("acme", "orders", "order_change")
FOUND = {
    Sign.CSAT_FALLS: (
        {"ai_less_human": -0.2},
        (
            "Satisfaction with what the AI handled fell by 0.31 points in 14 days against the 28 before "
            "(95 % interval -0.40 to -0.22; 240 scores), while its volume rose. It is 0.20 below people's. Read a dozen"
        ),
    ),
    Sign.REPEAT_CONTACT_RISES: (
        {"recent_contacts": 90.0},
        "Of the last 90 contacts -31.0 % came back about the same matter, 12.0 % before. Read conversations",
    ),
    Sign.UNEXPECTED_ESCALATIONS: (
        {},
        "-31.0 % of 240 decisions of 14 days went to people although nothing asked for it",
    ),
    Sign.REVIEWS_SKIPPED: (
        {"stamps_caught_share": 0.5, "stamps_median_review_s": 4.0, "stamps_approved_share": 0.999},
        (
            "-31.0 % of 240 due reviews and audits of 28 days were done, 50.0 % of planted errors were caught, 99.9 % "
            "were approved in 4 s (median) and the more work there was, the more were skipped. Give reviewers"
        ),
    ),
    Sign.ERROR_RATE_UNKNOWN: (
        {},
        (
            "For -31.0 % of 240 decisions of 14 days nobody knows how often the AI errs, most of it for 'a', no "
            "intent. Raise"
        ),
    ),
}


def a_find(sign: Sign, state: State) -> Found:
    finding = Finding(sign, state, 240, -0.31, -0.40, -0.22, 0.12, p_value=0.001, details=FOUND[sign][0])
    return Found(PLACE, finding, ("a", "") if sign is Sign.ERROR_RATE_UNKNOWN else ())


@pytest.mark.parametrize("sign", Sign)
def test_a_warning_says_what_was_found_and_what_to_do(sign: Sign) -> None:
    """With the numbers; whoever reads it has not seen the table."""
    assert describe(a_find(sign, State.CRITICAL)).startswith(FOUND[sign][1])


@pytest.mark.parametrize("sign", Sign)
def test_what_is_not_known_says_what_it_takes(sign: Sign) -> None:
    """Never in words that could be read as well."""
    assert "(240 so far): nothing is known here, and that is not OK." in describe(a_find(sign, State.INSUFFICIENT_DATA))


def test_what_is_biased_and_what_is_ok_say_so() -> None:
    """A changed questionnaire is told as one."""
    assert "Other customers answered than before" in describe(a_find(Sign.CSAT_FALLS, State.BIASED))
    assert describe(a_find(Sign.CSAT_FALLS, State.OK)).startswith("Nothing found. Satisfaction")


def test_a_rule_is_named_and_what_is_missing_is_not_made_up() -> None:
    """Absent is not zero."""
    rule = Found(Place("acme", "orders", None, "low"), Finding(Sign.UNEXPECTED_ESCALATIONS, State.WARN, 240, 0.1))
    reviews = Found(PLACE, Finding(Sign.REVIEWS_SKIPPED, State.WARN, 240, 0.5))
    falls = Found(PLACE, Finding(Sign.CSAT_FALLS, State.WARN, 240, -0.2))

    assert "for which rule 'low' was the first reason" in describe(rule)
    assert "50.0 % of 240 due reviews and audits of 28 days were done. Give" in describe(reviews)
    assert "(no interval; 240 scores), while its volume rose. Read" in describe(falls)
