"""The daily test in the keeper: once a day, by one process, whole or not at all, and failures are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from oversight.app.warning_watch import WarningWatch
from oversight.errors import InvalidPolicyError, Problem
from oversight.feedback.signs import Sign, State
from oversight.storage.postgresql_election import PostgresqlElection
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.storage.warning_store import SqlWarningStore, StoredWarning
from servers import wait_until
from sign_evidence import DAY_US, TODAY, Days, MemoryEvidence, evidence_of, falling

HOUR_US = DAY_US // 24


class Replica:
    """One keeper's watch over a store that it may share."""

    def __init__(self, store: SqlStore, evidence: MemoryEvidence, is_elected: Callable[[], bool] | None = None) -> None:
        self.now_us = TODAY * DAY_US + HOUR_US
        self.elected = True
        self.caught_up = True
        self.steps: list[tuple[int, int]] = []
        self.failing: Exception | None = None
        self.asked_us: list[int] = []
        self.store = SqlWarningStore(store)
        self.watch = WarningWatch(
            evidence,
            self.store,
            take_steps=self._take_steps,
            elected=is_elected or (lambda: self.elected),
            has_caught_up=self._has_caught_up,
            clock_us=lambda: self.now_us,
        )

    def _take_steps(self, warnings: Sequence[StoredWarning], day: int) -> None:
        if self.failing is not None:
            raise self.failing
        self.steps.append((sum(one.finding.state is State.CRITICAL for one in warnings), day))

    def _has_caught_up(self, day_us: int) -> bool:
        self.asked_us.append(day_us)
        return self.caught_up

    def step(self) -> Any:
        self.watch.step()
        return self.watch.state


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(file_url(tmp_path / "records.db"), writer="w")
    store.prepare()
    yield store
    store.close()


EVIDENCE = evidence_of(Days(days=45, decisions=lambda _: 30), falling(days=45))


@pytest.fixture
def evidence() -> MemoryEvidence:
    return MemoryEvidence(EVIDENCE.kept, EVIDENCE.decided)


@pytest.fixture
def replica(records: SqlStore, evidence: MemoryEvidence) -> Replica:
    return Replica(records, evidence)


def test_a_day_is_tested_once_and_its_steps_are_taken(replica: Replica) -> None:
    """And what is critical is told in words."""
    state = replica.step()
    replica.now_us += HOUR_US
    replica.step()

    assert [(1, TODAY)] == replica.steps
    assert [TODAY * DAY_US] == replica.asked_us
    assert (TODAY, TODAY * DAY_US + HOUR_US, "") == replica.store.tested()
    (critical,) = state.critical
    assert critical.startswith(
        "CSAT_FALLS (tenant acme, department orders, intent order_change): Satisfaction with what the AI handled fell"
    )
    key = (("sign", str(Sign.CSAT_FALLS)), ("state", str(State.CRITICAL)))
    assert (1, "") == (state.places[key], state.problem)


def test_the_next_day_is_another_test(replica: Replica) -> None:
    """Also after midnight, and after a restart on the same day."""
    replica.step()
    replica.now_us += DAY_US
    replica.step()

    assert [TODAY, TODAY + 1] == [day for _, day in replica.steps]


def test_after_a_restart_nothing_is_tested_again_but_steps_are_seen_to(
    replica: Replica, records: SqlStore, evidence: MemoryEvidence
) -> None:
    """A keeper that died between the test and the step must not have swallowed the step."""
    replica.failing = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        replica.step()
    again = Replica(records, evidence)
    evidence.down = True
    again.step()

    assert [(1, TODAY)] == again.steps


def test_before_the_evidence_has_caught_up_nothing_is_tested(replica: Replica) -> None:
    """Half a day would look like a quiet one; and when it does not come, that is told."""
    replica.caught_up = False
    assert ("", []) == (replica.step().problem, replica.steps)

    replica.now_us += 7 * HOUR_US
    assert "not tested yet today" in replica.step().problem

    replica.caught_up = True
    replica.now_us += HOUR_US
    assert ("", 1) == (replica.step().problem, len(replica.steps))


def test_a_server_that_starts_late_in_the_day_gets_time_to_catch_up(replica: Replica) -> None:
    """A fresh one has fed nothing at its first look; that is no reason to wake anybody."""
    replica.caught_up = False
    replica.now_us = TODAY * DAY_US + 14 * HOUR_US
    for _ in range(20):
        assert "" == replica.step().problem
        replica.now_us += HOUR_US // 60
    replica.now_us += HOUR_US // 60
    assert "not tested yet today" in replica.step().problem


def test_of_two_replicas_one_tests(records: SqlStore, evidence: MemoryEvidence) -> None:
    """The other one says nothing, so that nothing is counted twice; and takes over when it is elected."""
    one, other = Replica(records, evidence), Replica(records, evidence)
    other.elected = False

    one.step()
    assert ({}, (), []) == (other.step().places, other.step().critical, other.steps)

    one.elected, other.elected = False, True
    one.now_us += DAY_US
    other.now_us += DAY_US
    assert {} == one.step().places
    assert 1 == len(other.step().critical)
    assert [TODAY + 1] == [day for _, day in other.steps]


