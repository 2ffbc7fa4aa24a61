"""Coalescing for threads: who goes with whom, when, and what each gets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from grpc import StatusCode

from oversight.v1 import errors_pb2
from oversight.v1.decision_service_pb2 import BatchDecideResponse, BatchDecideResult, DecideResponse
from oversight_client import (
    ClientClosedError,
    Coalescing,
    DeadlineExceededError,
    InvalidRequestError,
    UnavailableError,
)
from oversight_client.gathering import Gathering
from unit.client.failing_channel import Failure, StillClock
from unit.client.held_stub import Callers, HeldStub, as_failure, releasing, wait_until
from unit.client.replies import a_response

PATIENT = Coalescing(max_wait_s=1.0, max_batch=4)
"""Gathers until a call ends, in a test that takes less than a second."""


class Scene:
    """Two calls under way, and callers who come after them."""

    def __init__(self, options: Coalescing = PATIENT, clock: Callable[[], float] = time.monotonic) -> None:
        self.stub = HeldStub()
        # The fakes have what is called of a stub's methods, and no more.
        self.gathering = Gathering(options, self.stub.decide, self.stub.decide_batch, clock)  # type: ignore[arg-type]
        self.callers = Callers(self.gathering)
        self.callers.start("first", "second")
        wait_until(lambda: len(self.stub.sent) == 2)

    def add(self, *ids: str, **options: Any) -> None:
        """Let callers come one after the other, and wait until all are in the queue."""
        for name in ids:
            waiting = self.gathering.waiting_count
            self.callers.start(name, **options)
            wait_until(lambda before=waiting: self.gathering.waiting_count == before + 1)  # type: ignore[misc]


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A scene in which callers gather until a call ends."""
    made = Scene()
    with releasing(made.stub):
        yield made


def test_a_lone_caller_is_sent_at_once_and_as_one_decision() -> None:
    """Coalescing costs nothing where there is nobody to go with."""
    stub = HeldStub()
    stub.open.set()
    gathering = Gathering(PATIENT, stub.decide, stub.decide_batch, time.monotonic)  # type: ignore[arg-type]
    callers = Callers(gathering)
    for name in ("a", "b", "c"):
        callers.start(name)
        assert a_response().tier == callers.join()[name].tier
    assert [False] * 3 == [call.is_batch for call in stub.sent]
    assert max(callers.took_s.values()) < PATIENT.max_wait_s / 2


def test_who_comes_while_calls_are_under_way_goes_together_when_one_ends(scene: Scene) -> None:
    """Each with its own answer, in one call."""
    scene.add("a", "b", "c")
    scene.stub.open.set()
    answers = scene.callers.join()
    assert {("a", "b", "c")} == {call.ids for call in scene.stub.sent[2:]}
    assert ["first", "second", "a", "b", "c"] == sorted(answers, key=["first", "second", "a", "b", "c"].index)
    assert all(name == answer.request_id for name, answer in answers.items())


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    """A call that hangs must not hold up those behind it; who is alone then goes as one decision."""
    scene = Scene(Coalescing(max_wait_s=0.01, max_batch=64))
    with releasing(scene.stub):
        for name in ("a", "b"):
            scene.callers.start(name)
            wait_until(lambda own=(name,): own in {call.ids for call in scene.stub.sent})  # type: ignore[misc]
        assert {} == scene.callers.answers
    assert 4 == len(scene.callers.join())
    assert [False] * 4 == [call.is_batch for call in scene.stub.sent]


def test_a_full_batch_goes_at_once(scene: Scene) -> None:
    """Waiting longer could not make it larger."""
    scene.add("a", "b", "c")
    scene.callers.start("d")
    wait_until(lambda: len(scene.stub.sent) == 3)
    assert (("a", "b", "c", "d"), True) == (scene.stub.sent[2].ids, scene.stub.sent[2].is_batch)


def test_a_large_request_goes_alone(scene: Scene) -> None:
    """A batch that is too large to be taken would fail for everybody in it."""
    scene.add("a")
    scene.callers.start("large", conversation_id="x" * 9_000)
    wait_until(lambda: len(scene.stub.sent) == 3)
    assert (("large",), False) == (scene.stub.sent[2].ids, scene.stub.sent[2].is_batch)


def test_a_batch_may_take_as_long_as_the_most_patient_of_its_callers(scene: Scene) -> None:
    """A shorter deadline would be somebody else's."""
    scene.add("a", timeout=5)
    scene.add("b", timeout=9)
    scene.add("c", timeout=2)
    scene.stub.open.set()
    scene.callers.join()
    assert 8 < scene.stub.sent[2].timeout_s <= 9


def test_a_caller_whose_deadline_passes_goes_in_time(scene: Scene) -> None:
    """Whether its request is still in the queue or on its way; the others are not disturbed."""
    scene.callers.start("waiting", timeout=0.05)
    wait_until(lambda: "waiting" in scene.callers.answers)
    scene.add("a", "b", "c")
    scene.callers.start("sent", timeout=0.05)
    wait_until(lambda: "sent" in scene.callers.answers)
    assert ("a", "b", "c", "sent") == scene.stub.sent[2].ids
    scene.stub.open.set()
    answers = scene.callers.join()
    for name in ("waiting", "sent"):
        assert isinstance(answers[name], DeadlineExceededError)
        assert "no answer within 50 ms" == str(answers[name])
        assert 0.05 <= scene.callers.took_s[name] < 1
    assert all(isinstance(answers[name], DecideResponse) for name in "abc")


