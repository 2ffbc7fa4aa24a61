"""Surges of volume and drops of confidence, found in the evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oversight.insight.breaking import Breaking
from oversight.insight.confidence_drops import ConfidenceWatches
from oversight.insight.surges import find_surges
from oversight.rules.scopes import Scope
from oversight.storage.confidences import ConfidenceRow
from oversight.storage.evidence import Cell
from oversight.thresholds.values import Values
from sign_evidence import DAY_US, HOUR_US, TODAY, Decided, MemoryEvidence
from threshold_desk import CARDS, CENTRE, Desk, a_setting, by, the_rules

HOUR = TODAY * 24 + 10
CELL = Cell("acme", "orders", "order_status", 1, "m1")


def everywhere(_: str) -> bool:
    return True


def in_hours(counts: dict[int, int], cell: Cell = CELL) -> list[Decided]:
    return [Decided(cell, hour * HOUR_US + number) for hour, count in counts.items() for number in range(count)]


def weekly(count: int, weeks: int, now: int) -> dict[int, int]:
    """Return *count* decisions in the same hour of each of the *weeks* before, and *now* of them in this one."""
    return {HOUR: now, **{HOUR - 168 * week: count + week % 3 for week in range(1, weeks + 1)}}


@pytest.mark.parametrize(
    ("counts", "surged"),
    [
        (weekly(30, 12, 90), True),
        (weekly(30, 8, 90), True),
        (weekly(30, 12, 36), False),
        (weekly(30, 7, 90), False),
        (weekly(2, 12, 19), False),
        ({**weekly(0, 0, 40), HOUR - 168 * 12: 1}, True),
    ],
)
def test_an_hour_surges_beside_the_same_hour_of_eight_weeks(counts: dict[int, int], surged: bool) -> None:
    """Three times as many is one; as many as usual, too few, and too little to compare with are none."""
    found = find_surges(MemoryEvidence([], in_hours(counts)), HOUR, everywhere)

    assert surged == bool(found)


@pytest.mark.parametrize("moved", [-1, 1])
def test_clocks_that_were_changed_are_no_surge(moved: int) -> None:
    """Customers come at eight by their clocks; by UTC that is another hour than last week, and there was nothing."""
    before = {HOUR - 168 * week + moved: 40 + week % 3 for week in range(1, 13)}

    assert [] == find_surges(MemoryEvidence([], in_hours({HOUR: 41, **before})), HOUR, everywhere)
    assert find_surges(MemoryEvidence([], in_hours({HOUR: 120, **before})), HOUR, everywhere)


def test_the_hour_before_the_surge_is_not_compared_with() -> None:
    """It may be a part of it."""
    counts = {**weekly(30, 12, 90), HOUR - 1: 90, HOUR - 3: 90}

    assert find_surges(MemoryEvidence([], in_hours(counts)), HOUR, everywhere)


def test_a_surge_names_its_place_and_its_day_and_keeps_its_figures() -> None:
    """They stand with the change that it causes."""
    (cause,) = find_surges(MemoryEvidence([], in_hours(weekly(30, 12, 90))), HOUR, everywhere)

    assert ("orders", "order_status", "VOLUME_SURGE", TODAY * DAY_US, None, 28) == (
        *(cause.department, cause.intent, cause.text, cause.since_us),
        *(cause.finding, cause.released_days),
    )
    assert (90, HOUR) == (cause.evidence["count"], cause.evidence["hour"])
    assert cause.evidence["p_value"] < 0.001
    json.dumps(cause.evidence)


def test_only_departments_that_ask_for_it_are_looked_at() -> None:
    """It is off until a policy owner writes it down."""
    assert [] == find_surges(MemoryEvidence([], in_hours(weekly(30, 12, 90))), HOUR, lambda name: name != "orders")


def baseline(n: int = 400, cell: Cell = CELL) -> MemoryEvidence:
    start_us = (TODAY - 10) * DAY_US
    return MemoryEvidence(
        [], [Decided(cell, start_us + number * HOUR_US // 4, 0.85 if number % 2 else 0.95) for number in range(n)]
    )


def rows(n: int, confidence: float | None, start: int = 0, model: str = "m1") -> list[ConfidenceRow]:
    return [
        ConfidenceRow(TODAY * DAY_US + number, f"{number:032x}", "acme", "orders", "order_status", model, confidence)
        for number in range(start, start + n)
    ]


def test_confidence_that_drops_is_found_and_what_stays_is_not() -> None:
    """Against the 28 days before, at most one false alarm in 5,000 decisions."""
    assert [] == ConfidenceWatches(baseline()).watch(rows(600, 0.89), everywhere)

    (cause,) = ConfidenceWatches(baseline()).watch(rows(600, 0.7), everywhere)

    assert ("orders", "order_status", "CONFIDENCE_DROP", TODAY * DAY_US, 0) == (
        *(cause.department, cause.intent, cause.text, cause.since_us, cause.released_days),
    )
    assert (0.9, 600, "m1") == (
        *(round(cause.evidence["baseline"], 9), cause.evidence["outcomes"]),
        cause.evidence["model_version"],
    )


def test_a_drop_that_goes_on_for_days_takes_no_step_after_a_person_released_it() -> None:
    """Each day was another cause, and the value was tightened again and again."""
    watches = ConfidenceWatches(baseline())
    breaker = "breaker: {steps: {autonomy: 0.02}, anomalies: true}\n"
    desk = Desk(the_rules(centre=CENTRE + breaker, orders=CARDS.replace("cards", "orders").replace("bank", "centre")))
    place = {"intent": "order_status", "department": "orders"}
    values = []
    for day in range(6):
        if day == 2:
            desk.changes.update([a_setting(0.86, policy="orders", **place)], by())
        low = [one._replace(decided_at_us=one.decided_at_us + day * DAY_US) for one in rows(300, 0.7, 300 * day)]
        Breaking(desk.log, rules=lambda: desk.rules).take(watches.watch(low, everywhere), TODAY + day)
        lookup = Values(desk.rules, desk.log.state().values).lookup("orders", desk.now_us)
        values.append(lookup("autonomy", Scope(**place)).value)

    assert [0.87, 0.89, 0.86, 0.86, 0.86, 0.86] == values


def test_a_restart_goes_on_where_it_was() -> None:
    """Half the decisions before it and half behind it are as good as all at once."""
    evidence = baseline()
    whole = ConfidenceWatches(evidence)
    whole.watch(rows(300, 0.8), everywhere)

    first = ConfidenceWatches(evidence)
    first.watch(rows(120, 0.8), everywhere)
    second = ConfidenceWatches(evidence, json.loads(json.dumps(first.as_document())))
    second.watch(rows(180, 0.8, start=120), everywhere)

    assert whole.as_document() == second.as_document()


def test_what_is_absent_is_not_low() -> None:
    """A gateway without confidences raises nothing here; rules see to that."""
    watches = ConfidenceWatches(baseline())

    assert [] == watches.watch(rows(600, None), everywhere)
    assert {} == watches.as_document()


@pytest.mark.parametrize("evidence", [baseline(150), baseline(400, CELL._replace(model_version="m0"))])
def test_without_a_baseline_of_its_own_nothing_is_said(evidence: MemoryEvidence) -> None:
    """Another model version is another matter."""
    assert [] == ConfidenceWatches(evidence).watch(rows(600, 0.1), everywhere)


def test_an_intent_of_no_confidence_has_no_room_for_a_drop() -> None:
    """The detector asks for a mean above its slack."""
    low = baseline()
    low.decided = [one._replace(confidence=0.02) for one in low.decided]

    assert [] == ConfidenceWatches(low).watch(rows(600, 0.0), everywhere)


def test_a_baseline_is_kept_for_28_days_and_then_begun_anew() -> None:
    """One that followed the confidence would follow its drop."""
    watches = ConfidenceWatches(baseline())
    watches.watch(rows(10, 0.9), everywhere)
    (before,) = watches.as_document().values()
    later = [row._replace(decided_at_us=row.decided_at_us + 27 * DAY_US) for row in rows(10, 0.9, start=10)]
    watches.watch(later, everywhere)
    (kept,) = watches.as_document().values()
    much_later = [row._replace(decided_at_us=row.decided_at_us + 29 * DAY_US) for row in rows(10, 0.9, start=20)]
    watches.watch(much_later, everywhere)
    (after,) = watches.as_document().values()

    assert (before[0], 20) == (kept[0], kept[4])
    assert after[0] == TODAY * DAY_US + 20 + 29 * DAY_US


def test_what_is_not_decided_any_more_is_forgotten() -> None:
    """A thousand old model versions must not be carried along."""
    watches = ConfidenceWatches(baseline())
    watches.watch(rows(10, 0.9), everywhere)
    watches.forget((TODAY + 1) * DAY_US)

    assert {} == watches.as_document()


def test_only_wanted_departments_are_watched() -> None:
    """As for volume."""
    found: list[Any] = ConfidenceWatches(baseline()).watch(rows(600, 0.5), lambda name: name != "orders")

    assert [] == found
