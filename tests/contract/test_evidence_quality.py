"""Scores and judgements are chosen and counted by the database as anybody would count them in the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from contract.evidence_world import WINDOWS, make_decision
from contract.samples import an_outcome_record
from oversight.feedback.facts import LabelBasis
from oversight.storage.evidence import Cell, CellFilter, EvidenceRow, JudgedRow, Moments, ScoreSums
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.sql import SqlStore
from places import Place


@pytest.fixture
def reader(place: Place) -> Iterator[SqlEvidence]:
    """Return what reads the evidence of 300 decisions, most of them with a score or a word on escalation."""
    random = Random(17)  # noqa: S311 - no secret
    store = SqlStore(place.url, writer="replica-1")
    store.prepare()
    decisions, outcomes = [], []
    for number in range(300):
        tier = random.choice([1, 1, 2, 3])
        chance = random.choice([0.0, 0.1, 1.0]) if tier == 1 else 0.0
        decisions.append(
            make_decision(
                number,
                minute=random.randrange(1_000),
                tier=tier,
                audit_probability=chance,
                audit_selected=chance > 0 and random.random() < 0.5,
                intent=random.choice(["refund", "order", None]),
            )
        )
        verdict = random.choice([None, 1, 4])
        facts: dict[str, Any] = {
            "verdict": verdict,
            "label_basis": None if verdict is None else random.choice([1, 2, 3, 4]),
            "qa_score": random.choice([None, 0.0, 71.5, 90.0]),
            "qa_subject": random.choice([None, 1, 2]),
            "qa_rubric_version": random.choice([None, "", "v1", "v2"]),
            "escalation_expected": random.choice([None, True, False]),
        }
        outcomes.append(an_outcome_record(number, **facts))
    store.add(decisions, outcomes)
    feed = EvidenceFeed(store)
    while feed.step().more:
        pass
    yield SqlEvidence(store.reading)
    store.close()


@pytest.mark.parametrize("wanted", WINDOWS)
def test_scores_are_summed_by_rubric_and_subject(reader: SqlEvidence, wanted: CellFilter) -> None:
    """One rubric is one scale, and the AI is compared with people by it."""
    scores: defaultdict[tuple[Cell, str, int], list[float]] = defaultdict(list)
    for row in reader.rows(wanted):
        if row.qa_score is not None and row.qa_subject is not None and row.qa_rubric_version:
            cell = Cell(row.cell.tenant_id, row.cell.department, row.cell.intent)
            scores[cell, row.qa_rubric_version, row.qa_subject].append(row.qa_score)
    assert scores
    expected = [
        ScoreSums(*key, Moments(len(some), sum(some), sum(one * one for one in some))) for key, some in scores.items()
    ]
    assert sorted(expected) == sorted(reader.score_sums(wanted))


@pytest.mark.parametrize("wanted", WINDOWS)
@pytest.mark.parametrize("most", [1, 20, 1_000])
def test_the_newest_judgements_by_design_are_taken(reader: SqlEvidence, wanted: CellFilter, most: int) -> None:
    """On the loop only audits and a census see a fair share."""
    judged = [row for row in reader.rows(wanted) if row.escalation_expected is not None and _chance(row) > 0]
    judged.sort(key=lambda row: (row.decided_at_us, row.decision_id), reverse=True)
    expected = [JudgedRow(row.decision_id, _chance(row), row.draw, bool(row.escalation_expected)) for row in judged]
    assert expected
    assert expected[:most] == reader.judged(wanted, most)


def _chance(row: EvidenceRow) -> float:
    if row.cell.tier != 1:
        return 1.0
    return row.probability if row.due_at_us is not None or row.basis == LabelBasis.CENSUS else 0.0
