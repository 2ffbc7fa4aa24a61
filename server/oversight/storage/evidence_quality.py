"""What quality is judged by, counted and chosen by the database: scores, and decisions with a word on escalation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, case, func, literal, or_, select

from oversight.engine.decision import Tier
from oversight.feedback.facts import LabelBasis
from oversight.storage.evidence import Cell, CellFilter, JudgedRow, Moments, ScoreSums
from oversight.storage.evidence_places import cell_conditions, times
from oversight.storage.evidence_tables import cells, evidence

__all__ = ["newest_judged", "sum_scores"]


def sum_scores(connection: Connection, wanted: CellFilter) -> list[ScoreSums]:
    """Return the scores of quality of what is *wanted*; see `EvidenceReader.score_sums`."""
    rows = map(tuple, connection.execute(_SCORES.where(*times(wanted), *cell_conditions(wanted))))
    return [
        ScoreSums(Cell(tenant, department, intent), rubric, subject, Moments(int(n), float(total), float(squares)))
        for tenant, department, intent, rubric, subject, n, total, squares in rows
    ]


def newest_judged(connection: Connection, wanted: CellFilter, most: int) -> list[JudgedRow]:
    """Return the newest decisions with a word on escalation; see `EvidenceReader.judged`."""
    statement = _JUDGED.where(*times(wanted), *cell_conditions(wanted)).limit(most)
    return [JudgedRow(*row) for row in connection.execute(statement)]


_of_cells = evidence.join(cells, cells.c.cell_id == evidence.c.cell_id)
_keys: tuple[Any, ...] = (
    *(cells.c.tenant_id, cells.c.department, cells.c.intent),
    *(evidence.c.qa_rubric_version, evidence.c.qa_subject),
)
_score = evidence.c.qa_score
_SCORES = (
    select(*_keys, func.count(), func.sum(_score), func.sum(_score * _score))
    .select_from(_of_cells)
    .where(_score.is_not(None), evidence.c.qa_subject.is_not(None), evidence.c.qa_rubric_version > "")
    .group_by(*_keys)
)
_alone = cells.c.tier == int(Tier.HUMAN_ON_THE_LOOP)
_in_design = or_(evidence.c.due_at_us.is_not(None), evidence.c.basis == int(LabelBasis.CENSUS))
_JUDGED = (
    select(
        evidence.c.decision_id,
        case((_alone, evidence.c.probability), else_=literal(1.0)),
        evidence.c.draw,
        evidence.c.escalation_expected,
    )
    .select_from(_of_cells)
    .where(evidence.c.escalation_expected.is_not(None), or_(~_alone, and_(_in_design, evidence.c.probability > 0)))
    .order_by(evidence.c.decided_at_us.desc(), evidence.c.decision_id.desc())
)
