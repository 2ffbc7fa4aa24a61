"""What is in a journal put beside what is in the store, as it will be once it is drained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from oversight.storage.outcome import OutcomeStatus
from oversight.storage.records import DecisionRecord, OutcomeRecord, StoredDecision, StoredOutcome
from oversight.storage.rows import body_sha256, decision_from_rows, decision_row, judged, observed
from oversight.storage.tables import decisions

__all__ = ["decision_from_record", "reported", "with_outcomes"]


def decision_from_record(record: DecisionRecord, *, erased: bool) -> StoredDecision:
    """Return the decision as the store would give it back, without outcomes and, if *erased*, its personal part."""
    row = dict(zip(decisions.c.keys(), decision_row(record, b""), strict=False))
    return decision_from_rows(row, None if erased else record.personal, ())


def with_outcomes(found: StoredDecision, more: Iterable[StoredOutcome]) -> StoredDecision:
    """Return the decision with *more* outcomes beside its own, each judged by what was decided."""
    draft, tenant = found.request.draft_sha256, found.request.tenant_id
    outcomes = sorted([*found.outcomes, *(judged(one, draft, tenant) for one in more)], key=observed)
    return replace(found, outcomes=tuple(outcomes))


def reported(waiting: Sequence[OutcomeRecord], stored: Sequence[StoredOutcome]) -> list[StoredOutcome]:
    """
    Return what *waiting* reports add to those *stored*.

    As in the store, a report that is there is left out, and another with its id and its caller's tenant is a conflict.
    """
    known = {(one.outcome.outcome_id, body_sha256(one.outcome, one.caller_tenant)) for one in stored}
    taken = {(one.outcome.outcome_id, one.caller_tenant) for one in stored}
    added: list[StoredOutcome] = []
    for record in sorted(waiting, key=lambda record: record.received_at_us):
        outcome, received_at_us, caller, tenant = record
        key = outcome.outcome_id, body_sha256(outcome, tenant)
        if key in known:
            continue
        first = outcome.outcome_id, tenant
        status = OutcomeStatus.CONFLICT if first in taken else OutcomeStatus.ACCEPTED
        added.append(StoredOutcome(outcome, status, received_at_us, caller, tenant))
        known.add(key)
        taken.add(first)
    return added
