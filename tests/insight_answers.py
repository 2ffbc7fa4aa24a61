"""What a retail bank learned in ninety days, as its admin port answers it."""

from __future__ import annotations

from typing import Any

from oversight.feedback.intervals import exact_interval
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import outcome_pb2

THROUGH = "2026-11-28T09:30:00Z"
SECOND, THIRD = "1", "2"
GAP = pb.MeanDifference(value=-3.25, low=-5.5, high=-1.0)


def at(field: Any, text: str = THROUGH) -> None:
    """Set a time."""
    field.FromJsonString(text)


def a_rate(errors: int, n: int, volume: int, *, newest: str = "2026-11-27T18:00:00Z", **fields: Any) -> pb.ErrorRate:
    """Return a rate with its interval; INSUFFICIENT_DATA below 59 labels."""
    group = pb.InsightGroup(**{name: fields.pop(name) for name in ("department", "tier", "intent") if name in fields})
    low, high = exact_interval(errors, n) if n else (0.0, 1.0)
    rate = pb.ErrorRate(
        group=group,
        state=pb.RATE_STATE_MEASURED if n >= 59 else pb.RATE_STATE_INSUFFICIENT_DATA,
        n=n,
        errors=errors,
        rate=errors / n if n else None,
        low=low,
        high=high,
        volume=volume,
        volume_share=volume / 41_200,
        labelled_share=n / volume,
        missed_share=fields.pop("missed_share", 0.02),
        labels_needed=max(0, 361 - n),
    )
    if n:
        at(rate.newest_label_at, newest)
    return rate


def error_rates() -> pb.GetErrorRatesResponse:
    """Return rates of two departments, one of which knows too little."""
    on, into = shared.TIER_HUMAN_ON_THE_LOOP, shared.TIER_HUMAN_IN_THE_LOOP
    found = pb.GetErrorRatesResponse(
        total=a_rate(61, 1_980, 41_200),
        on_the_loop=a_rate(25, 1_340, 29_400),
        rates=[
            a_rate(19, 1_120, 22_400, department="retail_banking", tier=on),
            a_rate(36, 640, 9_900, department="retail_banking", tier=into, missed_share=0.083),
            a_rate(6, 220, 6_500, department="telecom", tier=on, newest="2026-11-24T12:00:00Z"),
            a_rate(1, 34, 1_900, department="telecom", tier=into, missed_share=0.31),
            a_rate(0, 0, 500, department="", tier=on, missed_share=0.0),
        ],
    )
    at(found.evidence_through)
    return found


def containment() -> pb.GetContainmentResponse:
    """Return containment in all, for a card and for refunds."""

    def one(volume: int, known: int, confirmed: int, assumed: int, **group: Any) -> pb.Containment:
        low, high = exact_interval(confirmed, known) if known else (0.0, 1.0)
        return pb.Containment(
            group=pb.InsightGroup(**group),
            volume=volume,
            known=known,
            confirmed=confirmed,
            assumed=assumed,
            confirmed_share=confirmed / known if known else None,
            confirmed_low=low,
            confirmed_high=high,
            assumed_share=assumed / known if known else None,
        )

    found = pb.GetContainmentResponse(
        total=one(41_200, 30_000, 12_300, 9_900),
        groups=[
            one(18_000, 14_000, 7_420, 4_200, department="retail_banking", intent="card_status"),
            one(6_000, 4_000, 640, 1_480, department="retail_banking", intent="refund_request"),
            one(200, 0, 0, 0, department="telecom", intent="sim_swap"),
        ],
    )
    at(found.evidence_through)
    return found


def csat() -> pb.GetCsatDeltaResponse:
    """Return satisfaction in all and for two intents, of one of which too few answered."""
    found = pb.GetCsatDeltaResponse(
        total=pb.CsatDelta(
            n_ai=2_100,
            mean_ai=4.125,
            n_human=1_050,
            mean_human=4.25,
            difference=pb.MeanDifference(value=-0.125, low=-0.19, high=-0.06),
            trend=pb.MeanDifference(value=-0.21, low=-0.33, high=-0.09),
        ),
        groups=[
            pb.CsatDelta(
                group=pb.InsightGroup(department="retail_banking", intent="card_status"),
                n_ai=1_400,
                mean_ai=4.31,
                n_human=500,
                mean_human=4.28,
                difference=pb.MeanDifference(value=0.03, low=-0.06, high=0.12),
                trend=pb.MeanDifference(value=-0.02, low=-0.11, high=0.07),
            ),
            pb.CsatDelta(group=pb.InsightGroup(department="telecom", intent="sim_swap"), n_ai=1, mean_ai=3.0),
        ],
    )
    at(found.evidence_through)
    return found


