"""How one call's deadline is spent."""

from __future__ import annotations

import math

import pytest
from grpc import StatusCode

from oversight_client import CallError, DeadlineExceededError
from oversight_client.attempts import RETRIED, Attempts, checked_timeout_s
from oversight_client.failures import error_of_status
from unit.client.failing_channel import StillClock


def an_error(code: StatusCode, retry_after_s: float | None = None) -> CallError:
    """Return the error of *code*."""
    return error_of_status(code, "as told", retry_after_s=retry_after_s)


@pytest.mark.parametrize("code", [code for code in StatusCode if code not in RETRIED])
def test_only_unavailable_and_cancelled_are_tried_again(code):
    """Any other status is an answer, or is made worse by asking again."""
    error = an_error(code)
    with pytest.raises(CallError) as caught:
        Attempts(1.0, StillClock()).pause_s(error)
    assert error is caught.value


@pytest.mark.parametrize("code", sorted(RETRIED, key=str))
def test_pauses_grow_and_stay_short_and_within_what_remains(code):
    """Many callers must not come back at once, nor one of them too late."""
    clock = StillClock()
    attempts = Attempts(1.0, clock)
    longest_s = [0.004, 0.008, 0.016, 0.032, 0.064, 0.1, 0.1]
    for bound_s in longest_s:
        pause_s = attempts.pause_s(an_error(code))
        assert bound_s / 2 <= pause_s <= bound_s
        clock.sleep(pause_s)
    assert attempts.remaining_s() == pytest.approx(1.0 - sum(clock.slept_s))


def test_pauses_differ_between_callers():
    """Without that, callers that failed together come back together."""
    pauses_s = {Attempts(1.0, StillClock()).pause_s(an_error(StatusCode.UNAVAILABLE)) for _ in range(20)}
    assert len(pauses_s) > 1


@pytest.mark.parametrize("timeout_s", [0.0011, 0.05, 5.0])
def test_attempts_end_with_the_deadline_and_name_the_last_failure(timeout_s):
    """An endless loop would hold the caller's thread; a bare timeout would hide the cause."""
    clock = StillClock()
    attempts = Attempts(timeout_s, clock)
    error = error_of_status(StatusCode.UNAVAILABLE, "as told", reason="RECORD_PENDING", metadata={"decision_id": "d1"})

    def try_for_ever() -> None:
        while True:
            clock.sleep(attempts.pause_s(error))

    text = rf"^no answer within {timeout_s * 1000:g} ms \(\d+ attempts; UNAVAILABLE: as told\)$"
    with pytest.raises(DeadlineExceededError, match=text) as caught:
        try_for_ever()
    assert (StatusCode.DEADLINE_EXCEEDED, "RECORD_PENDING", {"decision_id": "d1"}) == (
        caught.value.code,
        caught.value.reason,
        caught.value.metadata,
    )
    assert clock.now_s <= 1_000 + timeout_s


def test_a_deadline_that_passed_leaves_nothing_for_another_attempt():
    """A sleep may take longer than asked."""
    clock = StillClock()
    attempts = Attempts(0.05, clock)
    clock.sleep(0.05)
    with pytest.raises(DeadlineExceededError, match=r"^no answer within 50 ms$"):
        attempts.remaining_s()


def test_a_timeout_after_a_failure_names_the_failure():
    """Otherwise a refused connection looks like a slow service."""
    attempts = Attempts(0.05, StillClock())
    attempts.pause_s(an_error(StatusCode.UNAVAILABLE))
    with pytest.raises(DeadlineExceededError, match=r"\(2 attempts; UNAVAILABLE: as told\)$"):
        attempts.pause_s(an_error(StatusCode.DEADLINE_EXCEEDED))


@pytest.mark.parametrize("code", [StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE])
def test_a_pushback_is_waited_for_as_it_was_asked(code):
    """An overloaded service says itself when it can take more."""
    assert 0.02 == Attempts(0.05, StillClock()).pause_s(an_error(code, 0.02))


@pytest.mark.parametrize("code", [StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE])
@pytest.mark.parametrize("pushback_s", [-1.0, 0.05, 60.0])
def test_a_pushback_that_forbids_or_outlasts_the_deadline_ends_the_call(code, pushback_s):
    """Coming back sooner would add to the overload; waiting longer would miss the deadline."""
    error = an_error(code, pushback_s)
    with pytest.raises(CallError) as caught:
        Attempts(0.05, StillClock()).pause_s(error)
    assert error is caught.value


def test_a_pushback_of_nothing_still_has_a_pause():
    """Many callers at once, each without a pause, would be the overload again."""
    assert Attempts(0.05, StillClock()).pause_s(an_error(StatusCode.RESOURCE_EXHAUSTED, 0.0)) > 0


def test_a_pushback_does_not_make_another_failure_one_to_repeat():
    """What is wrong with the request is still wrong later."""
    error = an_error(StatusCode.INVALID_ARGUMENT, 0.02)
    with pytest.raises(CallError) as caught:
        Attempts(0.05, StillClock()).pause_s(error)
    assert error is caught.value


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
def test_a_timeout_that_never_ends_or_has_ended_is_refused(value):
    """No call waits for ever."""
    with pytest.raises(ValueError, match=r"^timeout_s: expected a number of seconds above 0"):
        checked_timeout_s(value)


@pytest.mark.parametrize("value", ["1", None, True])
def test_a_timeout_that_is_no_number_is_refused(value):
    """None would mean no deadline to gRPC."""
    with pytest.raises(TypeError, match=r"^timeout_s: expected a number of seconds, got"):
        checked_timeout_s(value)