def test_a_batch_whose_callers_deadlines_have_all_passed_is_not_sent() -> None:
    """A taker that got no time of the CPU for long must not ask for what nobody waits for."""
    clock = StillClock()
    scene = Scene(clock=clock)
    with releasing(scene.stub):
        scene.add("a", "b")
        clock.now_s += 100
    answers = scene.callers.join()
    assert [DeadlineExceededError] * 2 == [type(answers[name]) for name in "ab"]
    assert 2 == len(scene.stub.sent)


def test_a_caller_interrupted_before_it_takes_its_batch_lets_nobody_down() -> None:
    """Ctrl-C comes at any moment; the others of the batch ask for themselves."""
    clock = StillClock()
    readings: Iterator[float] = iter(clock, None)
    interrupted: list[str] = []

    def read_clock() -> float:
        if interrupted:
            interrupted.clear()
            raise KeyboardInterrupt
        return next(readings)

    scene = Scene(clock=read_clock)
    with releasing(scene.stub):
        scene.add("a", "b", "c")
        interrupted.append("whoever reads the clock next")
    answers = scene.callers.join()
    assert isinstance(answers["a"], KeyboardInterrupt)
    assert ["b", "c"] == [answers[name].request_id for name in "bc"]


def test_an_item_that_is_refused_is_its_callers_alone(scene: Scene) -> None:
    """As the very error that it would have been without company."""
    wrong = errors_pb2.ItemError(code=3, message="intent: too long", metadata={"field": "intent"})

    def refuse_second(batch: Any) -> BatchDecideResponse:
        results = [BatchDecideResult(response=a_response(item)) for item in batch.requests]
        results[1] = BatchDecideResult(error=wrong)
        return BatchDecideResponse(results=results)

    scene.stub.on_batch = refuse_second
    scene.add("a", "b", "c")
    scene.stub.open.set()
    answers = scene.callers.join()
    assert isinstance(answers["b"], InvalidRequestError)
    assert "intent" == answers["b"].field
    assert ["a", "c"] == [answers[name].request_id for name in "ac"]


def test_a_service_that_is_away_is_everyones_own_failure(scene: Scene) -> None:
    """To be tried again by each, as its deadline allows."""
    scene.stub.on_batch = as_failure(Failure(StatusCode.UNAVAILABLE))
    scene.add("a", "b")
    scene.stub.open.set()
    answers = scene.callers.join()
    assert all(isinstance(answers[name], UnavailableError) for name in "ab")
    assert answers["a"] is not answers["b"]
    assert 3 == len(scene.stub.sent)


@pytest.mark.parametrize(
    "on_batch",
    [
        as_failure(Failure(StatusCode.INTERNAL)),
        lambda _: BatchDecideResponse(),
        as_failure(ValueError("not of gRPC's")),  # type: ignore[arg-type]  # what must not happen, and must not spread
        as_failure(KeyboardInterrupt()),  # type: ignore[arg-type]  # as Ctrl-C in the thread that took the batch
    ],
    ids=["broken", "too few results", "a fault of the client", "interrupted"],
)
def test_when_a_batch_is_no_answer_each_asks_alone(scene: Scene, on_batch: Any) -> None:
    """What went wrong may be one item's, or the taker's; nobody else shall pay for it."""
    scene.stub.on_batch = on_batch
    scene.add("a", "b", "c")
    scene.stub.open.set()
    answers = scene.callers.join()
    decided = [name for name in "abc" if isinstance(answers[name], DecideResponse)]
    own = [answers[name] for name in "abc" if name not in decided]
    assert all(isinstance(error, ValueError | KeyboardInterrupt) for error in own)
    assert len(own) <= 1
    assert decided == [answers[name].request_id for name in decided]


def test_closing_fails_those_who_wait_and_those_who_come(scene: Scene) -> None:
    """Nobody hangs; those under way end with the channel, which is closed next."""
    scene.add("a", "b")
    scene.gathering.close()
    wait_until(lambda: {"a", "b"} <= set(scene.callers.answers))
    scene.callers.start("late")
    scene.stub.open.set()
    answers = scene.callers.join()
    assert all(isinstance(answers[name], ClientClosedError) for name in ("a", "b", "late"))
    assert [1, 1] == scene.stub.sizes


def test_after_everything_the_next_caller_is_alone_again(scene: Scene) -> None:
    """A count that is off by one would make everyone wait from then on."""
    scene.stub.on_batch = as_failure(Failure(StatusCode.INTERNAL))
    scene.callers.start("a", "b", timeout=0.05)
    wait_until(lambda: len(scene.callers.answers) == 2)
    scene.add("c", "d")
    scene.stub.open.set()
    scene.callers.join()
    scene.stub.open.clear()
    del scene.stub.sent[:]
    scene.callers.start("x", "y")
    wait_until(lambda: [1, 1] == scene.stub.sizes)
    assert 0 == scene.gathering.waiting_count
