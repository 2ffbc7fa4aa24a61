"""The fail-safe: any failure means more human."""

from __future__ import annotations

import logging
import threading

import pytest
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight_client import Client, Decision, Escalation, Evaluation, InvalidRequestError, PolicyIdentity, Reason, Tier
from oversight_client.convert import decide_request
from oversight_client.errors import CallError
from oversight_client.fail_safe import FailSafe, local_decision
from oversight_client.failures import error_of_status
from unit.client.failing_channel import FailingChannel, StillClock, fails
from unit.client.requests import decide_fields

FAILURES = [code for code in StatusCode if code not in (StatusCode.OK, StatusCode.INVALID_ARGUMENT)]
REFUSED = error_of_status(StatusCode.UNAVAILABLE, "connection refused")


@settings(deadline=None)  # a busy machine is not a broken invariant
@given(decide_fields(), st.sampled_from(FAILURES))
def test_no_failure_ever_leaves_a_message_to_the_ai(fields, code):
    """The invariant the client stands for: whatever the request and the status, a person decides."""
    clock = StillClock()
    with Client(channel=FailingChannel(fails(code)), clock=clock, sleep=clock.sleep) as client:
        decision = client.decide(**fields)
    assert decision.tier >= Tier.HUMAN_IN_THE_LOOP
    assert decision.tier >= (fields.get("held_tier") or Tier.HUMAN_IN_THE_LOOP)
    urgent = fields.get("human_requested") or fields.get("vulnerable_customer") or fields.get("guardrails")
    assert (Escalation.TRANSFER if urgent else Escalation.NONE) is decision.escalation
    assert bool(urgent) == decision.escalate
    assert ("", False, Evaluation.ERROR, "DECISION_UNAVAILABLE") == (
        decision.decision_id,
        decision.recorded,
        decision.evaluation,
        decision.reason,
    )
    assert 1 == client.unavailable_count


def test_a_routine_message_is_reviewed_by_a_person():
    """The whole local decision, as a caller sees it."""
    message = "The oversight service could not be asked (UNAVAILABLE), so a person decides."
    tier, escalation = Tier.HUMAN_IN_THE_LOOP, Escalation.NONE
    expected = Decision(
        decision_id="",
        request_id="r1",
        tier=tier,
        escalate=False,
        escalation=escalation,
        reason="DECISION_UNAVAILABLE",
        reasons=(Reason("DECISION_UNAVAILABLE", "decision_unavailable", message, (), tier, escalation),),
        evaluation=Evaluation.ERROR,
        recorded=False,
        policy=PolicyIdentity(),
    )
    assert expected == local_decision(decide_request({"request_id": "r1"}), StatusCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("fields", "tier", "escalation"),
    [
        ({"human_requested": True}, "HUMAN_AS_THE_LOOP", "TRANSFER"),
        ({"vulnerable_customer": True}, "HUMAN_AS_THE_LOOP", "TRANSFER"),
        ({"guardrails": ["pii"]}, "HUMAN_AS_THE_LOOP", "TRANSFER"),
        ({"guardrails": []}, "HUMAN_IN_THE_LOOP", "NONE"),
        ({"human_requested": False, "vulnerable_customer": False}, "HUMAN_IN_THE_LOOP", "NONE"),
        ({"held_tier": "human_as_the_loop"}, "HUMAN_AS_THE_LOOP", "NONE"),
        ({"held_tier": "human_on_the_loop"}, "HUMAN_IN_THE_LOOP", "NONE"),
        ({"held_tier": "human_in_the_loop", "human_requested": True}, "HUMAN_AS_THE_LOOP", "TRANSFER"),
    ],
)
def test_those_who_cannot_wait_go_to_a_person_at_once(fields, tier, escalation):
    """A vulnerable customer does not wait for a review because a server is down."""
    decision = local_decision(decide_request(fields), StatusCode.UNAVAILABLE)
    assert (tier, escalation) == (decision.tier, decision.escalation)


def test_an_invalid_request_is_raised_in_either_mode():
    """The caller's mistake, hidden behind a review of everything, would never be mended."""
    error = error_of_status(StatusCode.INVALID_ARGUMENT, "intent: too long", field="intent")
    for mode in ("human", "raise"):
        fail_safe = FailSafe(mode, StillClock())
        with pytest.raises(InvalidRequestError) as caught:
            fail_safe.decide(decide_request({}), error)
        assert ("intent", 0) == (caught.value.field, fail_safe.unavailable_count)


def test_raise_raises_and_counts():
    """For those who decide themselves what a failure means."""
    fail_safe = FailSafe("raise", StillClock())
    with pytest.raises(CallError) as caught:
        fail_safe.decide(decide_request({}), REFUSED)
    assert (REFUSED, 1) == (caught.value, fail_safe.unavailable_count)


def test_another_mode_is_refused():
    """A misspelt mode must not choose one."""
    with pytest.raises(ValueError, match="on_unavailable: expected human or raise, got 'open'"):
        FailSafe("open", StillClock())  # type: ignore[arg-type]  # what must not work


def test_a_warning_is_logged_once_a_burst(caplog):
    """A thousand lines a second would hide the first, and fill a disk."""
    clock = StillClock()
    fail_safe = FailSafe("human", clock)
    with caplog.at_level(logging.WARNING, logger="oversight_client"):
        for pause_s in (0.0, 1.0, 9.0, 10.0, 10.5, 1.0):
            clock.sleep(pause_s)
            fail_safe.decide(decide_request({}), REFUSED)
    assert [
        "the oversight service could not be asked: UNAVAILABLE: connection refused "
        f"({count} decisions in all); messages go to people until it answers"
        for count in (1, 5)
    ] == [record.getMessage() for record in caplog.records]
    assert 6 == fail_safe.unavailable_count


def test_decisions_are_counted_from_several_threads():
    """The count is what an alert is set on."""
    fail_safe = FailSafe("human", StillClock())
    request = decide_request({})

    def fail_often() -> None:
        for _ in range(500):
            fail_safe.decide(request, REFUSED)

    threads = [threading.Thread(target=fail_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 2_000 == fail_safe.unavailable_count
