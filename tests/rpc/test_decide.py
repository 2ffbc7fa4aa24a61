"""Decide, BatchDecide and GetDecision over the wire."""

from __future__ import annotations

import grpc
import pytest

from builders import a_policy, a_rule, a_snapshot
from oversight.engine.decision import Tier
from oversight.engine.policy import Check, Literal
from oversight.engine.snapshot import Stop
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb
from refusals import refusal_of
from serving import wait_until

ROUTINE = pb.DecideRequest(request_id="r-1", intent="order_status", response_confidence=0.97, sentiment_score=0.3)


def a_request(**fields):
    request = pb.DecideRequest()
    request.CopyFrom(ROUTINE)
    request.MergeFrom(pb.DecideRequest(**fields))
    return request


def test_a_routine_message_is_left_to_the_ai_on_record(serving):
    """The plain case: the AI acts, people watch, and what was answered is on record."""
    reply = serving.decide.Decide(ROUTINE, timeout=5)
    assert (values.TIER_HUMAN_ON_THE_LOOP, values.ESCALATION_NONE, False) == (
        reply.tier,
        reply.escalation,
        reply.escalate,
    )
    assert ("ROUTINE", values.EVALUATION_DEFAULT, True) == (reply.reason, reply.evaluation, reply.recorded)
    (entry,) = serving.journal.entries()
    assert (reply, ROUTINE, "local") == (entry.response, entry.request, entry.caller)


def test_an_angry_customer_is_led_by_a_person_with_value_and_limit(serving):
    """The reason must show what was seen and what it met, or nobody can argue with it."""
    reply = serving.decide.Decide(a_request(sentiment_score=-0.8), timeout=5)
    assert (values.TIER_HUMAN_AS_THE_LOOP, values.ESCALATION_TRANSFER, True) == (
        reply.tier,
        reply.escalation,
        reply.escalate,
    )
    (reason,) = reply.reasons
    (seen,) = reason.comparisons
    assert ("NEGATIVE_SENTIMENT", "sentiment_score", "-0.8", "at_most", "-0.6", "literal") == (
        reason.code,
        seen.signal,
        seen.observed,
        seen.operator,
        seen.limit,
        seen.limit_source,
    )


def test_a_missing_signal_is_named_and_reviewed(serving):
    """A gateway that forgets a field must not gain autonomy by it."""
    reply = serving.decide.Decide(pb.DecideRequest(intent="order_status", response_confidence=0.97), timeout=5)
    assert (values.TIER_HUMAN_IN_THE_LOOP, "SIGNAL_MISSING", ["sentiment_score"]) == (
        reply.tier,
        reply.reason,
        list(reply.missing_signals),
    )


def test_a_retry_has_the_same_decision_id(serving):
    """Callers retry; a retry must not become a second decision."""
    first, again = (serving.decide.Decide(ROUTINE, timeout=5) for _ in range(2))
    assert first.decision_id == again.decision_id
    assert first.decision_id != serving.decide.Decide(a_request(request_id="r-2"), timeout=5).decision_id


def test_an_absent_request_id_is_made_and_returned(serving):
    """Two messages without an id are two messages."""
    request = pb.DecideRequest(intent="order_status")
    first, second = (serving.decide.Decide(request, timeout=5).request_id for _ in range(2))
    assert (32, 32) == (len(first), len(second))
    assert first != second


def test_what_cannot_be_recorded_is_reviewed_by_a_person(serving):
    """A reply that nobody can find again must not be an autonomous one."""
    serving.journal.fail()
    reply = serving.decide.Decide(ROUTINE, timeout=5)
    assert (values.TIER_HUMAN_IN_THE_LOOP, False, "RECORD_UNAVAILABLE", values.EVALUATION_ERROR) == (
        reply.tier,
        reply.recorded,
        reply.reason,
        reply.evaluation,
    )
    assert 1 == serving.counters.lost


def test_a_batch_that_cannot_be_recorded_is_reviewed_item_by_item(serving):
    """The same promise for every message of a batch."""
    serving.journal.fail()
    results = serving.decide.BatchDecide(pb.BatchDecideRequest(requests=[ROUTINE, ROUTINE]), timeout=5).results
    assert [(False, "RECORD_UNAVAILABLE")] * 2 == [(one.response.recorded, one.response.reason) for one in results]
    assert 2 == serving.counters.lost