def a_warning(sign: Any, state: Any, message: str, **fields: Any) -> pb.Warning:
    """Return how a sign stands in retail banking."""
    warning = pb.Warning(
        sign=sign, department=fields.pop("department", "retail_banking"), state=state, found=state, message=message
    )
    for name, value in fields.items():
        setattr(warning, name, value)
    at(warning.tested_at, "2026-11-28T02:00:00Z")
    if state >= pb.WARNING_STATE_WARN:
        at(warning.raised_at, "2026-11-26T02:00:00Z")
    return warning


def warnings() -> pb.ListWarningsResponse:
    """Return one of each state, worst first."""
    found = pb.ListWarningsResponse(
        ok=1,
        insufficient_data=1,
        warnings=[
            a_warning(
                pb.WARNING_SIGN_REVIEWS_SKIPPED,
                pb.WARNING_STATE_CRITICAL,
                "61 % of the reviews and audits due were done (of 412; 95 % are wanted), and fewer the more there is "
                "to do. Give reviewers time, or lower the volume: raise autonomy_confidence only with proof.",
                value=0.61,
                low=0.56,
                high=0.66,
                baseline=0.95,
                n=412,
                p_value=0.0004,
            ),
            a_warning(
                pb.WARNING_SIGN_REPEAT_CONTACT_RISES,
                pb.WARNING_STATE_WARN,
                "19 % come back about the same matter within a week, 12 % did before. Read twenty of these contacts.",
                intent="refund_request",
                value=0.19,
                low=0.155,
                high=0.23,
                baseline=0.12,
                n=450,
                e_value=7_100.0,
            ),
            a_warning(
                pb.WARNING_SIGN_CSAT_FALLS,
                pb.WARNING_STATE_BIASED,
                "A third fewer customers answer than before: the scores cannot be compared. Look at who is asked.",
                department="telecom",
                value=-0.2,
                n=260,
            ),
            a_warning(
                pb.WARNING_SIGN_UNEXPECTED_ESCALATIONS,
                pb.WARNING_STATE_INSUFFICIENT_DATA,
                "3 unexpected escalations of 80 are too few to test; 100 and 5 are needed.",
                intent="sim_swap",
                rule_id="sim_swap_check",
                n=80,
            ),
            a_warning(
                pb.WARNING_SIGN_ERROR_RATE_UNKNOWN,
                pb.WARNING_STATE_OK,
                "The error rate is known for 97 % of the volume.",
                value=0.03,
                n=28_900,
            ),
        ],
    )
    at(found.tested_at, "2026-11-28T02:00:00Z")
    return found


def due_audits() -> list[pb.ListDueAuditsResponse]:
    """Return two pages of three reviews and audits."""

    def one(number: int, basis: Any, due: str, *, overdue: bool) -> pb.DueAudit:
        audit = pb.DueAudit(
            decision_id=f"{number:032x}",
            label_basis=basis,
            overdue=overdue,
            department="retail_banking",
            intent="card_status" if number else "",
            model_version="m-7",
        )
        at(audit.decided_at, "2026-11-25T08:00:00Z")
        at(audit.due_at, due)
        return audit

    audit, review = outcome_pb2.LABEL_BASIS_AUDIT, outcome_pb2.LABEL_BASIS_REVIEW
    first = [one(0, audit, "2026-11-27T08:00:00Z", overdue=True), one(1, review, "2026-11-28T08:00:00Z", overdue=True)]
    last = [one(2, audit, "2026-11-30T08:00:00Z", overdue=False)]
    return [
        pb.ListDueAuditsResponse(audits=first, next_page_token=SECOND),
        pb.ListDueAuditsResponse(audits=last),
    ]


def parity() -> pb.GetQualityParityResponse:
    """Return a gap that holds, and one that nobody can know yet."""
    found = pb.GetQualityParityResponse(
        gaps=[
            pb.QualityGap(
                department="retail_banking",
                intent="card_status",
                qa_rubric_version="2026-09",
                gap=pb.MeanDifference(value=1.5, low=0.25, high=2.75),
                n_ai=340,
                n_human=180,
                enough=True,
            ),
            pb.QualityGap(
                department="retail_banking",
                intent="refund_request",
                qa_rubric_version="2026-09",
                gap=GAP,
                n_ai=120,
                n_human=95,
                enough=True,
            ),
            pb.QualityGap(
                department="telecom", intent="sim_swap", qa_rubric_version="2026-09", n_ai=12, n_human=1, enough=False
            ),
        ]
    )
    at(found.evidence_through)
    return found


