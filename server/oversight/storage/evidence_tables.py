"""The tables of what outcomes teach: made of the records by `storage.evidence_feed`, and without anybody's name."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from oversight.storage.columns import flag, integer, real, text
from oversight.storage.tables import metadata

__all__ = ["cells", "evidence", "feedback_cursors", "hours", "metadata"]


cells = Table(
    "cells",
    metadata,
    Column("cell_id", BigInteger, primary_key=True, autoincrement=False),
    text("tenant_id", required=True),
    text("department", required=True),
    text("intent", required=True),
    integer("tier", required=True),
    text("model_version", required=True),
    integer("labelled", required=True),
    UniqueConstraint("tenant_id", "department", "intent", "tier", "model_version", name="cells_names"),
)
"""What decisions have in common, an empty text where requests had none; `labelled` counts the rows with a label."""

evidence = Table(
    "evidence",
    metadata,
    integer("cell_id", required=True),
    integer("decided_at_us", required=True),
    text("decision_id", required=True),
    real("draw", required=True),
    real("drawn_probability", required=True),
    real("probability", required=True),
    integer("due_at_us"),
    integer("basis"),
    integer("loss"),
    integer("labelled_at_us"),
    flag("escalate", required=True),
    text("rule_id", required=True),
    integer("verdict"),
    integer("handled_by"),
    flag("escalated"),
    flag("escalation_expected"),
    flag("unexpected"),
    integer("resolution"),
    flag("repeat_contact"),
    real("csat"),
    real("review_time_s"),
    real("qa_score"),
    text("qa_rubric_version"),
    integer("qa_subject"),
    flag("sla_met"),
    integer("planted", required=True),
    integer("caught", required=True),
    flag("corrected", required=True),
    text("draft_key"),
    PrimaryKeyConstraint("cell_id", "decided_at_us", "decision_id"),
    sqlite_with_rowid=False,
)
"""
One row a decision that was to be looked at, or of which an outcome says something; columns are `EvidenceRow`'s.

`draft_key` is common to decisions on one draft of one request (`storage.evidence_drafts`), NULL without a draft.
"""

_open = evidence.c.loss.is_(None) & evidence.c.due_at_us.is_not(None)
Index("evidence_due", evidence.c.due_at_us, evidence.c.decision_id, sqlite_where=_open, postgresql_where=_open)
_corrected = evidence.c.corrected
Index(
    "evidence_corrected",
    evidence.c.decided_at_us,
    evidence.c.decision_id,
    sqlite_where=_corrected,
    postgresql_where=_corrected,
)

_keyed = evidence.c.draft_key.is_not(None)
Index("evidence_drafts", evidence.c.draft_key, sqlite_where=_keyed, postgresql_where=_keyed)

hours = Table(
    "hours",
    metadata,
    integer("cell_id", required=True),
    integer("hour", required=True),
    real("probability", required=True),
    integer("decisions", required=True),
    integer("censused", required=True),
    integer("first_us", required=True),
    integer("confidence_n", required=True),
    real("confidence_total", required=True),
    real("confidence_squares", required=True),
    # In this order one pass over the table, without sorting, tells how many decisions of a cell had which chance.
    PrimaryKeyConstraint("cell_id", "probability", "hour"),
    sqlite_with_rowid=False,
)
"""
All decisions, counted: those of one cell in one hour (from 1970, UTC) that had one chance to be looked at.

`probability` is the one that the design gave them; `censused` of the `decisions` have a label from a census, and with
it a probability of 1. `first_us` is when the first was decided. Of those that came with a confidence in the reply, the
number, the sum and the sum of squares.
"""

feedback_cursors = Table(
    "feedback_cursors",
    metadata,
    text("writer", required=True),
    text("chain", required=True),
    integer("chain_seq", required=True),
    integer("through_us", required=True),
    PrimaryKeyConstraint("writer", "chain"),
)
"""Up to which row each writer's chain is in the evidence, and the latest time of a record among those rows."""
