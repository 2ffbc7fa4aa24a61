"""Steps that are done again and again."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from oversight.app.repetition import Repetition


class Steps:
    """Counts steps and lets a test wait for one; raises what it is told to."""

    def __init__(self, *, fails: Exception | None = None) -> None:
        self.count = 0
        self.fails = fails
        self._done = threading.Condition()

    def __call__(self) -> bool:
        """Do one step."""
        with self._done:
            self.count += 1
            self._done.notify_all()
        if self.fails is not None:
            raise self.fails
        return True

    def wait_for(self, count: int) -> None:
        """Wait until so many steps were done."""
        with self._done:
            assert self._done.wait_for(lambda: self.count >= count, 10), f"{self.count} of {count} steps"


def test_the_first_step_comes_at_once_and_others_follow() -> None:
    """A start must not wait for the interval."""
    at_once, often = Steps(), Steps()
    repetitions = [Repetition("slow", 3600, at_once), Repetition("fast", 0.001, often)]
    for repetition in repetitions:
        repetition.start()

    at_once.wait_for(1)
    often.wait_for(5)

    assert all(repetition.stop(5) for repetition in repetitions)
    assert 1 == at_once.count


def test_where_there_is_more_to_do_the_next_step_comes_at_once() -> None:
    """A backlog must not wait for the interval between its slices; a stop is obeyed all the same."""
    steps = Steps()
    repetition = Repetition("the drain", 3600, steps, hurry=lambda: steps.count != 3)
    repetition.start()

    steps.wait_for(3)

    assert repetition.stop(5)
    assert 3 == steps.count


def test_a_step_that_fails_is_said_once_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    """One bad moment must not end the drain; a thousand of the same must not fill the log."""
    steps = Steps(fails=ValueError("unlucky"))
    repetition = Repetition("the drain", 0.001, steps)

    with caplog.at_level(logging.ERROR):
        repetition.start()
        steps.wait_for(4)
        repetition.stop(5)

    assert ["the drain failed; it goes on"] == [record.message for record in caplog.records]
    assert steps.count >= 4
    assert "unlucky" in caplog.text


def test_what_fails_is_a_problem_until_it_is_done() -> None:
    """The status says so without the error's own words, and no longer once it goes well."""
    steps = Steps(fails=ValueError("about a customer"))
    repetition = Repetition("the drain", 0.001, steps)
    repetition.start()
    steps.wait_for(2)
    assert "the drain fails (ValueError); it is tried again, and the log says more" == repetition.problem
    steps.fails = None
    steps.wait_for(steps.count + 3)
    repetition.stop(5)
    assert "" == repetition.problem


def test_the_end_is_repeated_until_it_is_done() -> None:
    """The last drain may need more than one go."""
    answers = [False, False, True]
    finished: list[bool] = []

    def finish() -> bool:
        finished.append(answers[len(finished)])
        return finished[-1]

    repetition = Repetition("the drain", 3600, Steps(), finish)
    repetition.start()

    assert repetition.stop(10)
    assert answers == finished


def test_the_end_comes_in_time_even_if_it_is_never_done() -> None:
    """A store that is away must not keep the server from stopping."""
    finishes = Steps()
    repetition = Repetition("the drain", 0.001, Steps(), lambda: not finishes())
    repetition.start()
    began_s = time.monotonic()

    repetition.stop(0.1)

    assert time.monotonic() - began_s < 5
    finishes.wait_for(1)


def test_a_step_that_hangs_keeps_nobody() -> None:
    """The process ends without it."""
    release = threading.Event()
    repetition = Repetition("the look", 1, lambda: release.wait(30))
    repetition.start()

    assert not repetition.stop(0.01)

    release.set()
    assert repetition.stop(10)


def test_one_that_is_urgent_has_its_thread_before_it_begins() -> None:
    """The thread keeps the priority that the process had then."""
    steps = Steps()
    urgent = Repetition("urgent", 3600, steps, urgent=True)
    assert 0 == steps.count

    urgent.start()

    steps.wait_for(1)
    assert urgent.stop(5)


@pytest.mark.parametrize("urgent", [True, False])
def test_one_that_never_began_is_stopped_all_the_same(urgent: bool) -> None:
    """A start may fail before."""
    assert Repetition("never", 3600, Steps(), urgent=urgent).stop(5)