def escalations() -> pb.GetEscalationQualityResponse:
    """Return a rule that asks too often, one that lets go, and one that is right."""

    def share(part: int, whole: int) -> pb.Share | None:
        if not whole:
            return None
        low, high = exact_interval(part, whole)
        return pb.Share(value=part / whole, low=low, high=high)

    def rule(name: str, *counts: int) -> pb.RuleQuality:
        needed, unneeded, missed, left, covered, overruled = counts
        return pb.RuleQuality(
            rule_id=name,
            needed=needed,
            unneeded=unneeded,
            missed=missed,
            rightly_left=left,
            covered=covered,
            overruled=overruled,
            needed_share=share(needed, needed + unneeded),
            missed_share=share(missed, missed + left),
        )

    found = pb.GetEscalationQualityResponse(
        rules=[
            rule("angry", 180, 20, 0, 0, 0, 0),
            rule("low_confidence", 0, 0, 48, 210, 9, 4),
            rule("routine", 0, 0, 11, 2_310, 0, 0),
            rule("vip", 30, 170, 0, 0, 6, 2),
        ],
        judged=2_990,
    )
    at(found.evidence_through)
    return found


def a_decision(number: int, **request: Any) -> decisions.Decision:
    """Return a decision on record."""
    asked = {"intent": "card_status", "department": "retail_banking", "model_version": "m-7", **request}
    stored = decisions.Decision(
        request=decisions.DecideRequest(**asked),
        response=decisions.DecideResponse(
            decision_id=f"{number:032x}",
            tier=shared.TIER_HUMAN_IN_THE_LOOP,
            escalation=shared.ESCALATION_NONE,
            reason="LOW_CONFIDENCE",
            reasons=[shared.Reason(code="LOW_CONFIDENCE", rule_id="low_confidence", message="Not sure enough.")],
            evaluation=shared.EVALUATION_MATCHED,
            policy=shared.PolicyIdentity(name="contact_centre", version="3", digest="d" * 64),
            recorded=True,
        ),
        caller="local",
    )
    at(stored.decided_at, f"2026-11-20T09:{number % 60:02}:00Z")
    return stored


def a_correction(number: int, margin: float | None, **request: Any) -> pb.Correction:
    """Return a correction with that margin; without one where it is None."""
    if margin is not None:
        request |= {"intent_confidence": 0.9, "intent_runner_up_confidence": 0.9 - margin}
    decision = a_decision(number, conversation_id=f"c-{number}", subject_ref="s-1", **request)
    recorded = decision.outcomes.add(status=outcome_pb2.OUTCOME_STATUS_ACCEPTED)
    recorded.outcome.outcome_id = f"o-{number}"
    recorded.outcome.verdict = outcome_pb2.VERDICT_EDITED_MAJOR
    recorded.outcome.label_basis = outcome_pb2.LABEL_BASIS_AUDIT
    recorded.outcome.correction_ref = f"https://crm.example/corrections/{number}"
    at(recorded.outcome.observed_at, "2026-11-21T09:00:00Z")
    at(recorded.received_at, "2026-11-21T09:00:01Z")
    return pb.Correction(decision=decision, loss=1, propensity_weight=20.0)


def corrections() -> list[pb.ListCorrectionsResponse]:
    """Return two pages: the fourth is nearly the second, the last has no margin."""
    first = [a_correction(4, 0.41, grounding_score=0.35), a_correction(3, 0.52, intent="refund_request")]
    last = [
        a_correction(2, 0.41, grounding_score=0.36),
        a_correction(1, 0.12, guardrails=shared.GuardrailCheck(flags=["pii"])),
        a_correction(0, None),
    ]
    return [
        pb.ListCorrectionsResponse(corrections=first, next_page_token=SECOND),
        pb.ListCorrectionsResponse(corrections=last),
    ]


def records() -> list[pb.ListRecordsResponse]:
    """Return a page, an empty one, and another."""
    first = [a_decision(2, conversation_id="c-2"), a_decision(1, response_confidence=0.5)]
    return [
        pb.ListRecordsResponse(records=first, next_page_token=SECOND),
        pb.ListRecordsResponse(next_page_token=THIRD),
        pb.ListRecordsResponse(records=[a_correction(0, 0.2).decision]),
    ]
