"""Counting, which everything that is known about a running server rests on."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator

import pytest

from oversight.engine.decision import Evaluation, Tier
from oversight.telemetry.counters import Counters


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Let threads change places as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_decisions_are_counted_by_tier_and_evaluation() -> None:
    """A dashboard splits by both."""
    counters = Counters()

    counters.count_decision(Tier.HUMAN_AS_THE_LOOP, Evaluation.MATCHED)
    counters.count_decision(3, 1)
    counters.count_decision(1, 2)

    counts = {key: count for key, count in counters.decisions().items() if count}
    assert {(3, 1): 2, (1, 2): 1} == counts


def test_every_tier_and_evaluation_is_shown_from_the_start() -> None:
    """A series that only appears with its first event hides the first event."""
    assert {(tier, evaluation) for tier in range(1, 4) for evaluation in range(1, 5)} == set(Counters().decisions())


def test_everything_is_in_the_dict_and_json_can_carry_it() -> None:
    """The dict is what `oversight status` and the hand-over files have."""
    counters = Counters()
    counters.count_decision(2, 4)
    counters.count_outcome()
    counters.count_lost(3)
    counters.count_failure("ENOSPC")
    counters.count_refused_caller("unknown")
    counters.count_sync(2, 7)
    counters.count_call("oversight.v1.DecisionService/Decide", "OK")
    counters.count_call("oversight.v1.DecisionService/Decide", "OK")
    counters.count_call("oversight.v1.DecisionService/Decide", "INVALID_ARGUMENT")

    expected = {
        "decisions": 1,
        "tiers": {"HUMAN_ON_THE_LOOP": 0, "HUMAN_IN_THE_LOOP": 1, "HUMAN_AS_THE_LOOP": 0},
        "evaluations": {"MATCHED": 0, "DEFAULT": 0, "STALE": 0, "ERROR": 1},
        "outcomes": 1,
        "records_lost": 3,
        "record_failures": {"ENOSPC": 1},
        "refused_callers": {"unknown": 1},
        "syncs": 2,
        "synced_calls": 7,
        "calls": {"oversight.v1.DecisionService/Decide": {"INVALID_ARGUMENT": 1, "OK": 2}},
    }
    assert expected == json.loads(json.dumps(counters.as_dict()))


@pytest.mark.usefixtures("impatient_threads")
def test_threads_that_count_at_once_lose_nothing() -> None:
    """There is no lock, so this is what says that none is needed."""
    counters = Counters()
    threads, times = 8, 20_000

    def count() -> None:
        for _ in range(times):
            counters.count_decision(1, 1)
            counters.count_lost(1)
            counters.count_outcome()
            counters.count_call("m", "OK")

    workers = [threading.Thread(target=count) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    total = threads * times
    assert (total, total, total, total) == (
        counters.decisions()[1, 1],
        counters.lost,
        counters.outcomes,
        counters.calls()["m", "OK"],
    )


@pytest.mark.usefixtures("impatient_threads")
def test_reading_while_another_thread_meets_new_methods_works() -> None:
    """A dict that grows during a copy in Python would end the export."""
    counters = Counters()
    done = threading.Event()

    def count() -> None:
        for number in range(20_000):
            counters.count_call(f"method-{number}", "OK")
        done.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not done.is_set():
        counters.as_dict()
    thread.join()

    assert 20_000 == len(counters.calls())
