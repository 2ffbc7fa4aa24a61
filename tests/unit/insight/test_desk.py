"""What insights say of a store that was counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract.evidence_world import DUE_H, HOUR_US, MINUTE_US, START_US, make_decision
from contract.samples import REASON, an_id, an_outcome_record
from evidence_store import EvidenceStore
from oversight.engine.decision import Escalation
from oversight.feedback.error_rates import RateState
from oversight.feedback.intervals import exact_interval
from oversight.feedback.welch import difference, scores_of
from oversight.insight.desk import InsightDesk
from oversight.insight.values import MOST_GROUPS, largest_first
from oversight.storage.evidence import Cell, CellFilter, EvidenceKey, Split
from places import Place

DAY_US = 24 * HOUR_US
APPROVED, REJECTED, TAKEN_OVER = 1, 4, 5
AUDIT, CENSUS, VOLUNTEERED = 2, 3, 4


class Scene:
    """A store with evidence, a desk over it, and the time at the desk."""

    def __init__(self, url: str) -> None:
        self.world = EvidenceStore(url)
        self.now_us = START_US + DAY_US
        self.desk = InsightDesk(
            self.world.evidence,
            records=self.world.listing,
            reasons=self.world.replayable,
            clock_us=lambda: self.now_us,
        )


@pytest.fixture
def scene(place: Place) -> Iterator[Scene]:
    scene = Scene(place.url)
    yield scene
    scene.world.close()


def rates(scene: Scene, *split: Split, wanted: CellFilter = CellFilter(), target: float = 0.05) -> Any:  # noqa: B008 - a value
    return scene.desk.error_rates(wanted, split, target=target, confidence=0.95)


def test_an_empty_store_has_an_honest_answer(scene: Scene) -> None:
    """No evidence is no rate, and no error either."""
    found = rates(scene)
    assert (RateState.INSUFFICIENT_DATA, 0, None, 361) == (
        *(found.total.rate.state, found.total.rate.n, found.total.rate.rate),
        found.total.rate.labels_needed,
    )
    assert ((), None) == (found.groups, found.grouped.through_us)
    contained = scene.desk.containment(CellFilter(), [Split.INTENT])
    assert ((), 0, None, None) == (
        *(contained.groups, contained.total.known),
        *(contained.total.confirmed_share, contained.total.assumed_share),
    )
    satisfied = scene.desk.csat_delta(CellFilter(), [Split.INTENT]).total
    assert (0, None, None, None) == (satisfied.n_ai, satisfied.mean_ai, satisfied.difference, satisfied.trend)
    assert ((), 0) == scene.desk.escalation_quality(CellFilter())[:2]
    assert () == scene.desk.quality_parity(CellFilter()).gaps
    assert () == scene.desk.due_audits(CellFilter(), 5, None, overdue=False).audits
    assert ((), None) == scene.desk.corrections(CellFilter(), 5, None)


def test_the_error_rate_has_an_exact_interval_by_group_and_in_all(scene: Scene) -> None:
    """Two intents, one of them a person's at times: the total is of what the AI did."""
    audited = {"audit_probability": 1.0, "audit_selected": True}
    scene.world.add(
        [make_decision(n, minute=n, intent="refund" if n % 3 else "order", **audited) for n in range(60)],
        [
            an_outcome_record(
                n,
                verdict=REJECTED if n in (1, 2) else APPROVED,
                label_basis=AUDIT,
                observed_at_us=START_US + n,
                received_at_us=START_US + HOUR_US,
            )
            for n in range(60)
        ],
    )
    scene.world.decide(100, tier=3, intent="order", audit_selected=False, audit_probability=0.0)

    found = rates(scene, Split.INTENT)

    total = found.total.rate
    assert (RateState.MEASURED, 60, 2, 2 / 60, 60, 60 / 61) == (
        *(total.state, total.n, total.errors, total.rate),
        *(total.volume, total.volume_share),
    )
    assert exact_interval(2, 60) == (total.low, total.high)
    assert START_US + 59 == found.total.newest_label_us
    groups = [(one.cell, one.rate.n, one.rate.errors) for one in found.groups]
    assert [(Cell(intent="refund"), 40, 2), (Cell(intent="order"), 20, 0)] == groups
    assert RateState.INSUFFICIENT_DATA == found.groups[1].rate.state
    assert 361 - 20 == found.groups[1].rate.labels_needed


