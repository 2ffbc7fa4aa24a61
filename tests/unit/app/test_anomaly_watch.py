"""The look at volume and confidence in the keeper: where a policy asks for it, from where it was left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from contract.samples import NOW_US, a_record, a_request
from oversight.app.anomaly_watch import AnomalyWatch
from oversight.errors import InvalidPolicyError, Problem, StoreUnavailableError
from oversight.insight.breaking import Cause
from oversight.storage.confidences import ConfidenceRow, SqlConfidences
from oversight.storage.evidence import Cell, EvidenceKey
from oversight.storage.sql import SqlStore
from oversight.storage.warning_store import SqlWarningStore
from oversight.thresholds.values import RulesInForce
from places import Place
from sign_evidence import DAY_US, HOUR_US, TODAY, Decided, MemoryEvidence
from threshold_desk import CENTRE, the_rules

CELL = Cell("acme", "centre", "order_status", 1, "m1")
RULES = the_rules(centre=CENTRE + "breaker: {steps: {autonomy: 0.02}, anomalies: true}\n")
WITHOUT = the_rules(centre=CENTRE + "breaker: {steps: {autonomy: 0.02}}\n")
START_US = TODAY * DAY_US + 9 * HOUR_US


class Confidences:
    """A `ConfidenceReader` over a list."""

    def __init__(self) -> None:
        self.rows: list[ConfidenceRow] = []
        self.read_from: list[int] = []

    def decide(self, n: int, at_us: int, confidence: float = 0.9) -> None:
        for number in range(n):
            row = ConfidenceRow(at_us + number, f"{number:032x}", *CELL[:3], "m1", confidence)  # type: ignore[arg-type]
            self.rows.append(row)

    def read(self, after: EvidenceKey, until_us: int, limit: int) -> list[ConfidenceRow]:
        """See `ConfidenceReader`."""
        self.read_from.append(after.decided_at_us)
        found = [row for row in sorted(self.rows) if after < row[:2] and row.decided_at_us < until_us]
        return found[:limit]


class Keeper:
    """One keeper's watch."""

    def __init__(self, store: SqlStore) -> None:
        self.now_us = START_US
        self.rules: RulesInForce | None = RULES
        self.elected = self.caught_up = True
        self.causes: list[str] = []
        self.failing = self.unreadable = False
        before = [Decided(CELL, START_US - 5 * DAY_US + number * HOUR_US // 8) for number in range(400)]
        weeks = [Decided(CELL, START_US - HOUR_US - week * 7 * DAY_US + n) for week in range(1, 13) for n in range(20)]
        self.evidence = MemoryEvidence([], [*before, *weeks])
        self.confidences = Confidences()
        self.store = store
        self.restart()

    def restart(self) -> None:
        self.watch = AnomalyWatch(
            self.evidence,
            self.confidences,
            SqlWarningStore(self.store),
            rules=self._rules,
            take_causes=self._take,
            elected=lambda: self.elected,
            has_caught_up=lambda _: self.caught_up,
            clock_us=lambda: self.now_us,
        )

    def _rules(self) -> RulesInForce | None:
        if self.unreadable:
            raise InvalidPolicyError([Problem("last_good.json", 0, 0, "no rules")])
        return self.rules

    def _take(self, causes: Sequence[Cause], day: int) -> None:
        if self.failing:
            raise StoreUnavailableError("the control store is down")
        assert day == self.now_us // DAY_US
        self.causes += [cause.text for cause in causes]

    def step(self, minutes: int = 1) -> list[str]:
        self.now_us += minutes * 60_000_000
        self.watch.step()
        found, self.causes = self.causes, []
        return found

    def surge(self) -> None:
        self.evidence.decided += [Decided(CELL, START_US - HOUR_US + number) for number in range(90)]


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    store = SqlStore(f"sqlite:///{tmp_path}/records.db", writer="w")
    yield Keeper(store)
    store.close()


def test_a_surge_is_found_once_the_hour_is_over(keeper: Keeper) -> None:
    """Once an hour, also over a restart."""
    keeper.surge()

    assert ["VOLUME_SURGE"] == keeper.step()
    assert [] == keeper.step()
    keeper.restart()
    assert [] == keeper.step()


def test_before_the_hour_is_in_the_evidence_nothing_is_said(keeper: Keeper) -> None:
    """Half an hour's volume beside whole ones says nothing."""
    keeper.surge()
    keeper.caught_up = False
    assert [] == keeper.step()

    keeper.caught_up = True
    assert ["VOLUME_SURGE"] == keeper.step()


def test_a_drop_of_confidence_is_found_over_steps_and_restarts(keeper: Keeper) -> None:
    """Nothing is read twice, and nothing is forgotten."""
    keeper.step(30)
    found = []
    for _ in range(8):
        keeper.confidences.decide(60, keeper.now_us - 300_000_000, 0.8)
        found += keeper.step(2)
        keeper.restart()

    assert found
    assert {"CONFIDENCE_DROP"} == set(found)
    assert keeper.confidences.read_from == sorted(keeper.confidences.read_from)


def test_a_steady_confidence_is_nothing(keeper: Keeper) -> None:
    """At the level of the weeks before."""
    keeper.confidences.decide(1_000, START_US - 30 * 60_000_000, 0.9)

    assert [] == keeper.step()


def test_a_step_that_failed_is_taken_at_the_next_look(keeper: Keeper) -> None:
    """What was read is not marked as done."""
    keeper.surge()
    keeper.failing = True
    assert [] == keeper.step()

    keeper.failing = False
    assert ["VOLUME_SURGE"] == keeper.step()


def test_rules_that_cannot_be_read_are_told(keeper: Keeper) -> None:
    """Until they can."""
    keeper.unreadable = True
    assert ([], "last_good.json: no rules") == (keeper.step(), keeper.watch.problem)

    keeper.unreadable = False
    assert ([], "") == (keeper.step(), keeper.watch.problem)


@pytest.mark.parametrize("rules", [None, WITHOUT])
def test_where_no_policy_asks_for_it_nothing_is_read(keeper: Keeper, rules: RulesInForce | None) -> None:
    """Most servers have no use for it."""
    keeper.surge()
    keeper.rules = rules

    assert ([], []) == (keeper.step(), keeper.confidences.read_from)


def test_only_the_elected_keeper_looks(keeper: Keeper) -> None:
    """Two would feed one detector twice."""
    keeper.surge()
    keeper.elected = False

    assert ([], []) == (keeper.step(), keeper.confidences.read_from)


def test_after_a_long_pause_it_goes_on_with_the_newest_hour(keeper: Keeper) -> None:
    """A day's backlog is not worth holding everything up for."""
    keeper.step()
    keeper.confidences.read_from.clear()
    keeper.step(24 * 60)

    assert [keeper.now_us - HOUR_US - 300_000_000] == keeper.confidences.read_from[:1]


def test_a_clock_that_was_ahead_stops_no_look(keeper: Keeper) -> None:
    """It had switched both looks off until the time it had jumped to."""
    ahead = 100 * 24 * 60
    keeper.now_us += ahead * 60_000_000
    keeper.confidences.decide(9, keeper.now_us - 300_000_000)
    assert [] == keeper.step(1)
    keeper.surge()
    for minute in range(8):
        keeper.confidences.decide(60, START_US + (minute - 5) * 60_000_000, 0.7)

    keeper.now_us = START_US
    assert {"VOLUME_SURGE", "CONFIDENCE_DROP"} == {*keeper.step(2), *keeper.step(8)}


def test_a_clock_that_is_set_back_a_little_reads_nothing_twice(keeper: Keeper) -> None:
    """A second's correction must not feed an hour's decisions again."""
    keeper.confidences.decide(60, START_US)
    keeper.step(6)
    keeper.now_us -= 120_000_000
    keeper.step(0)

    assert START_US <= keeper.confidences.read_from[-1]


def test_decisions_are_read_in_order_page_by_page(place: Place) -> None:
    """From behind the last one; two of one microsecond by their ids."""
    store = SqlStore(place.url, writer="w")
    assert [] == SqlConfidences(store.reading).read(EvidenceKey(0, ""), NOW_US + 9, 10)
    fields = {"intent": "a", "tenant_id": "acme", "department": "d", "model_version": "m"}
    requests = [
        a_request(
            number,
            decided_at_us=NOW_US + number // 2,
            **{**fields, "response_confidence": None if number == 3 else 0.5},
        )
        for number in range(6)
    ]
    store.add([a_record(number, request) for number, request in enumerate(requests)], [])
    reader = SqlConfidences(store.reading)

    first = reader.read(EvidenceKey(0, ""), NOW_US + 2, 3)
    rest = reader.read(EvidenceKey(*first[-1][:2]), NOW_US + 2, 3)

    assert [0, 1, 2, 3] == [int(one.decision_id, 16) for one in (*first, *rest)]
    assert ("acme", "d", "a", "m", 0.5) == first[0][2:]
    assert rest[0].confidence is None
    store.close()
