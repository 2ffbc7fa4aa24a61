"""What a warning says: what was found, with its figures, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oversight.feedback.signs import Finding, Sign, State
from oversight.insight.places import Found

__all__ = ["describe"]


def describe(found: Found) -> str:
    """Return one or two sentences for people who lead a department."""
    finding = found.finding
    if finding.state is State.INSUFFICIENT_DATA:
        return f"{_TOO_LITTLE[finding.sign]} ({finding.n} so far): nothing is known here, and that is not OK."
    words = _FOUND[finding.sign](found)
    if finding.state is State.BIASED:
        return f"{words} Other customers answered than before, so this cannot be compared. {_BIASED}"
    return f"{words} {_TO_DO[finding.sign]}" if finding.state.raised else f"Nothing found. {words}"


_TOO_LITTLE: Mapping[Sign, str] = {
    Sign.CSAT_FALLS: "It takes 100 satisfaction scores of AI-handled contacts in 14 days, and in the 28 before",
    Sign.REPEAT_CONTACT_RISES: "It takes 400 contacts, ten days old, of which it is known whether the customer "
    "came back, half of them to compare with, and some of the last 14 days",
    Sign.UNEXPECTED_ESCALATIONS: "It takes 100 decisions of 14 days, the last five left out, of which it is known "
    "whether they went to a person, and as many of the 28 before",
    Sign.REVIEWS_SKIPPED: "It takes 50 due reviews or audits of 28 days, 50 done ones, and their times or planted "
    "errors",
    Sign.ERROR_RATE_UNKNOWN: "There were no decisions on or in the loop in 14 days",
}

_BIASED = "Look at how and when customers are asked, and wait until that is steady."

_TO_DO: Mapping[Sign, str] = {
    Sign.CSAT_FALLS: "Read a dozen badly scored conversations, and raise the confidence that the AI needs until they "
    "are explained.",
    Sign.REPEAT_CONTACT_RISES: "Read conversations whose customers came back, and raise the confidence that the AI "
    "needs until they are explained.",
    Sign.UNEXPECTED_ESCALATIONS: "Read such conversations, and add a rule, or tighten one, that sends them to people "
    "at once.",
    Sign.REVIEWS_SKIPPED: "Give reviewers the time, or fewer reviews, and talk about those that were skipped.",
    Sign.ERROR_RATE_UNKNOWN: "Raise the audit rate there, and see that audits are done.",
}


def _csat(found: Found) -> str:
    finding = found.finding
    change = finding.value or 0.0
    moved = "fell" if change < 0 else "rose"
    text = (
        f"Satisfaction with what the AI handled {moved} by {abs(change):.2f} points in 14 days against the 28 before "
        f"({_interval(finding)}; {finding.n} scores)"
    )
    if not finding.state.raised:
        return f"{text}."
    beside = finding.details.get("ai_less_human")
    people = "" if beside is None else f" It is {abs(beside):.2f} {'below' if beside < 0 else 'above'} people's."
    return f"{text}, while its volume rose.{people}"


def _repeats(found: Found) -> str:
    finding = found.finding
    value, baseline = _percent(finding.value), _percent(finding.baseline)
    return (
        f"Of the last {finding.details.get('recent_contacts', 0):.0f} contacts {value} came back about the same "
        f"matter, {baseline} before."
    )


def _escalations(found: Found) -> str:
    finding = found.finding
    of = "" if found.place.rule_id is None else f" for which rule {found.place.rule_id!r} was the first reason"
    return (
        f"{_percent(finding.value)} of {finding.n} decisions of 14 days{of} went to people although nothing asked for "
        f"it, {_percent(finding.baseline)} in the 28 days before."
    )


def _reviews(found: Found) -> str:
    finding = found.finding
    parts = [f"{_percent(finding.value)} of {finding.n} due reviews and audits of 28 days were done"]
    caught, median_s = finding.details.get("stamps_caught_share"), finding.details.get("stamps_median_review_s")
    if caught is not None:
        parts.append(f"{_percent(caught)} of planted errors were caught")
    if median_s is not None:
        approved = _percent(finding.details.get("stamps_approved_share"))
        parts.append(f"{approved} were approved in {median_s:.0f} s (median)")
    busy = " and the more work there was, the more were skipped" if _with_load(finding) else ""
    return f"{', '.join(parts)}{busy}."


def _with_load(finding: Finding) -> bool:
    return finding.p_value is not None and max(finding.p_value, finding.details.get("p_load", 0.0)) < _LEVEL


_LEVEL = 0.01


def _unknown(found: Found) -> str:
    where = ", ".join(repr(intent) if intent else "no intent" for intent in found.worst)
    most = f", most of it for {where}" if where else ""
    return (
        f"For {_percent(found.finding.value)} of {found.finding.n} decisions of 14 days nobody knows how often the AI "
        f"errs{most}."
    )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"


def _interval(finding: Finding) -> str:
    if finding.low is None or finding.high is None:
        return "no interval"
    return f"95 % interval {finding.low:+.2f} to {finding.high:+.2f}"


_FOUND: Mapping[Sign, Callable[[Found], str]] = {
    Sign.CSAT_FALLS: _csat,
    Sign.REPEAT_CONTACT_RISES: _repeats,
    Sign.UNEXPECTED_ESCALATIONS: _escalations,
    Sign.REVIEWS_SKIPPED: _reviews,
    Sign.ERROR_RATE_UNKNOWN: _unknown,
}
