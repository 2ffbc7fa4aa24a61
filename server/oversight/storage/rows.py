"""Rows of the tables from records, and records from rows; plain tuples, because the drain makes thousands a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from sqlalchemy import Double, Table

from oversight.engine.decision import Comparison, Decision, Escalation, Evaluation, OnExpiry, Reason, Tier
from oversight.engine.identity import request_from_canonical
from oversight.engine.request import ServerFacts, Stop
from oversight.storage.chain import canonical_row, link, seal
from oversight.storage.outcome import Outcome, OutcomeStatus, canonical_outcome
from oversight.storage.records import SIGNAL_FIELDS, DecisionRecord, OutcomeRecord, StoredDecision, StoredOutcome
from oversight.storage.tables import outcomes

__all__ = [
    "Row",
    "behind_chain",
    "body_sha256",
    "decision_from_rows",
    "decision_row",
    "is_other_draft",
    "is_other_tenant",
    "judged",
    "linked",
    "observed",
    "outcome_from_row",
    "outcome_row",
    "personal_row",
    "reasons_from_text",
]

Row = tuple[Any, ...]
"""The values of a row in the order of the table's columns."""

_PLAIN = DecisionRecord._fields.index("signals")
_TENANT = SIGNAL_FIELDS.index("tenant_id")


def _reals(table: Table) -> tuple[int, ...]:
    return tuple(place for place, column in enumerate(table.c) if isinstance(column.type, Double))


_OUTCOME_REALS = _reals(outcomes)


def personal_row(record: DecisionRecord, salt: bytes) -> Row:
    """Return the row of `personal_parts` behind its key."""
    return record.signals[_TENANT], record.subject_ref, record.conversation_id, salt, record.personal


def decision_row(record: DecisionRecord, salt: bytes) -> list[Any]:
    """Return the row of `decisions` up to the chain columns; *salt* is that of its personal part."""
    return [*record[:_PLAIN], seal(salt, record.personal), *record.signals]


def body_sha256(outcome: Outcome, caller_tenant: str | None) -> str:
    """
    Return what tells two reports with one outcome_id apart: SHA-256 in hex of the canonical text.

    In front of it stands the tenant that the caller is bound to, as JSON: ids of tenants are apart.
    """
    tenant = "" if caller_tenant is None else quote(caller_tenant)
    return sha256(f"{tenant}{canonical_outcome(outcome)}".encode("ascii")).hexdigest()


def outcome_row(record: OutcomeRecord, body: str, status: OutcomeStatus) -> list[Any]:
    """Return the row of `outcomes` but for the chain's columns; *body* is its `body_sha256`."""
    outcome = record.outcome
    row = [outcome.outcome_id, body, int(status), record.received_at_us, record.caller, *outcome[1:]]
    row.append(record.caller_tenant)
    return _plain_reals(row, _OUTCOME_REALS)


def _plain_reals(row: list[Any], places: tuple[int, ...]) -> list[Any]:
    # A database gives back 0.0 for -0.0 and 1.0 for 1: what is hashed must be what will be read.
    for place in places:
        if row[place] is not None:
            row[place] += 0.0
    return row


def behind_chain(table: Table) -> int:
    """Return how many columns were added to *table* behind those of its chain."""
    return len(table.c) - 1 - table.c.keys().index("chain_hash")


def linked(rows: Iterable[list[Any]], writer: str, head: tuple[int, str], *, behind: int = 0) -> list[Row]:
    """
    Return the *rows* with the values of their chain columns: writer, number, hash.

    *head* is the number and the hash of the last row before them. The last *behind* values of each row are those of
    columns behind the chain's.
    """
    number, previous = head
    out: list[Row] = []
    for row in rows:
        number += 1
        at = len(row) - behind
        row[at:at] = writer, number
        previous = link(previous, canonical_row(row))
        row.insert(at + 2, previous)
        out.append(tuple(row))
    return out