@pytest.mark.parametrize("method", ["Decide", "BatchDecide"])
def test_what_cannot_be_recorded_is_refused_where_that_is_set(serve, method):
    """Some must not act on an answer that nobody can find again, not even on a stricter one."""
    serving = serve(on_record_failure="refuse")
    serving.journal.fail()
    request = ROUTINE if method == "Decide" else pb.BatchDecideRequest(requests=[ROUTINE])
    refusal = refusal_of(lambda: getattr(serving.decide, method)(request, timeout=5))
    assert (grpc.StatusCode.UNAVAILABLE, "RECORD_UNAVAILABLE") == (refusal.code, refusal.reason)
    assert {"cause": "ENOSPC"} == refusal.metadata
    assert (0, {"ENOSPC": 1}) == (serving.counters.lost, serving.counters.failures())


def test_a_batch_answers_each_item_in_its_place(serving):
    """One wrong message must not cost the others their decision."""
    batch = pb.BatchDecideRequest(
        requests=[ROUTINE, pb.DecideRequest(response_confidence=7), a_request(sentiment_score=-0.9)]
    )
    on_loop, wrong, as_loop = serving.decide.BatchDecide(batch, timeout=5).results
    assert values.TIER_HUMAN_ON_THE_LOOP == on_loop.response.tier
    assert (3, "response_confidence: expected a number in 0..1, got 7.0", "response_confidence") == (
        wrong.error.code,
        wrong.error.message,
        wrong.error.metadata["field"],
    )
    assert values.TIER_HUMAN_AS_THE_LOOP == as_loop.response.tier
    assert 2 == len(serving.journal.payloads)
    assert on_loop.response.decision_id == serving.decide.Decide(ROUTINE, timeout=5).decision_id


def test_a_batch_of_wrong_items_only_records_nothing(serving):
    """There is nothing to promise."""
    batch = pb.BatchDecideRequest(requests=[pb.DecideRequest(churn_risk=2)])
    (result,) = serving.decide.BatchDecide(batch, timeout=5).results
    assert "error" == result.WhichOneof("result")
    assert [] == serving.journal.payloads


def test_the_next_call_is_decided_by_the_snapshot_then_in_force(serving):
    """A published snapshot takes effect at once and as a whole; the reply says which one decided."""
    before = serving.decide.Decide(ROUTINE, timeout=5)
    serving.current.snapshot = a_snapshot(stops=(Stop(),), commit="c" * 40)
    after = serving.decide.Decide(ROUTINE, timeout=5)
    assert ("ROUTINE", "OVERSIGHT_STOP") == (before.reason, after.reason)
    assert before.policy.digest != after.policy.digest
    assert "c" * 40 == after.policy.commit


def test_a_policy_not_confirmed_for_too_long_tightens(serving):
    """Rules that nobody has looked at for a day may have been withdrawn."""
    serving.current.policy_confirmed_at_us -= 90_000 * 1_000_000
    reply = serving.decide.Decide(ROUTINE, timeout=5)
    assert ("POLICY_STALE", values.EVALUATION_STALE, "90000") == (
        reply.reason,
        reply.evaluation,
        reply.reasons[0].comparisons[0].observed,
    )


def test_thresholds_not_confirmed_for_too_long_tighten(serving):
    """A worker cut off from live thresholds cannot know that they were tightened."""
    serving.current.thresholds_confirmed_at_us -= 301 * 1_000_000
    assert "THRESHOLDS_STALE" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_a_confirmation_from_the_future_is_none(serving):
    """A clock that was set back must not make a dead controller look fresh."""
    serving.current.thresholds_confirmed_at_us += 3600 * 1_000_000
    assert "THRESHOLDS_STALE" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_each_message_has_the_labels_of_its_own_intent_and_model(serving):
    """A batch mixes intents; a proven one must not lend its proof to another."""
    serving.current.labelled = {("", ROUTINE.intent, "m1"): 7, ("", "", ""): 3}
    asked = a_request(model_version="m1")

    serving.decide.Decide(asked, timeout=5)
    serving.decide.BatchDecide(pb.BatchDecideRequest(requests=[ROUTINE, asked, ROUTINE]), timeout=5)

    assert [7, 0, 7, 0] == [entry.facts.labelled_outcomes for entry in serving.journal.entries()]