def test_of_two_replicas_on_one_server_the_elected_tests(postgres_url: str, evidence: MemoryEvidence) -> None:
    """By the database's own lock: who dies is followed."""
    with ExitStack() as closing:
        elections, replicas = [], []
        for name in ("one", "other"):
            store = SqlStore(postgres_url, writer=name)
            election = PostgresqlElection(make_url(postgres_url), connect_timeout_s=5.0)
            closing.callback(store.close)
            closing.callback(election.close)
            elections.append(election)
            replicas.append(Replica(store, evidence, election.is_elected))

        assert [1, 0] == [len(replica.step().critical) for replica in replicas]
        elections[0].close()
        replicas[1].now_us += HOUR_US
        wait_until(lambda: replicas[1].step().critical, "the other one to be elected")

        assert ([(1, TODAY)], [(1, TODAY)]) == (replicas[0].steps, replicas[1].steps)
        assert TODAY * DAY_US + HOUR_US == replicas[1].store.tested().at_us, "tested once"


def test_two_that_both_take_themselves_for_elected_write_one_test(
    records: SqlStore, evidence: MemoryEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An election can be lost in the middle of a test."""
    one, other = Replica(records, evidence), Replica(records, evidence)
    tested = one.store.tested()
    other.step()
    monkeypatch.setattr(one.store, "tested", lambda: tested)
    one.now_us += 5
    one.step()

    assert TODAY * DAY_US + HOUR_US == other.store.tested().at_us


def test_a_store_that_is_away_is_waited_for(replica: Replica, evidence: MemoryEvidence) -> None:
    """The drain says so already; who lists warnings is told, and so is everybody once the test is late."""
    replica.step()
    replica.now_us += DAY_US
    evidence.down = True
    state = replica.step()

    assert ("", 1) == (state.problem, len(state.critical))
    assert (TODAY, "the store cannot be read") == (replica.store.tested().day, replica.store.tested().problem)
    replica.now_us += 7 * HOUR_US
    assert "the store cannot be read" == replica.step().problem

    evidence.down = False
    assert ("", TODAY + 1, "") == (replica.step().problem, replica.store.tested().day, replica.store.tested().problem)


def test_steps_that_fail_are_told_and_taken_later(replica: Replica) -> None:
    """The test itself stands; not at each look is it tried again."""
    replica.failing = InvalidPolicyError([Problem("last_good.json", 0, 0, "no rules")])
    state = replica.step()
    assert ("last_good.json: no rules", 1) == (state.problem, len(state.critical))
    assert "no rules" in replica.store.tested().problem

    replica.failing = None
    replica.now_us += HOUR_US // 60
    assert "no rules" in replica.step().problem
    replica.now_us += HOUR_US
    assert ("", [(1, TODAY)], "") == (replica.step().problem, replica.steps, replica.store.tested().problem)


def test_without_any_evidence_there_is_nothing_to_stand(records: SqlStore) -> None:
    """And nothing is loaded for it; that it was looked at is known all the same."""
    replica = Replica(records, MemoryEvidence([], []))

    assert ({}, "", TODAY) == (replica.step().places, replica.watch.state.problem, replica.store.tested().day)


def test_what_nobody_expected_is_told_too(replica: Replica) -> None:
    """And raised, so that it is logged and counted."""
    replica.failing = ZeroDivisionError("division by zero")
    with pytest.raises(ZeroDivisionError):
        replica.step()

    assert "division by zero" == replica.store.tested().problem


@pytest.mark.parametrize("days", [1, 60, 400])
def test_a_clock_that_jumps_ahead_and_is_set_right_stops_no_test_and_clears_no_warning(
    replica: Replica, days: int
) -> None:
    """It switched the daily tests off until the day it had jumped to, and nobody was told."""
    assert 1 == len(replica.step().critical)
    replica.now_us += days * DAY_US
    (critical,) = replica.step().critical
    replica.now_us -= days * DAY_US

    for day in range(TODAY, TODAY + 5):
        state = replica.step()
        assert ("", 1, day) == (state.problem, len(state.critical), replica.store.tested().day)
        replica.now_us += DAY_US
    if days > 91:
        assert "Not tested" in critical


def test_while_the_clock_is_ahead_a_test_without_any_decision_calls_for_no_step(replica: Replica) -> None:
    """What stands is shown; only what a test found critical takes steps."""
    replica.step()
    replica.now_us += 400 * DAY_US
    replica.step()

    assert [(1, TODAY), (0, TODAY + 400)] == replica.steps


def test_a_warning_outlasts_a_test_without_any_evidence(replica: Replica, evidence: MemoryEvidence) -> None:
    """No evidence is no all-clear."""
    replica.step()
    evidence.kept, evidence.decided = [], []
    replica.now_us += DAY_US

    assert 1 == len(replica.step().critical)


def test_who_began_to_look_by_a_clock_that_was_ahead_still_tells_that_a_test_is_late(replica: Replica) -> None:
    """The twenty minutes of a fresh process must not last until then."""
    replica.caught_up = False
    replica.now_us += 100 * DAY_US
    replica.step()
    replica.now_us -= 100 * DAY_US - 7 * HOUR_US
    replica.step()
    replica.now_us += HOUR_US

    assert "not tested yet today" in replica.step().problem
