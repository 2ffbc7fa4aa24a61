"""What the evidence says is what the statistics say of the same decisions and outcomes, in every database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from contract.evidence_world import (
    HOUR_US,
    MINUTE_US,
    SPLITS,
    START_US,
    WINDOWS,
    World,
    a_world,
    cell_of_record,
    decision_of,
    facts_of,
    finish,
    group_of,
    labels_of,
    make_decision,
    take_in,
    wanted_of,
)
from contract.samples import an_outcome_record
from oversight.feedback.draws import equalising_draw
from oversight.feedback.facts import LabelBasis, escalation_of, latest
from oversight.feedback.facts import counted as counted_facts
from oversight.storage.evidence import (
    Cell,
    CellFilter,
    DueAudit,
    EvidenceKey,
    EvidenceRow,
    FactSums,
    Moments,
    Split,
)
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.records import DecisionRecord
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from places import Place


def facts_by_rows(world: World, wanted: CellFilter, split: Sequence[Split], *, by_day: bool) -> list[FactSums]:
    """Return the sums of facts as they are counted decision by decision."""
    groups: dict[tuple[Cell, int | None], list[DecisionRecord]] = {}
    for record in wanted_of(world, wanted):
        day = record.decided_at_us // (24 * HOUR_US) if by_day else None
        groups.setdefault((group_of(record, split), day), []).append(record)
    return [FactSums(*place, len(records), *_facts(world, records)) for place, records in groups.items()]


def _facts(world: World, records: Sequence[DecisionRecord]) -> list[Any]:
    found = [(decision_of(record), facts_of(record, world)) for record in records]
    said = [
        {name: latest(facts, name) for name in ("handled_by", "escalated", "resolution", "repeat_contact", "csat")}
        for _, facts in found
    ]
    unexpected = [escalation_of(decision, facts) for decision, facts in found]
    by = [one["handled_by"] for one in said]
    alone = [one["resolution"] for one in said if one["handled_by"] == 1 and not one["escalated"]]
    repeats = [one["repeat_contact"] for one in said]
    scores = [
        [one["csat"] for one in said if one["csat"] is not None and one["handled_by"] in handled]
        for handled in ((1,), (2, 3))
    ]
    return [
        *(by.count(who) for who in (1, 2, 3)),
        *(alone.count(how) for how in (1, 2, 3)),
        *(
            flags.count(flag) if flag else len(flags) - flags.count(None)
            for flags in (repeats, unexpected)
            for flag in (True, None)
        ),
        *(Moments(len(of), sum(of), sum(score * score for score in of)) for of in scores),
    ]


def by_place(sums: Sequence[FactSums]) -> dict[Any, FactSums]:
    return {(one.cell, one.day): one for one in sums}


def test_facts_are_counted_as_they_were_observed_last(place: Place) -> None:
    """Containment, repeat contacts and satisfaction of one contact come from what was said last of it."""
    world = a_world(11, 200, 500)
    store = SqlStore(place.url, writer="replica-1")
    take_in(world, store)
    reader = SqlEvidence(store.reading)
    for wanted, split, by_day in product(WINDOWS, SPLITS, (False, True)):
        expected = facts_by_rows(world, wanted, split, by_day=by_day)
        assert by_place(expected) == by_place(reader.fact_sums(wanted, split, by_day=by_day))
    store.close()


@pytest.fixture
def told(place: Place) -> Iterator[tuple[World, SqlEvidence]]:
    """Return a world and what reads it."""
    world = a_world(13, 200, 300)
    store = SqlStore(place.url, writer="replica-1")
    take_in(world, store)
    yield world, SqlEvidence(store.reading)
    store.close()


def test_hours_count_every_decision_with_its_confidence(told: tuple[World, SqlEvidence]) -> None:
    """Volumes of hours are what surges are found in."""
    world, reader = told
    for wanted in WINDOWS:
        records = wanted_of(world, wanted)
        counted = Counter((cell_of_record(one).intent, one.decided_at_us // HOUR_US) for one in records)
        found = reader.hours(wanted, (Split.INTENT,))

        assert counted == {(one.cell.intent, one.hour): one.decisions for one in found}
        assert sorted(one.hour for one in found) == [one.hour for one in found]
        for one in found:
            assert one.decisions == one.confidence.n
            assert pytest.approx(0.42 * one.decisions) == one.confidence.total
            assert pytest.approx(0.42**2 * one.decisions) == one.confidence.squares


def test_rows_come_cell_by_cell_and_by_time(place: Place) -> None:
    """Whoever adds up rows of one cell needs no memory for the others."""
    world = a_world(13, 200, 300)
    store = SqlStore(place.url, writer="replica-1")
    take_in(world, store)
    reader = SqlEvidence(store.reading, rows_a_look=3)
    records = {one.decision_id: one for one in world.decisions}
    wanted = CellFilter(since_us=START_US + 90 * MINUTE_US, until_us=START_US + 700 * MINUTE_US)

    rows = [*reader.rows(wanted)]

    assert [cell for cell, _ in groupby(rows, key=lambda row: row.cell)] == list(
        dict.fromkeys(row.cell for row in rows)
    )
    for _, some in groupby(rows, key=lambda row: row.cell):
        keys = [(row.decided_at_us, row.decision_id) for row in some]
        assert sorted(keys) == keys
    said = {one.outcome.decision_id for one in world.accepted}
    expected = {
        one.decision_id
        for one in wanted_of(world, wanted)
        if one.decision_id in said or one.tier == 2 or one.audit_selected
    }
    assert expected == {row.decision_id for row in rows}
    assert len(expected) == len(rows)
    labels = labels_of(world, now_us=0)
    for row in rows:
        record, found = records[row.decision_id], labels[row.decision_id]
        assert (cell_of_record(record), record.decided_at_us) == (row.cell, row.decided_at_us)
        assert (found.loss, found.basis, found.probability) == (row.loss, row.basis, row.probability)
        assert found.labelled_at_us == row.labelled_at_us
        assert equalising_draw(row.decision_id) == row.draw
        assert ("low_confidence" if int(row.decision_id, 16) % 2 else "routine") == row.rule_id
    store.close()


@pytest.mark.parametrize("wanted", [CellFilter(), CellFilter(tier=1), CellFilter(intent="refund", tier=2)])
def test_what_is_due_is_listed_the_earliest_first_page_by_page(
    told: tuple[World, SqlEvidence], wanted: CellFilter
) -> None:
    """A desk works through the list; what was done meanwhile is not on the next page."""
    _, reader = told
    waiting = [row for row in reader.rows(wanted) if row.loss is None and row.due_at_us is not None]
    expected = sorted((row.due_at_us or 0, row.decision_id) for row in waiting)
    assert expected

    found: list[DueAudit] = []
    after: EvidenceKey | None = None
    while True:
        page = reader.due(wanted, 4, after)
        found += page.audits
        after = page.following
        if after is None:
            break

    assert expected == [(one.due_at_us, one.decision_id) for one in found]
    assert all(one.basis == (LabelBasis.REVIEW if one.cell.tier == 2 else LabelBasis.AUDIT) for one in found)
    cut_us = expected[len(expected) // 2][0]
    overdue = reader.due(wanted, 1_000, None, overdue_before_us=cut_us).audits
    assert [one for one in expected if one[0] < cut_us] == [(one.due_at_us, one.decision_id) for one in overdue]


def test_corrections_are_listed_newest_first(told: tuple[World, SqlEvidence]) -> None:
    """What people changed last is what a model learns from first."""
    world, reader = told
    changed = {
        one.outcome.decision_id
        for decision in world.decisions
        for one, facts in zip(
            [some for some in world.accepted if some.outcome.decision_id == decision.decision_id],
            facts_of(decision, world),
            strict=True,
        )
        if counted_facts([facts]) and one.outcome.verdict in (2, 3, 4, 5)
    }
    for wanted in (CellFilter(), CellFilter(intent="order", since_us=START_US + HOUR_US + 1)):
        records = [one for one in wanted_of(world, wanted) if one.decision_id in changed]
        expected = sorted(((one.decided_at_us, one.decision_id) for one in records), reverse=True)
        found: list[EvidenceRow] = []
        while page := reader.corrected(wanted, 4, _key(found[-1]) if found else None):
            found += page

        assert expected == [tuple(_key(row)) for row in found]
        assert expected


def _key(row: EvidenceRow) -> EvidenceKey:
    return EvidenceKey(row.decided_at_us, row.decision_id)


def test_planted_errors_are_counted_where_a_reviewer_saw_them(place: Place) -> None:
    """Who approves a seeded error did not look; who never got it is not to blame."""
    verdicts = (1, 2, 3, 4, 5, 6, 7, None)
    store = SqlStore(place.url, writer="replica-1")
    reports = [
        an_outcome_record(1, outcome_id=f"o{number}", verdict=verdict, label_basis=2, planted=True)
        for number, verdict in enumerate(verdicts)
    ]
    store.add([make_decision(1, minute=1, tier=1, audit_probability=0.5, audit_selected=True)], reports)
    finish(EvidenceFeed(store))

    (row,) = SqlEvidence(store.reading).rows(CellFilter())

    assert (5, 3, None, False) == (row.planted, row.caught, row.loss, row.corrected)
    store.close()


def test_labels_are_counted_for_rules(told: tuple[World, SqlEvidence]) -> None:
    """`labelled_outcomes` of a rule: of the tenant, the intent and the model version, whatever the department."""
    world, reader = told
    expected: Counter[tuple[str | None, ...]] = Counter()
    labels = labels_of(world, now_us=0)
    for record in world.decisions:
        cell = cell_of_record(record)
        expected[cell.tenant_id, cell.intent, cell.model_version] += labels[record.decision_id].loss is not None

    assert expected == {tuple(one[:3]): one.labels for one in reader.label_counts()}


def test_what_is_asked_most_is_found_by_an_index(tmp_path: Path) -> None:
    """A look at every row for each batch, or each page, would make all of it slower from day to day."""
    store = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")
    take_in(a_world(2, 50, 50), store)
    said: list[str] = []
    reader = SqlEvidence(store.reading)

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if "evidence" in statement and not statement.startswith(("EXPLAIN", "INSERT")):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            said.extend(f"{row[3]}: {statement}" for row in plan)

    event.listen(store._engine, "before_cursor_execute", explain)  # noqa: SLF001 - the wire to the database
    store.add([], [an_outcome_record(number, outcome_id=f"late-{number}") for number in range(1, 20)])
    finish(EvidenceFeed(store))
    reader.rate_counts(CellFilter(), [(Split.INTENT,)], START_US)
    reader.due(CellFilter(), 5, None)
    reader.due(CellFilter(intent="refund"), 5, EvidenceKey(5, "a"))
    reader.corrected(CellFilter(), 5, None)
    reader.corrected(CellFilter(intent="refund"), 5, EvidenceKey(5, "a"))
    store.close()

    scans = [one for one in said if one.startswith(("SCAN evidence", "SCAN e"))]
    assert len(said) > 5
    assert [] == [one for one in scans if "USING INDEX evidence_corrected" not in one]
