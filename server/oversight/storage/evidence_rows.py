"""What the evidence holds of one decision, from its row and those of all its outcomes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from oversight.engine.decision import Escalation, Tier
from oversight.feedback.draws import equalising_draw
from oversight.feedback.facts import (
    DecisionFacts,
    OutcomeFacts,
    Verdict,
    counted,
    escalation_of,
    latest,
    repeat_contact_of,
    review_of,
)
from oversight.feedback.labels import Label, LabelState, drawn_probability, due_at_us, label
from oversight.storage.evidence import Cell
from oversight.storage.rows import is_other_draft
from oversight.storage.tables import decisions, outcomes

__all__ = [
    "DECISION_COLUMNS",
    "OUTCOME_COLUMNS",
    "Evidence",
    "cell_of",
    "decision_facts",
    "draft_key",
    "evidence_of",
    "may_have_row",
    "without_label",
]

DECISION_COLUMNS = tuple(
    decisions.c[name]
    for name in (
        *("decision_id", "decided_at_us", "tier", "escalation", "audit_selected", "audit_probability", "review_sla_s"),
        *("reasons", "tenant_id", "department", "intent", "model_version", "response_confidence", "draft_sha256"),
        *("writer", "chain_seq", "request_key"),
    )
)
"""What is read of a decision."""

_FACTS = tuple(name for name in OutcomeFacts._fields if name not in ("observed_at_us", "other_draft"))
OUTCOME_COLUMNS = tuple(
    outcomes.c[name]
    for name in (
        *("decision_id", "received_at_us", "observed_at_us", "draft_sha256", "redecided_as", "correction_ref"),
        "caller_tenant",
        *_FACTS,
    )
)
"""What is read of an outcome."""

_KNOWN = (
    *("verdict", "handled_by", "escalated", "escalation_expected", "unexpected", "resolution", "repeat_contact"),
    *("csat", "review_time_s", "qa_score", "qa_rubric_version", "qa_subject", "sla_met"),
)
"""The columns of `evidence` between `rule_id` and `planted`; see `_known` for what each holds."""

_DRAWN = 1
"""The place of `drawn_probability` among an `Evidence`'s values; then come `probability` and the label's four."""

_DRAFT_DIGITS = 16

_SHOWN = frozenset({Verdict.APPROVED, Verdict.EDITED_MINOR, Verdict.EDITED_MAJOR, Verdict.REJECTED, Verdict.TAKEN_OVER})
_CAUGHT = _SHOWN - {Verdict.APPROVED, Verdict.EDITED_MINOR}
_CHANGED = _SHOWN - {Verdict.APPROVED}


class Evidence(NamedTuple):
    """
    A row of `evidence` behind its cell: `values` are those of the columns from `draw` on; and what it says.

    `said`: an outcome says something, be it that nobody looked.
    """

    decided_at_us: int
    decision_id: str
    label: Label
    due_at_us: int | None
    said: bool
    values: tuple[Any, ...]


def cell_of(row: Row[Any]) -> Cell:
    """Return the cell of a decision; *row* has the `DECISION_COLUMNS`."""
    return Cell(row.tenant_id or "", row.department or "", row.intent or "", row.tier, row.model_version or "")


def decision_facts(row: Row[Any]) -> DecisionFacts:
    """Return what the statistics need of a decision; *row* has the `DECISION_COLUMNS`."""
    return DecisionFacts(
        decision_id=row.decision_id,
        decided_at_us=row.decided_at_us,
        tier=row.tier,
        escalate=row.escalation > Escalation.NONE,
        audit_selected=row.audit_selected,
        audit_probability=row.audit_probability,
        review_sla_s=row.review_sla_s,
    )


def draft_key(row: Row[Any]) -> str | None:
    """
    Return what decisions on one draft of one request have in common, None where there was no draft.

    *row* has the `DECISION_COLUMNS`. Half of the draft's digest is enough to find them by; equal are whole digests.
    """
    return None if row.draft_sha256 is None else row.request_key + row.draft_sha256[:_DRAFT_DIGITS]


def without_label(found: Evidence) -> Evidence:
    """Return the row with neither a label nor somebody who is to look; the facts that outcomes tell stay."""
    label = Label(LabelState.NOT_DUE, None, found.values[_DRAWN])
    values = (*found.values[: _DRAWN + 1], label.probability, *(None,) * 4, *found.values[_DRAWN + 6 :])
    return found._replace(label=label, due_at_us=None, values=values)


def may_have_row(row: Row[Any], reports: Sequence[Row[Any]]) -> bool:
    """Tell whether the evidence may hold anything of a decision; quicker than `evidence_of`, which knows."""
    return bool(reports) or row.tier == Tier.HUMAN_IN_THE_LOOP or row.audit_selected


def evidence_of(
    row: Row[Any], reports: Sequence[Row[Any]], *, audit_due_h: float, due_us: int | None = None
) -> Evidence | None:
    """
    Return what the evidence holds of a decision, None where nobody was to look and nobody says anything.

    *row* has the `DECISION_COLUMNS`, *reports* are its accepted outcomes with the `OUTCOME_COLUMNS`, in any order.
    A review without a time of its own, or an audit, is due *audit_due_h* hours after the decision, or at *due_us* where
    that was said before.
    """
    if not may_have_row(row, reports):
        return None
    decision = decision_facts(row)
    due_us = due_at_us(decision, audit_due_h=audit_due_h) if due_us is None else due_us
    if due_us is None and not reports:
        return None
    facts = [_outcome_facts(report, row.draft_sha256) for report in reports]
    # Whether it is missed depends on when somebody asks; the rest of a label does not.
    found = label(decision, facts, now_us=0, audit_due_h=audit_due_h)
    values = (
        equalising_draw(decision.decision_id),
        drawn_probability(decision),
        found.probability,
        due_us,
        found.basis and int(found.basis),
        found.loss,
        found.labelled_at_us,
        decision.escalate,
        _first_rule(row.reasons),
        *_known(decision, facts),
        *_planted(facts),
        _is_corrected(reports, facts),
        draft_key(row),
    )
    return Evidence(decision.decided_at_us, decision.decision_id, found, due_us, bool(reports), values)


def _outcome_facts(report: Row[Any], decided_draft: str | None) -> OutcomeFacts:
    # Whoever tells of something has seen it already: a time to come would be the latest for ever.
    received_at_us, observed_at_us = report.received_at_us, report.observed_at_us
    observed_at_us = received_at_us if observed_at_us is None else min(observed_at_us, received_at_us)
    other = is_other_draft(decided_draft, report.draft_sha256, report.redecided_as)
    facts = OutcomeFacts(observed_at_us, *(getattr(report, name) for name in _FACTS))._replace(other_draft=other)
    # Of a draft that was decided again it is the edited one that was approved: the decided one was not sent as it was.
    edited = not other and is_other_draft(decided_draft, report.draft_sha256, None)
    return facts._replace(verdict=None) if edited and facts.verdict == Verdict.APPROVED else facts


def _first_rule(reasons: str) -> str:
    found = json.loads(reasons)
    return found[0]["rule_id"] if found else ""


def _known(decision: DecisionFacts, facts: Sequence[OutcomeFacts]) -> Iterator[Any]:
    """Yield the values of the columns `_KNOWN`: but for its `own` each fact as it was observed last."""
    verdict, review_time_s = review_of(facts)
    own = {
        "verdict": verdict,
        "review_time_s": review_time_s,
        "unexpected": escalation_of(decision, facts),
        "repeat_contact": repeat_contact_of(facts),
    }
    for name in _KNOWN:
        yield own[name] if name in own else latest(facts, name)


def _planted(facts: Sequence[OutcomeFacts]) -> tuple[int, int]:
    """Return how many seeded errors a reviewer was shown, and how many of these were not approved."""
    verdicts = [fact.verdict for fact in facts if fact.planted]
    return sum(verdict in _SHOWN for verdict in verdicts), sum(verdict in _CAUGHT for verdict in verdicts)


def _is_corrected(reports: Sequence[Row[Any]], facts: Sequence[OutcomeFacts]) -> bool:
    return any(
        fact.verdict in _CHANGED or bool(report.correction_ref)
        for report, fact in zip(reports, facts, strict=True)
        if counted([fact])
    )
