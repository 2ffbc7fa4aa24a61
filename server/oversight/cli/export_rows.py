"""Decisions and corrections as rows with fixed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from oversight.cli.request_fields import REQUEST
from oversight.cli.row_writers import Column
from oversight.feedback.corrections import Context, CorrectedContext
from oversight_client import Correction, StoredDecision
from oversight_client.convert import stored_decision_to_dict

__all__ = ["CORRECTION_COLUMNS", "DECISION_COLUMNS", "context_of", "correction_row", "decision_row"]

_KINDS: Mapping[str, Column] = {
    "text": "text",
    "digest": "text",
    "choice": "text",
    "number": "number",
    "count": "count",
    "flag": "flag",
    "flags": "texts",
    "time": "time",
    "attributes": "json",
}
_PERSONAL = ("request_id", "conversation_id", "subject_ref", "attributes")
_NO_SIGNALS = (*_PERSONAL, "turn_index", "draft_sha256", "signal_time")

_DECISION: Mapping[str, Column] = {
    "decision_id": "text",
    "decided_at": "time",
    "tier": "text",
    "escalation": "text",
    "reasons": "texts",
    "evaluation": "text",
    "policy": "text",
    "policy_version": "text",
    "policy_digest": "text",
    "threshold_revision": "count",
    "audit_selected": "flag",
    "audit_probability": "number",
    "review_sla_s": "count",
}
_LABEL: Mapping[str, Column] = {
    "verdict": "text",
    "label_basis": "text",
    "error_category": "text",
    "edit_distance": "number",
    "correction_ref": "text",
    "observed_at": "time",
}
_REQUEST: Mapping[str, Column] = {name: _KINDS[field.kind] for name, field in REQUEST.items()}

DECISION_COLUMNS: Mapping[str, Column] = {
    **_DECISION,
    **_REQUEST,
    "caller": "text",
    "erased": "flag",
    "outcomes": "json",
}
"""What was decided, from what, and what came of it; `outcomes` as `oversight records --json` has them."""

CORRECTION_COLUMNS: Mapping[str, Column] = {
    **_DECISION,
    **{name: kind for name, kind in _REQUEST.items() if name not in _PERSONAL},
    **_LABEL,
    "loss": "count",
    "propensity_weight": "number",
    "margin": "number",
}
"""
The context of a decision, what people did with its draft, and how much it weighs.

Nothing personal is in it (request, conversation, customer, free attributes): a file is out of reach of an erasure.
"""


def decision_row(stored: StoredDecision) -> dict[str, Any]:
    """Return the row of a decision on record."""
    shown: dict[str, Any] = stored_decision_to_dict(stored)
    response = shown["response"]
    return {
        **{name: response[name] for name in _DECISION if name in response},
        **shown["request"],
        "decided_at": shown["decided_at"],
        "reasons": [reason["code"] for reason in response["reasons"]],
        "policy": response["policy"]["name"],
        "policy_version": response["policy"]["version"],
        "policy_digest": response["policy"]["digest"],
        **{name: shown[name] for name in ("caller", "erased", "outcomes")},
    }


def correction_row(correction: Correction) -> dict[str, Any]:
    """
    Return the row of a correction; of several outcomes each fact is the one that was observed last.

    They are read as the evidence reads them: neither seeded errors nor other drafts are about the decided draft.
    """
    row = decision_row(correction.decision)
    counted = [_facts_of(one, row.get("draft_sha256")) for one in row["outcomes"] if _counts(one)]
    facts = sorted(counted, key=lambda outcome: datetime.fromisoformat(outcome["observed_at"]))
    row |= {name: outcome[name] for outcome in facts for name in _LABEL if name in outcome}
    row |= {"loss": correction.loss, "propensity_weight": correction.propensity_weight, "margin": _margin(row)}
    return {name: row.get(name) for name in CORRECTION_COLUMNS}


def _counts(recorded: Mapping[str, Any]) -> bool:
    return recorded["status"] == "ACCEPTED" and not recorded["outcome"].get("planted")


def _facts_of(recorded: Mapping[str, Any], decided_draft: str | None) -> dict[str, Any]:
    """Return what an outcome on record says of the draft *decided_draft*, with the time as of which it counts."""
    outcome, arrived = dict(recorded["outcome"]), recorded["received_at"]
    # Whoever tells of something has seen it already: a time to come would be the latest for ever.
    outcome["observed_at"] = min(outcome.get("observed_at", arrived), arrived, key=datetime.fromisoformat)
    draft = outcome.get("draft_sha256")
    if outcome.get("verdict") == "APPROVED" and None not in (decided_draft, draft) and decided_draft != draft:
        # It is the edited draft that was approved: the decided one was not sent as it was.
        return {name: value for name, value in outcome.items() if name not in ("verdict", "label_basis")}
    return outcome


def context_of(row: Mapping[str, Any]) -> CorrectedContext:
    """Return what tells whether the correction in *row* teaches something new."""
    context: Context = {
        **{name: _simple(row.get(name)) for name in REQUEST if name not in _NO_SIGNALS},
        "reasons": _simple(row["reasons"]),
    }
    return CorrectedContext(row["decision_id"], row["margin"], context)


def _margin(row: Mapping[str, Any]) -> float | None:
    first, second = row.get("intent_confidence"), row.get("intent_runner_up_confidence")
    return None if first is None or second is None else max(0.0, first - second)


def _simple(value: Any) -> str | float | bool | None:
    return ",".join(sorted(value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
