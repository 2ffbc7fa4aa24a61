"""What reviewers, auditors and customers do with one message, once the server has said how much oversight it gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from oversight.simulation.conduct import AFTER_DAYS
from oversight.simulation.messages import Message
from oversight_client.enums import ErrorCategory, HandledBy, LabelBasis, Resolution, Tier, Verdict
from oversight_client.fields import DecideFields, OutcomeFields
from oversight_client.values import Decision

__all__ = ["Report", "audit", "follow_up", "request_fields", "review"]

_CATEGORIES = (ErrorCategory.WRONG_FACT, ErrorCategory.INCOMPLETE, ErrorCategory.WRONG_ACTION, ErrorCategory.TONE)
_STAMP_S = 4.0
_MINOR_EDITS = 0.2
_LOW_SCORE = 3
_LOWEST, _HIGHEST = 1.0, 5.0


class Report(NamedTuple):
    """An outcome that is reported on the evening of a day, counted from that of the message."""

    after_days: int
    outcome: OutcomeFields


def request_fields(message: Message, department: str) -> DecideFields:
    """Return what a gateway sends of *message*."""
    return {
        "request_id": f"{message.day}-{message.number}",
        "department": department or None,
        "intent": message.intent,
        "intent_confidence": message.intent_confidence,
        "response_confidence": message.response_confidence,
        "sentiment_score": message.sentiment_score,
        "human_requested": message.human_requested,
        "model_version": message.conduct.model_version,
        "channel": "chat",
        "language": "en",
    }


def review(message: Message, decision: Decision) -> Iterator[OutcomeFields]:
    """
    Yield what comes of the review that a decision in the loop asks for, within its time.

    It is skipped the more often the more there is to do; stamped, which takes seconds and approves whatever is there;
    or done, and then a wrong draft is mostly recognised. Now and then a seeded error is shown beside the draft.
    """
    if decision.tier is not Tier.HUMAN_IN_THE_LOOP:
        return
    conduct, chances = message.conduct, message.chances
    skip_rate = conduct.skip_rate + (conduct.busy_skip_rate - conduct.skip_rate) * message.load
    if chances.skip < skip_rate:
        yield _verdict(decision, "review", LabelBasis.REVIEW, Verdict.NOT_REVIEWED)
        return
    stamped = chances.stamp < conduct.stamp_rate
    time_s = _STAMP_S if stamped else conduct.review_time_s * (0.5 + chances.review)
    recognised = message.wrong and not stamped and chances.catch < conduct.catch_rate
    found = _judge(message, decision, "review", LabelBasis.REVIEW, wrong=recognised)
    yield {**found, "review_time_s": time_s, "sla_met": True}
    if chances.planted < conduct.planted_rate:
        caught = not stamped and chances.planted_catch < conduct.catch_rate
        verdict = Verdict.REJECTED if caught else Verdict.APPROVED
        planted = _verdict(decision, "planted", LabelBasis.REVIEW, verdict)
        yield {**planted, "planted": True, "review_time_s": time_s}


def audit(message: Message, decision: Decision) -> Iterator[Report]:
    """Yield the audit of a decision that was drawn for one; auditors are always right, and sometimes do not come."""
    conduct, chances = message.conduct, message.chances
    if decision.audit_selected and chances.audit_skip >= conduct.audit_skip_rate:
        delay = int(chances.audit_delay * (conduct.audit_delay_days + 1))
        yield Report(delay, _judge(message, decision, "audit", LabelBasis.AUDIT, wrong=message.wrong))


def follow_up(message: Message, decision: Decision) -> Iterator[Report]:
    """
    Yield what customers do: the next day how the contact ended, after a week whether they came back.

    Who got a wrong reply without a person may complain: a verdict that somebody volunteered, which is no sample.
    """
    conduct, chances = message.conduct, message.chances
    alone = decision.tier is Tier.HUMAN_ON_THE_LOOP
    escalated = chances.escalate < conduct.escalation_rate if alone else decision.escalate
    ending: OutcomeFields = {
        "outcome_id": f"{decision.decision_id}-end",
        "decision_id": decision.decision_id,
        "handled_by": _handled_by(decision.tier, escalated=escalated),
        "escalated": escalated,
        "resolution": Resolution.CONFIRMED if chances.confirm < 0.5 else Resolution.ASSUMED,
    }
    score = _score(message, alone=alone and not escalated)
    answer_rate = conduct.csat_response_rate * (conduct.csat_bias if score < _LOW_SCORE else 1.0)
    if chances.answer < answer_rate:
        ending["csat"] = score
    yield Report(1, ending)
    came_back: OutcomeFields = {
        "outcome_id": f"{decision.decision_id}-week",
        "decision_id": decision.decision_id,
        "repeat_contact": chances.repeat < conduct.repeat_rate,
    }
    yield Report(AFTER_DAYS, came_back)
    if alone and message.wrong and chances.complain < conduct.complaint_rate:
        complaint = _judge(message, decision, "complaint", LabelBasis.VOLUNTEERED, wrong=True)
        yield Report(1, complaint)


def _score(message: Message, *, alone: bool) -> float:
    conduct = message.conduct
    mean = conduct.csat_mean if alone else conduct.csat_human_mean
    cost = conduct.csat_error_cost if alone and message.wrong else 0.0
    score = round(mean - cost + conduct.csat_spread * message.chances.mood)
    return min(_HIGHEST, max(_LOWEST, float(score)))


def _handled_by(tier: Tier, *, escalated: bool) -> HandledBy:
    if tier is Tier.HUMAN_AS_THE_LOOP:
        return HandledBy.HUMAN
    return HandledBy.BOTH if escalated or tier is Tier.HUMAN_IN_THE_LOOP else HandledBy.AI


def _judge(message: Message, decision: Decision, name: str, basis: LabelBasis, *, wrong: bool) -> OutcomeFields:
    category = message.chances.category
    if wrong:
        verdict = Verdict.REJECTED if category < 0.5 else Verdict.EDITED_MAJOR
        found = _verdict(decision, name, basis, verdict)
        found["error_category"] = _CATEGORIES[int(category * len(_CATEGORIES))]
        return found
    verdict = Verdict.EDITED_MINOR if category < _MINOR_EDITS else Verdict.APPROVED
    return _verdict(decision, name, basis, verdict)


def _verdict(decision: Decision, name: str, basis: LabelBasis, verdict: Verdict) -> OutcomeFields:
    return {
        "outcome_id": f"{decision.decision_id}-{name}",
        "decision_id": decision.decision_id,
        "verdict": verdict,
        "label_basis": basis,
        "reviewer_ref": "simulated",
    }
