"""The tables of what outcomes teach: made of the records by `storage.evidence_feed`, and without anybody's name."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from oversight.storage.tables import metadata

__all__ = ["cells", "evidence", "feedback_cursors", "hours", "metadata"]


def _text(name: str, *, required: bool = False) -> Column[str]:
    return Column(name, Text, nullable=not required)


def _integer(name: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def _real(name: str, *, required: bool = False) -> Column[float]:
    return Column(name, Double, nullable=not required)


def _flag(name: str, *, required: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=not required)


cells = Table(
    "cells",
    metadata,
    Column("cell_id", BigInteger, primary_key=True, autoincrement=False),
    _text("tenant_id", required=True),
    _text("department", required=True),
    _text("intent", required=True),
    _integer("tier", required=True),
    _text("model_version", required=True),
    _integer("labelled", required=True),
    UniqueConstraint("tenant_id", "department", "intent", "tier", "model_version", name="cells_names"),
)
"""What decisions have in common, an empty text where requests had none; `labelled` counts the rows with a label."""

evidence = Table(
    "evidence",
    metadata,
    _integer("cell_id", required=True),
    _integer("decided_at_us", required=True),
    _text("decision_id", required=True),
    _real("draw", required=True),
    _real("drawn_probability", required=True),
    _real("probability", required=True),
    _integer("due_at_us"),
    _integer("basis"),
    _integer("loss"),
    _integer("labelled_at_us"),
    _flag("escalate", required=True),
    _text("rule_id", required=True),
    _integer("verdict"),
    _integer("handled_by"),
    _flag("escalated"),
    _flag("escalation_expected"),
    _flag("unexpected"),
    _integer("resolution"),
    _flag("repeat_contact"),
    _real("csat"),
    _real("review_time_s"),
    _real("qa_score"),
    _text("qa_rubric_version"),
    _integer("qa_subject"),
    _flag("sla_met"),
    _integer("planted", required=True),
    _integer("caught", required=True),
    _flag("corrected", required=True),
    PrimaryKeyConstraint("cell_id", "decided_at_us", "decision_id"),
    sqlite_with_rowid=False,
)
"""One row a decision that was to be looked at, or of which an outcome says something; columns are `EvidenceRow`'s."""

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

hours = Table(
    "hours",
    metadata,
    _integer("cell_id", required=True),
    _integer("hour", required=True),
    _real("probability", required=True),
    _integer("decisions", required=True),
    _integer("censused", required=True),
    _integer("first_us", required=True),
    _integer("confidence_n", required=True),
    _real("confidence_total", required=True),
    _real("confidence_squares", required=True),
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
    _text("writer", required=True),
    _text("chain", required=True),
    _integer("chain_seq", required=True),
    _integer("through_us", required=True),
    PrimaryKeyConstraint("writer", "chain"),
)
"""Up to which row each writer's chain is in the evidence, and the latest time of a record among those rows."""
