"""What is known of one decision and of what happened after it, as far as the statistics need it: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from oversight.engine.decision import Tier

__all__ = [
    "REPEAT_WINDOW_H",
    "DecisionFacts",
    "ErrorCategory",
    "HandledBy",
    "LabelBasis",
    "OutcomeFacts",
    "QaSubject",
    "Verdict",
    "counted",
    "escalation_of",
    "latest",
    "repeat_contact_of",
    "review_of",
]

REPEAT_WINDOW_H = 168
"""Hours after a contact within which a return is a repeat contact, where an outcome does not say otherwise."""


class Verdict(IntEnum):
    """What the reviewer did with the AI's draft; the API's numbers."""

    APPROVED = 1
    EDITED_MINOR = 2
    EDITED_MAJOR = 3
    REJECTED = 4
    TAKEN_OVER = 5
    NOT_REVIEWED = 6
    EXPIRED = 7


class LabelBasis(IntEnum):
    """Why there is a verdict; the API's numbers."""

    REVIEW = 1
    AUDIT = 2
    CENSUS = 3
    VOLUNTEERED = 4


_ASKED_FOR = frozenset({LabelBasis.REVIEW, LabelBasis.AUDIT, LabelBasis.CENSUS})


class ErrorCategory(IntEnum):
    """What was wrong with the AI's draft; the API's numbers."""

    WRONG_INTENT = 1
    WRONG_FACT = 2
    WRONG_ACTION = 3
    POLICY_BREACH = 4
    TONE = 5
    INCOMPLETE = 6
    NOT_AI = 7


class HandledBy(IntEnum):
    """Who handled the contact; the API's numbers."""

    AI = 1
    HUMAN = 2
    BOTH = 3


class QaSubject(IntEnum):
    """Whose work a quality score is about; the API's numbers."""

    AI = 1
    HUMAN = 2


class DecisionFacts(NamedTuple):
    """
    What the statistics need of one decision.

    `tier` is the API's number (1 on, 2 in, 3 as the loop); `audit_probability` in 0..1 is what was stored with it;
    `review_sla_s` is in seconds, None where the policy sets none.
    """

    decision_id: str
    decided_at_us: int
    tier: int
    escalate: bool = False
    audit_selected: bool = False
    audit_probability: float = 0.0
    review_sla_s: int | None = None


class OutcomeFacts(NamedTuple):
    """
    What the statistics need of one outcome; names, numbers, units and ranges are those of `Outcome` in the API.

    None is absent. `other_draft`: it judges another draft than the decided one. An outcome that was reported without
    `observed_at` has the time of its arrival.
    """

    observed_at_us: int
    verdict: int | None = None
    label_basis: int | None = None
    error_category: int | None = None
    handled_by: int | None = None
    escalated: bool | None = None
    escalation_expected: bool | None = None
    resolution: int | None = None
    repeat_contact: bool | None = None
    repeat_window_h: int | None = None
    csat: float | None = None
    review_time_s: float | None = None
    qa_score: float | None = None
    qa_rubric_version: str | None = None
    qa_subject: int | None = None
    qa_critical_fail: bool | None = None
    sla_met: bool | None = None
    planted: bool | None = None
    other_draft: bool = False


def counted(outcomes: Sequence[OutcomeFacts]) -> list[OutcomeFacts]:
    """Return the outcomes that say something about the decided draft: neither planted nor about another draft."""
    return [outcome for outcome in outcomes if not outcome.planted and not outcome.other_draft]


def latest(outcomes: Sequence[OutcomeFacts], name: str) -> Any:
    """
    Return the value of fact *name* that was observed last, None where no counted outcome has it.

    Of two observed in the same microsecond the greater counts (for flags: true), so that the order of the outcomes
    changes nothing. Verdicts are not read this way: see `labels`.
    """
    found = [
        (outcome.observed_at_us, getattr(outcome, name))
        for outcome in counted(outcomes)
        if getattr(outcome, name) is not None
    ]
    return max(found)[1] if found else None


def review_of(outcomes: Sequence[OutcomeFacts]) -> tuple[int | None, float | None]:
    """
    Return the verdict of the review, audit or census that was observed last, and the seconds that this one took.

    Both are of one outcome: the time of another review says nothing of this one. None where there is none, or where it
    has no time. What somebody volunteered is not read: nobody's due review is done by it. Of two observed in the same
    microsecond the greater verdict counts, then the longer time.
    """
    found = [
        (outcome.observed_at_us, outcome.verdict, -1.0 if outcome.review_time_s is None else outcome.review_time_s)
        for outcome in counted(outcomes)
        if outcome.verdict is not None and outcome.label_basis in _ASKED_FOR
    ]
    if not found:
        return None, None
    _, verdict, time_s = max(found)
    return verdict, None if time_s < 0 else time_s


def repeat_contact_of(outcomes: Sequence[OutcomeFacts]) -> bool | None:
    """
    Return whether the customer came back within 168 hours, as it was observed last; None where nobody said.

    What is said of another window is not read: more customers come back in a month than in a day, so that the two
    cannot be compared, and "no" comes as late as its window is long.
    """
    found: bool | None = latest(
        [one for one in outcomes if one.repeat_window_h in (None, REPEAT_WINDOW_H)], "repeat_contact"
    )
    return found


def escalation_of(decision: DecisionFacts, outcomes: Sequence[OutcomeFacts]) -> bool | None:
    """
    Return whether *decision* was followed by an unexpected escalation; None where it is not known.

    It was where the conversation went to a person (reported as escalated, or taken over) although the decision was on
    the loop without an escalation; or where somebody judged afterwards that an escalation which took place should not
    have (`escalation_expected` is false). Known is what an outcome says; silence is not "no".
    """
    taken_over = any(outcome.verdict == Verdict.TAKEN_OVER for outcome in counted(outcomes))
    escalated, expected = latest(outcomes, "escalated"), latest(outcomes, "escalation_expected")
    if escalated is None and expected is None and not taken_over:
        return None
    went = bool(escalated) or taken_over
    unforeseen = went and decision.tier == Tier.HUMAN_ON_THE_LOOP and not decision.escalate
    unneeded = expected is False and (went or decision.escalate)
    return unforeseen or unneeded