def test_a_review_that_was_not_done_is_in_no_rate_and_is_told(scene: Scene) -> None:
    """Its share stands beside the rate: what is missing may be what is wrong."""
    for number in range(4):
        scene.world.decide(number)
    scene.world.report(0, verdict=APPROVED, label_basis=AUDIT)
    found = rates(scene).total.rate
    assert (1, 0, 0.75) == (found.n, found.errors, found.missed_share)


def test_without_times_the_last_ninety_days_count(scene: Scene) -> None:
    """A rate of years would hide what the model does today."""
    scene.world.decide(0)
    scene.now_us = START_US + 90 * DAY_US
    assert 1 == rates(scene).total.rate.volume
    scene.now_us += 2 * HOUR_US
    assert 0 == rates(scene).total.rate.volume
    assert 1 == rates(scene, wanted=CellFilter(since_us=START_US)).total.rate.volume
    assert 1 == rates(scene, wanted=CellFilter(until_us=START_US + HOUR_US)).total.rate.volume
    assert 0 == rates(scene, wanted=CellFilter(until_us=START_US)).total.rate.volume


def test_a_filter_goes_into_every_answer(scene: Scene) -> None:
    """One tenant's answer must not be made of another's records."""
    for number in range(4):
        scene.world.decide(number, tenant_id="a" if number % 2 else "b")
        scene.world.report(
            number, handled_by=1, csat=3.0, resolution=1, escalation_expected=True, verdict=REJECTED, label_basis=AUDIT
        )
    wanted = CellFilter(tenant_id="a")
    assert 2 == rates(scene, wanted=wanted).total.rate.volume
    assert 2 == scene.desk.containment(wanted, ()).total.volume
    assert 2 == scene.desk.csat_delta(wanted, ()).total.n_ai
    assert 2 == scene.desk.escalation_quality(wanted).judged
    assert 2 == len(scene.desk.corrections(wanted, 5, None).corrections)


def test_containment_tells_what_was_confirmed_from_what_is_assumed(scene: Scene) -> None:
    """A customer who gave up is not one who was helped."""
    facts: list[dict[str, Any]] = [
        {"handled_by": 1, "resolution": 1},
        {"handled_by": 1, "resolution": 1, "escalated": True},
        {"handled_by": 1, "resolution": 2},
        {"handled_by": 1, "resolution": 3},
        {"handled_by": 2, "resolution": 1},
        {"csat": 4.0},
    ]
    for number, reported in enumerate(facts):
        scene.world.decide(number, intent="order")
        scene.world.report(number, **reported)

    found = scene.desk.containment(CellFilter(), [Split.INTENT])

    assert (6, 5, 1, 1, 0.2, 0.2) == (
        *(found.total.volume, found.total.known, found.total.confirmed, found.total.assumed),
        *(found.total.confirmed_share, found.total.assumed_share),
    )
    assert exact_interval(1, 5) == (found.total.low, found.total.high)
    assert [Cell(intent="order")] == [one.cell for one in found.groups]


def report_scores(scene: Scene, first: int, scores: list[float], **fields: Any) -> None:
    """Put a decision and its score on record for each of *scores*."""
    handled_by = fields.pop("handled_by", 1)
    for number, score in enumerate(scores, start=first):
        scene.world.decide(number, **fields)
        scene.world.report(number, handled_by=handled_by, csat=score)