def test_what_cannot_be_recorded_is_decided_anew_with_the_same_labels(serving):
    """A rule that asks for labels must not match only because a disk is full."""
    rule = a_rule("unproven", Check("labelled_outcomes", "below", Literal(2)), tier=Tier.HUMAN_AS_THE_LOOP)
    serving.current.snapshot = a_snapshot(a_policy(rule))
    serving.journal.fail()

    serving.current.labelled = {("", ROUTINE.intent, ""): 7}
    assert ["RECORD_UNAVAILABLE"] == [one.code for one in serving.decide.Decide(ROUTINE, timeout=5).reasons]
    serving.current.labelled = {}
    assert "UNPROVEN" in [one.code for one in serving.decide.Decide(ROUTINE, timeout=5).reasons]


def test_a_batch_is_decided_by_one_snapshot(serving):
    """Half a batch by the rules of before and half by those of after could not be explained."""
    serving.current.upcoming = [a_snapshot(stops=(Stop(),))]
    results = serving.decide.BatchDecide(pb.BatchDecideRequest(requests=[ROUTINE, ROUTINE]), timeout=5).results
    assert ["ROUTINE", "ROUTINE"] == [one.response.reason for one in results]
    assert "OVERSIGHT_STOP" == serving.decide.Decide(ROUTINE, timeout=5).reason


def test_an_unknown_decision_is_not_found(serving):
    """Where journals and store have been looked into, absence is a fact."""
    refusal = refusal_of(lambda: serving.decide.GetDecision(pb.GetDecisionRequest(decision_id="0" * 32), timeout=5))
    expected = (grpc.StatusCode.NOT_FOUND, "DECISION_NOT_FOUND", f"no decision {'0' * 32} is on record")
    assert expected == (refusal.code, refusal.reason, refusal.text)


def test_a_decision_on_its_way_to_the_store_is_not_said_to_be_absent(serving):
    """NOT_FOUND of a decision that was just promised would be a lie."""
    serving.journals.complete = False
    serving.drained_through_us = 0
    refusal = refusal_of(lambda: serving.decide.GetDecision(pb.GetDecisionRequest(decision_id="0" * 32), timeout=5))
    assert (grpc.StatusCode.UNAVAILABLE, "RECORD_PENDING") == (refusal.code, refusal.reason)


def test_reading_does_not_take_a_deciding_thread(serve):
    """A dashboard that reads must never slow a decision down."""
    serving = serve()
    serving.journals.open.clear()
    reads = [
        serving.decide.GetDecision.future(pb.GetDecisionRequest(decision_id="0" * 32), timeout=10) for _ in range(4)
    ]
    assert "ROUTINE" == serving.decide.Decide(ROUTINE, timeout=5).reason
    assert not any(read.done() for read in reads)
    serving.journals.open.set()
    wait_until(lambda: all(read.done() for read in reads))


def test_an_outcome_that_cannot_be_recorded_is_not_acknowledged(serving):
    """An acknowledgement is a promise."""
    from oversight.v1 import outcome_pb2, outcome_service_pb2

    serving.journal.fail()
    outcome = outcome_pb2.Outcome(outcome_id="o", decision_id="0" * 32)
    request = outcome_service_pb2.RecordOutcomeRequest(outcome=outcome)
    refusal = refusal_of(lambda: serving.outcomes.RecordOutcome(request, timeout=5))
    assert (grpc.StatusCode.UNAVAILABLE, "RECORD_UNAVAILABLE") == (refusal.code, refusal.reason)
    assert (0, {"ENOSPC": 1}) == (serving.counters.outcomes, serving.counters.failures())


@pytest.mark.parametrize("secret", ["secret /etc/passwd"])
def test_a_fault_of_ours_says_nothing_to_the_caller(serving, secret, caplog):
    """Texts of unforeseen errors hold paths, queries and data of others."""
    serving.journal.failure = RuntimeError(secret)
    refusal = refusal_of(lambda: serving.decide.Decide(ROUTINE, timeout=5))
    assert (grpc.StatusCode.INTERNAL, "INTERNAL", "internal error") == (refusal.code, refusal.reason, refusal.text)
    assert secret in caplog.text