def decision_from_rows(
    row: Mapping[str, Any], part: str | None, outcome_rows: Sequence[Mapping[str, Any]]
) -> StoredDecision:
    """Return the decision from its row, its personal *part* (None once erased) and the rows of its outcomes."""
    fields = {name: row[name] for name in SIGNAL_FIELDS if row[name] is not None}
    if "guardrail_flags" in fields:
        fields["guardrail_flags"] = json.loads(fields["guardrail_flags"])
    fields |= json.loads(part) if part is not None else {}
    draft, tenant = row["draft_sha256"], row["tenant_id"]
    found = [judged(outcome_from_row(outcome), draft, tenant) for outcome in outcome_rows]
    return StoredDecision(
        request=request_from_canonical(fields, row["decided_at_us"]),
        facts=_facts(row["facts"]),
        decision=_decision_from_row(row),
        caller=row["caller"],
        latency_us=row["latency_us"],
        trace_id=row["trace_id"],
        request_key=row["request_key"],
        erased=part is None,
        outcomes=tuple(sorted(found, key=observed)),
    )


def _decision_from_row(row: Mapping[str, Any]) -> Decision:
    return Decision(
        decision_id=row["decision_id"],
        tier=Tier(row["tier"]),
        escalation=Escalation(row["escalation"]),
        reasons=reasons_from_text(row["reasons"]),
        shadow_reasons=reasons_from_text(row["shadow_reasons"]),
        missing_signals=tuple(json.loads(row["missing_signals"])),
        evaluation=Evaluation(row["evaluation"]),
        policy=row["policy"],
        policy_version=row["policy_version"],
        commit=row["policy_commit"],
        digest=row["policy_digest"],
        threshold_revision=row["threshold_revision"],
        audit_selected=row["audit_selected"],
        audit_probability=row["audit_probability"],
        audit_key_id=row["audit_key_id"],
        review_sla_s=row["review_sla_s"],
        on_expiry=None if row["on_expiry"] is None else OnExpiry(row["on_expiry"]),
        recorded=row["recorded"],
    )


def _facts(text: str) -> ServerFacts:
    fields = json.loads(text)
    return ServerFacts(**{**fields, "stops": tuple(Stop(*stop) for stop in fields.get("stops", ()))})


def reasons_from_text(text: str) -> tuple[Reason, ...]:
    """Return the reasons of a decision from the JSON text of its row."""
    return tuple(
        Reason(**(fields | {"comparisons": tuple(map(_comparison, fields["comparisons"]))}))
        for fields in json.loads(text)
    )


def _comparison(fields: dict[str, Any]) -> Comparison:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Comparison(**plain)


def outcome_from_row(row: Mapping[str, Any]) -> StoredOutcome:
    """Return the outcome from its row, as it was stored; what it is to its decision, `judged` tells."""
    outcome = Outcome(**{name: row[name] for name in Outcome._fields})
    status = OutcomeStatus(row["status"])
    return StoredOutcome(outcome, status, row["received_at_us"], row["caller"], row["caller_tenant"])


def judged(stored: StoredOutcome, decided_draft: str | None, decided_tenant: str | None) -> StoredOutcome:
    """
    Return the outcome with the status that it has for its decision, whose draft's hash and tenant are given.

    OTHER_TENANT where its caller is bound to a tenant and the decision is not that tenant's; else OTHER_DRAFT where it
    would count, but is about another draft than the decided one. Told when it is read and not when it is stored: the
    decision may come later. A decision without a draft's hash has nothing that the outcome's could differ from; one on
    an edited draft that was decided again counts for that.
    """
    outcome = stored.outcome
    if is_other_tenant(stored.caller_tenant, decided_tenant):
        return replace(stored, status=OutcomeStatus.OTHER_TENANT)
    another = is_other_draft(decided_draft, outcome.draft_sha256, outcome.redecided_as)
    if stored.status is OutcomeStatus.ACCEPTED and another:
        return replace(stored, status=OutcomeStatus.OTHER_DRAFT)
    return stored


def is_other_tenant(caller_tenant: str | None, decided_tenant: str | None) -> bool:
    """Tell whether an outcome's caller is bound to a tenant, and the decision is another's or nobody's."""
    return caller_tenant is not None and caller_tenant != decided_tenant


def is_other_draft(decided_draft: str | None, draft_sha256: str | None, redecided_as: str | None) -> bool:
    """Return whether an outcome on the draft *draft_sha256* is about another one than was decided; see `judged`."""
    return None not in (decided_draft, draft_sha256) and decided_draft != draft_sha256 and redecided_as is None


def observed(stored: StoredOutcome) -> tuple[int, str, int]:
    """Return by what the outcomes of a decision are ordered: when they were observed."""
    observed_at_us = stored.outcome.observed_at_us
    when_us = stored.received_at_us if observed_at_us is None else observed_at_us
    return when_us, stored.outcome.outcome_id, stored.received_at_us