def test_satisfaction_is_compared_intent_by_intent(scene: Scene) -> None:
    """People get the hard matters: a plain mean would blame them for it."""
    easy, hard = {"intent": "easy"}, {"intent": "hard"}
    report_scores(scene, 0, [5.0, 4.0, 5.0, 4.0], **easy)
    report_scores(scene, 10, [2.0, 1.0], **hard)
    report_scores(scene, 20, [5.0, 4.0], handled_by=2, **easy)
    report_scores(scene, 30, [2.0, 1.0, 2.0, 1.0], handled_by=3, **hard)

    found = scene.desk.csat_delta(CellFilter(), [Split.INTENT])

    assert (6, 6) == (found.total.n_ai, found.total.n_human)
    assert 3.5 == found.total.mean_ai
    assert found.total.difference is not None
    assert pytest.approx(0.0) == found.total.difference.value
    one = difference([(scores_of([5.0, 4.0, 5.0, 4.0]), scores_of([5.0, 4.0]))])
    by_intent = {group.cell.intent: group.difference for group in found.groups}
    assert one is not None
    assert pytest.approx(one) == by_intent["easy"]
    by_department = scene.desk.csat_delta(CellFilter(), [Split.DEPARTMENT]).groups
    assert [found.total.difference] == [group.difference for group in by_department], "standardised, too"


def test_the_trend_is_the_last_fortnight_less_the_four_weeks_before(scene: Scene) -> None:
    """By whole days: what is older than six weeks is in neither."""
    minutes = 24 * 60
    scene.now_us = START_US + 60 * DAY_US
    report_scores(scene, 0, [1.0, 1.0], minute=10 * minutes)
    report_scores(scene, 10, [4.0, 5.0], minute=30 * minutes)
    report_scores(scene, 20, [2.0, 3.0], minute=50 * minutes)
    found = scene.desk.csat_delta(CellFilter(), ()).total
    assert found.trend is not None
    assert (-2.0, 2, 2) == (found.trend.value, found.trend.n_first, found.trend.n_second)
    earlier = scene.desk.csat_delta(CellFilter(until_us=START_US + 45 * DAY_US), ()).total
    assert earlier.trend is None, "two weeks earlier there was nothing to compare with"


def test_quality_is_compared_by_one_rubric_only(scene: Scene) -> None:
    """Two rubrics are two scales."""
    for number in range(8):
        scene.world.decide(number, intent="order")
        rubric = {6: "v2", 7: None}.get(number, "v1")
        scene.world.report(
            number, qa_score=90.0 if number % 2 else 80.0 + number, qa_subject=1 + number % 2, qa_rubric_version=rubric
        )
    found = scene.desk.quality_parity(CellFilter()).gaps
    assert ["v1", "v2"] == [one.gap.rubric_version for one in found]
    assert (3, 3, False, -8.0) == (found[0].gap.n_ai, found[0].gap.n_human, found[0].gap.enough, found[0].gap.gap)
    assert (1, 0, None) == (found[1].gap.n_ai, found[1].gap.n_human, found[1].gap.gap)
    assert Cell(tenant_id="acme", department="retail_banking", intent="order") == found[0].cell


def test_rules_are_judged_by_whether_a_person_was_needed(scene: Scene) -> None:
    """The confusion matrix: which rule asks for nothing, and which should have asked."""
    asks = REASON._replace(rule_id="asks", escalation=int(Escalation.OFFER))
    watches = REASON._replace(rule_id="watches", escalation=int(Escalation.NONE))
    for number, needed in enumerate([True, False, False]):
        scene.world.decide(number, tier=2, reasons=(asks, watches))
        scene.world.report(number, escalation_expected=needed)
    scene.world.decide(5, reasons=(REASON._replace(rule_id="routine", escalation=int(Escalation.NONE)),))
    scene.world.report(5, escalation_expected=True)

    found = scene.desk.escalation_quality(CellFilter())

    rules = {rule.rule_id: tuple(rule)[1:] for rule in found.rules}
    assert {"asks": (1, 2, 0, 0, 0, 0), "watches": (0, 0, 0, 0, 1, 2), "routine": (0, 0, 1, 0, 0, 0)} == rules
    assert 4 == found.judged


