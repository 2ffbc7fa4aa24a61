"""Labels: what reviews and audits say about one AI reply, and whether one was due."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from oversight.engine.decision import Tier
from oversight.feedback.facts import (
    DecisionFacts,
    ErrorCategory,
    LabelBasis,
    OutcomeFacts,
    QaSubject,
    Verdict,
    counted,
)

__all__ = ["AUDIT_DUE_H", "Label", "LabelState", "drawn_probability", "due_at_us", "label", "loss_of"]

AUDIT_DUE_H = 72.0
"""Hours after a decision by which its audit is due, where no setting says otherwise."""

_WRONG = frozenset({Verdict.REJECTED, Verdict.EDITED_MAJOR})
_RIGHT = frozenset({Verdict.APPROVED, Verdict.EDITED_MINOR})


class LabelState(IntEnum):
    """
    Where a decision stands.

    NOT_DUE: nobody was to look, and nobody did. PENDING: somebody is to look, and the time for it is not over.
    MISSED: somebody was to look, and the time passed without a label. LABELLED: there is a label.
    """

    NOT_DUE = 0
    PENDING = 1
    MISSED = 2
    LABELLED = 3


class Label(NamedTuple):
    """
    The label of one decision.

    `loss` is 1 where the AI was wrong, 0 where it was right, None without a label. `probability` in 0..1 is the chance
    that the design gave the decision to be looked at: 1 in the loop and in a census, the stored audit probability on
    the loop, 0 as the loop. `labelled_at_us` is when the newest fact behind the label was observed.
    """

    state: LabelState
    loss: int | None
    probability: float
    basis: LabelBasis | None = None
    labelled_at_us: int | None = None


def label(
    decision: DecisionFacts, outcomes: Sequence[OutcomeFacts], *, now_us: int, audit_due_h: float = AUDIT_DUE_H
) -> Label:
    """
    Return the label of *decision* from all its *outcomes*, in whatever order they are.

    L = 1 if any verdict is REJECTED, EDITED_MAJOR, or TAKEN_OVER with a category other than NOT_AI, or a critical point
    of quality was missed by the AI; L = 0 if every verdict that says something is APPROVED or EDITED_MINOR. The others
    (NOT_REVIEWED, EXPIRED, TAKEN_OVER without a category or for NOT_AI) say nothing. Planted drafts, other drafts and
    volunteered verdicts are not read.

    A verdict enters only if the design asked for it: where a review (in the loop) or an audit (on the loop, selected)
    was due, or in a census. A review or audit of a decision nobody was to look at is volunteered, whatever it calls
    itself: why it was made is not known, and so neither is the chance of it. A critical point reported without a basis
    makes a label worse, but makes none. Due is a review `review_sla_s` after the decision, an audit *audit_due_h* hours
    after it (also a review where the policy sets no time). No complaint is no label. People lead as the loop: what is
    said there is no label of the AI.

    Assumes that a census label is given to every decision of its batch, and audits to those that were drawn.
    """
    if decision.tier >= Tier.HUMAN_AS_THE_LOOP:
        return Label(LabelState.NOT_DUE, None, 0.0)
    due_us = due_at_us(decision, audit_due_h=audit_due_h)
    probability = drawn_probability(decision)
    usable = [outcome for outcome in counted(outcomes) if _in_design(outcome, due=due_us is not None)]
    speaking = [(outcome, loss) for outcome in usable if (loss := loss_of(outcome)) is not None]
    if speaking:
        basis = max((LabelBasis(outcome.label_basis or 0) for outcome, _ in speaking), key=_INFORMS.index)
        unfounded = [o for o in counted(outcomes) if o.label_basis is None and _is_critical(o)]
        return Label(
            LabelState.LABELLED,
            1 if unfounded else max(loss for _, loss in speaking),
            1.0 if basis is LabelBasis.CENSUS else probability,
            basis,
            max(outcome.observed_at_us for outcome in [*(outcome for outcome, _ in speaking), *unfounded]),
        )
    if due_us is None:
        return Label(LabelState.NOT_DUE, None, probability)
    return Label(LabelState.MISSED if due_us < now_us else LabelState.PENDING, None, probability)


def due_at_us(decision: DecisionFacts, *, audit_due_h: float = AUDIT_DUE_H) -> int | None:
    """Return until when somebody is to look at *decision* (`label`), None where nobody is."""
    reviewed = decision.tier == Tier.HUMAN_IN_THE_LOOP
    if decision.tier >= Tier.HUMAN_AS_THE_LOOP or not (reviewed or decision.audit_selected):
        return None
    sla_s = decision.review_sla_s if reviewed else None
    return decision.decided_at_us + round((audit_due_h * 3600 if sla_s is None else sla_s) * 1_000_000)


def drawn_probability(decision: DecisionFacts) -> float:
    """Return the chance (0..1) that the design gave *decision* to be looked at, whether it was or not."""
    if decision.tier >= Tier.HUMAN_AS_THE_LOOP:
        return 0.0
    return 1.0 if decision.tier == Tier.HUMAN_IN_THE_LOOP else decision.audit_probability


_INFORMS = (LabelBasis.AUDIT, LabelBasis.REVIEW, LabelBasis.CENSUS)
"""Of several bases the last of these is the label's: with a census, everything was looked at."""


def _in_design(outcome: OutcomeFacts, *, due: bool) -> bool:
    if outcome.label_basis == LabelBasis.CENSUS:
        return True
    return due and outcome.label_basis in (LabelBasis.REVIEW, LabelBasis.AUDIT)


def loss_of(outcome: OutcomeFacts) -> int | None:
    """Return what one outcome says of the AI's draft, whatever its basis: 1 wrong, 0 right, None nothing (`label`)."""
    taken_for_fault = outcome.verdict == Verdict.TAKEN_OVER and outcome.error_category not in (
        None,
        ErrorCategory.NOT_AI,
    )
    if outcome.verdict in _WRONG or taken_for_fault or _is_critical(outcome):
        return 1
    return 0 if outcome.verdict in _RIGHT else None


def _is_critical(outcome: OutcomeFacts) -> bool:
    return bool(outcome.qa_critical_fail) and outcome.qa_subject != QaSubject.HUMAN
