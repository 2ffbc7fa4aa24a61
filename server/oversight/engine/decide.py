"""The decision itself."""

from __future__ import annotations

from oversight.engine.built_in import ERRORS, ROUTINE, STALE, built_in, policy_error
from oversight.engine.decision import Decision, Escalation, Evaluation, Reason, Tier
from oversight.engine.identity import Keys, audit_draw, canonical_request, decision_id
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Program, Snapshot

__all__ = ["DEFAULT_AUDIT_RATE", "decide", "program_for"]

DEFAULT_AUDIT_RATE = 0.05
"""Share of on-the-loop decisions that are audited where the policy has no threshold `audit_rate`."""


# Looked up rather than constructed: calling an enum takes ten times as long.
_TIERS = {int(tier): tier for tier in Tier}
_ESCALATIONS = {int(escalation): escalation for escalation in Escalation}


def decide(
    snapshot: Snapshot, request: Request, facts: ServerFacts, keys: Keys, *, canonical: bytes | None = None
) -> Decision:
    """
    Decide *request* against *snapshot*.

    Every rule is evaluated; the highest tier and the strongest escalation win, and every match is returned with the
    value seen and the limit it met. A rule that fails counts as matched. Reads no clock, disk or network: the same
    arguments always give the same decision. *canonical* are the bytes that stand for the request in the decision's id;
    without it, those of `canonical_request`.
    """
    program = program_for(snapshot, request)
    limits, sources = program.limits.row(request.intent, request.department, request.currency)
    reasons: list[Reason] = []
    shadow_reasons: list[Reason] = []
    failed: list[str] = []
    missing = program.rules(request, limits, sources, facts, reasons, shadow_reasons, failed)
    # Compiled rules match in the order of replies; anything beside them makes a sort necessary.
    others = list(built_in(snapshot, program, request, facts, missing))
    if failed:
        shadow_reasons.sort(key=_reply_order)
        failing = {reason.rule_id for reason in reasons}.intersection(failed)
        others += [policy_error(sorted(failing))] if failing else []
    if others or failed:
        reasons = sorted(reasons + others, key=_reply_order)
    evaluation = _evaluation(others) if others else Evaluation.MATCHED if reasons else Evaluation.DEFAULT
    if not reasons:
        reasons.append(ROUTINE)
    highest, strongest = reasons[0].tier, max([reason.escalation for reason in reasons])
    tier = _TIERS[highest]
    matched = ",".join([reason.rule_id for reason in reasons])
    text = canonical_request(request).encode("ascii") if canonical is None else canonical
    identity = decision_id(keys, snapshot.digest, text, f"{highest} {strongest} {int(evaluation)} {matched}")
    audited = 0.0
    if tier is Tier.HUMAN_ON_THE_LOOP:
        audited = DEFAULT_AUDIT_RATE if program.audit_slot is None else limits[program.audit_slot]
    review_sla_s, on_expiry = program.tiers.get(tier, (None, None))
    # By position, in the order of the fields: by name, four times as long.
    return Decision(
        identity,
        tier,
        _ESCALATIONS[strongest],
        tuple(reasons),
        tuple(shadow_reasons),
        missing,
        evaluation,
        program.name,
        program.version,
        snapshot.commit,
        snapshot.digest,
        snapshot.threshold_revision,
        audited > 0 and audit_draw(keys, identity) < audited,
        audited,
        keys.audit_key_id,
        review_sla_s,
        on_expiry,
        not facts.record_unavailable,
    )


def program_for(snapshot: Snapshot, request: Request) -> Program:
    """Return the policy of the request's department; the default policy where it names none or an unknown one."""
    named = snapshot.policies.get(request.department) if request.department is not None else None
    return named or snapshot.policies[snapshot.default_policy]


def _evaluation(others: list[Reason]) -> Evaluation:
    """Return what the reasons beside the policy's rules make of the evaluation; only they fail or grow stale."""
    codes = [reason.code for reason in others]
    if not ERRORS.isdisjoint(codes):
        return Evaluation.ERROR
    return Evaluation.MATCHED if STALE.isdisjoint(codes) else Evaluation.STALE


def _reply_order(reason: Reason) -> tuple[int, int, str]:
    return (-reason.tier, -reason.escalation, reason.rule_id)