def test_what_was_told_without_being_asked_judges_no_rule(scene: Scene) -> None:
    """On the loop only audits see a fair share; somebody who reports by himself has a reason to."""
    for number, probability, selected in ((0, 0.0, False), (1, 0.5, False)):
        scene.world.decide(number, audit_probability=probability, audit_selected=selected)
        scene.world.report(number, escalation_expected=True)
    assert 0 == scene.desk.escalation_quality(CellFilter()).judged


def test_judged_decisions_are_thinned_to_the_chance_of_an_audit(scene: Scene) -> None:
    """Reviews see every decision, audits one in ten: raw counts would show too few misses."""
    scene.world.add(
        [make_decision(number, minute=number, tier=2) for number in range(200)],
        [an_outcome_record(number, verdict=None, label_basis=None, escalation_expected=False) for number in range(200)],
    )
    scene.world.decide(500, audit_probability=0.1, audit_selected=True)
    scene.world.report(500, escalation_expected=True)
    found = scene.desk.escalation_quality(CellFilter())
    reviewed, routine = found.rules
    assert (201, 100) == (found.judged, reviewed.rightly_left), "its decisions were all reviewed"
    assert (1, True) == (routine.missed, 1 <= routine.rightly_left <= 25)


def test_what_is_due_comes_earliest_first_page_by_page(scene: Scene) -> None:
    """Whoever reviews begins with what is late."""
    for number in range(5):
        scene.world.decide(number)
    scene.world.report(2, verdict=APPROVED, label_basis=AUDIT)
    scene.now_us = START_US + round(DUE_H * HOUR_US) + 2 * MINUTE_US
    first = scene.desk.due_audits(CellFilter(), 2, None, overdue=False)
    rest = scene.desk.due_audits(CellFilter(), 2, first.following, overdue=False)
    assert [0, 1, 3, 4] == [int(one.decision_id, 16) for one in (*first.audits, *rest.audits)]
    assert rest.following is None
    late = scene.desk.due_audits(CellFilter(), 9, None, overdue=True)
    assert [0, 1] == [int(one.decision_id, 16) for one in late.audits]
    assert scene.now_us == late.now_us


def test_corrections_have_their_loss_and_their_weight(scene: Scene) -> None:
    """Training must know how many decisions like it stand behind each."""
    scene.world.decide(0, audit_probability=0.25)
    scene.world.report(0, verdict=REJECTED, label_basis=AUDIT)
    scene.world.decide(1, audit_selected=False, audit_probability=0.25)
    scene.world.report(1, verdict=REJECTED, label_basis=VOLUNTEERED)
    scene.world.decide(2, audit_probability=0.25)
    scene.world.report(2, verdict=TAKEN_OVER, label_basis=AUDIT)
    scene.world.decide(3)
    scene.world.report(3, verdict=APPROVED, label_basis=AUDIT)
    scene.world.decide(4, audit_selected=False, audit_probability=0.25)
    scene.world.report(4, verdict=REJECTED, label_basis=CENSUS)

    first = scene.desk.corrections(CellFilter(), 3, None)
    rest = scene.desk.corrections(CellFilter(), 3, first.following)

    found = [(int(one.key.decision_id, 16), one.loss, one.weight) for one in (*first.corrections, *rest.corrections)]
    assert [(4, 1, 1.0), (2, None, 4.0), (1, None, None), (0, 1, 4.0)] == found
    assert (EvidenceKey(START_US + MINUTE_US, an_id(1)), None) == (first.following, rest.following)
    assert 1 == len(first.corrections[0].stored.outcomes)


def test_more_groups_than_may_be_are_counted() -> None:
    """An answer that nobody can take helps nobody; the largest are shown."""
    groups = [(number, Cell(intent=str(number))) for number in range(MOST_GROUPS + 3)]
    shown, left_out = largest_first(groups, lambda one: one[0], lambda one: one[1])
    assert (MOST_GROUPS, 3, MOST_GROUPS + 2) == (len(shown), left_out, shown[0][0])
