"""GetDecision: what is on record comes back over the wire, with its outcomes and with every rule explained."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from builders import KEYS
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.convert.frames import decode_frame
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.storage.records import DecisionRecord, OutcomeRecord
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import outcome_pb2, outcome_service_pb2
from refusals import refusal_of
from rpc.access_fakes import KnownAccess, bearing, somebody
from serving import Serving

RULES = """
policy: contact_centre
version: "1"
description: A policy with a rule for each way a rule can come out.
required_signals: [intent, response_confidence]
intents: [order_status]
attributes: {region: string}
thresholds:
  autonomy_confidence: {description: Lowest., default: 0.85, min: 0.6, max: 0.99, tightens: raise}
rules:
  - {id: matched, when: {response_confidence: {below: $autonomy_confidence}}, tier: human_in_the_loop,
     reason: LOW, message: Too low.}
  - {id: unmatched, when: {response_confidence: {below: 0.1}}, tier: human_in_the_loop, reason: LOWER, message: Lower.}
  - {id: unknown, when: {churn_risk: {above: 0.7}}, tier: human_in_the_loop, reason: CHURN, message: May leave.}
  - {id: failed, when: {attributes.region: {equals: eu}}, tier: human_in_the_loop, reason: REGION, message: There.}
  - {id: inactive, when: {response_confidence: {below: 0.9}}, tier: human_in_the_loop, reason: LATER, message: Later.,
     since: "2100-01-01T00:00:00Z"}
  - {id: shadow, when: {response_confidence: {below: 0.9}}, tier: human_as_the_loop, reason: SHADOW, message: Tried.,
     shadow: true}
"""
SOURCE = SnapshotSource(files={"contact_centre.yaml": RULES}, default_policy="contact_centre")
SNAPSHOT = assemble_source(SOURCE, compile_source(SOURCE)[0])
REQUEST = pb.DecideRequest(
    request_id="r-1", conversation_id="c-1", intent="order_status", response_confidence=0.5, turn_index=0
)
REQUEST.attributes["region"].int_value = 7
REQUEST.guardrails.SetInParent()
REQUEST.draft_sha256 = b"d" * 32
REQUEST.signal_time.FromMicroseconds(1_790_000_000_000_000)


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(file_url(tmp_path / "records.db"), writer="test")


@pytest.fixture
def serving(serve: Callable[..., Serving], store: SqlStore) -> Serving:
    return serve(SNAPSHOT, reader=store)


def drain(serving: Serving, store: SqlStore) -> None:
    """Bring what the journal holds into the store, as the controller does."""
    records = [record for payload in serving.journal.payloads for record in decode_frame(payload, KEYS)]
    store.add(
        [record for record in records if isinstance(record, DecisionRecord)],
        [record for record in records if isinstance(record, OutcomeRecord)],
    )
    serving.journal.payloads.clear()


def get(serving: Serving, decision_id: str, view: pb.DecisionView.ValueType = pb.DECISION_VIEW_BASIC) -> pb.Decision:
    return serving.decide.GetDecision(pb.GetDecisionRequest(decision_id=decision_id, view=view), timeout=10)


def test_a_decision_is_read_back_as_it_was_asked_and_answered(serving: Serving, store: SqlStore) -> None:
    """A regulator reads this; it must be what happened, not something like it."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    drain(serving, store)

    found = get(serving, reply.decision_id)

    assert (REQUEST, reply, "local", False) == (found.request, found.response, found.caller, found.erased)
    assert (serving.now_us, "test", []) == (found.decided_at.ToMicroseconds(), found.audit_key_id, list(found.rules))


def test_outcomes_stand_beside_their_decision(serving: Serving, store: SqlStore) -> None:
    """Also those that came before the decision reached the store."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    outcome = outcome_pb2.Outcome(
        outcome_id="o-1",
        decision_id=reply.decision_id,
        verdict=outcome_pb2.VERDICT_EDITED_MINOR,
        label_basis=outcome_pb2.LABEL_BASIS_REVIEW,
        draft_sha256=b"d" * 32,
        csat=4.5,
        escalated=False,
    )
    outcome.observed_at.FromMicroseconds(1_790_000_001_000_000)
    serving.outcomes.RecordOutcome(outcome_service_pb2.RecordOutcomeRequest(outcome=outcome), timeout=5)
    drain(serving, store)

    (recorded,) = get(serving, reply.decision_id).outcomes

    assert (outcome, outcome_pb2.OUTCOME_STATUS_ACCEPTED, "local", serving.now_us) == (
        *(recorded.outcome, recorded.status, recorded.caller),
        recorded.received_at.ToMicroseconds(),
    )
    assert 1 == serving.counters.outcomes


@pytest.mark.parametrize("drained", [True, False])
def test_an_outcome_by_the_caller_of_another_tenant_counts_for_nothing(
    serve: Callable[..., Serving], store: SqlStore, *, drained: bool
) -> None:
    """It is on record and told, in the store as well as in a journal; so nobody can spoil what is not theirs."""
    callers = {
        "ours": somebody("decide", "record", "read", tenant_id="acme", name="acme-desk"),
        "theirs": somebody("record", tenant_id="bank", name="bank-desk"),
        "all": somebody("record", name="survey"),
    }
    serving = serve(SNAPSHOT, reader=store, access=KnownAccess(callers))
    decision_id = serving.decide.Decide(REQUEST, timeout=5, metadata=bearing("ours")).decision_id
    for token in ("theirs", "ours", "all"):
        outcome = outcome_pb2.Outcome(outcome_id="o-1", decision_id=decision_id, csat=1.0)
        request = outcome_service_pb2.RecordOutcomeRequest(outcome=outcome)
        serving.outcomes.RecordOutcome(request, timeout=5, metadata=bearing(token))
    if drained:
        drain(serving, store)
    else:
        serving.journals.records = [one for kept in serving.journal.payloads for one in decode_frame(kept, KEYS)]

    asked = pb.GetDecisionRequest(decision_id=decision_id)
    outcomes = serving.decide.GetDecision(asked, timeout=10, metadata=bearing("ours")).outcomes

    assert {
        "acme-desk": outcome_pb2.OUTCOME_STATUS_ACCEPTED,
        "bank-desk": outcome_pb2.OUTCOME_STATUS_OTHER_TENANT,
        "survey": outcome_pb2.OUTCOME_STATUS_ACCEPTED,
    } == {one.caller: one.status for one in outcomes}


def test_an_explanation_has_every_rule_with_what_it_saw(serving: Serving, store: SqlStore) -> None:
    """Also the rules that did not match: the question at night is why not."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    store.put_snapshot(SNAPSHOT.digest, SOURCE.to_document())
    drain(serving, store)

    rules = {rule.rule_id: rule for rule in get(serving, reply.decision_id, pb.DECISION_VIEW_EXPLAIN).rules}

    assert {
        "matched": pb.RULE_OUTCOME_MATCHED,
        "unmatched": pb.RULE_OUTCOME_NOT_MATCHED,
        "unknown": pb.RULE_OUTCOME_UNKNOWN,
        "failed": pb.RULE_OUTCOME_FAILED,
        "inactive": pb.RULE_OUTCOME_INACTIVE,
        "shadow": pb.RULE_OUTCOME_MATCHED,
    } == {name: rule.outcome for name, rule in rules.items()}
    assert ["shadow"] == [name for name, rule in rules.items() if rule.shadow]
    (seen,) = rules["matched"].comparisons
    assert ("response_confidence", "0.5", "below", "0.85", "autonomy_confidence file") == (
        *(seen.signal, seen.observed, seen.operator),
        *(seen.limit, seen.limit_source),
    )


def test_a_decision_without_its_snapshot_is_not_explained_by_another(serving: Serving, store: SqlStore) -> None:
    """An explanation by other rules than those that decided would be a false statement."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    drain(serving, store)

    refusal = refusal_of(lambda: get(serving, reply.decision_id, pb.DECISION_VIEW_EXPLAIN))

    assert (grpc.StatusCode.FAILED_PRECONDITION, "NOT_REPLAYABLE") == (refusal.code, refusal.reason)
    assert f"snapshot {SNAPSHOT.digest} is not in the store" == refusal.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": {"contact_centre.yaml": RULES.replace("0.85", "0.86")}}, "its document was altered"),
        ({"files": {"contact_centre.yaml": "policy: ["}}, "cannot be compiled by this version"),
        ({"engine_version": 99}, "a snapshot of engine version 99, this engine is 1"),
    ],
)
def test_an_altered_snapshot_is_found_out(
    serving: Serving, store: SqlStore, changes: dict[str, Any], words: str
) -> None:
    """A digest that does not fit is evidence, not a nuisance."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    store.put_snapshot(SNAPSHOT.digest, json.dumps({**json.loads(SOURCE.to_document()), **changes}))
    drain(serving, store)

    refusal = refusal_of(lambda: get(serving, reply.decision_id, pb.DECISION_VIEW_EXPLAIN))

    assert (grpc.StatusCode.FAILED_PRECONDITION, "NOT_REPLAYABLE") == (refusal.code, refusal.reason)
    assert words in refusal.text


def test_a_store_that_cannot_be_read_says_so_without_its_reasons(
    serving: Serving, store: SqlStore, tmp_path: Path
) -> None:
    """UNAVAILABLE is to be tried again; SQL and paths are nobody's business."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    drain(serving, store)
    with sqlite3.connect(tmp_path / "records.db") as database:
        database.execute("ALTER TABLE decisions RENAME TO gone")
    database.close()

    refusal = refusal_of(lambda: get(serving, reply.decision_id))

    assert (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE") == (refusal.code, refusal.reason)
    assert "gone" not in refusal.text
    assert "records.db" not in refusal.text
    with pytest.raises(StoreUnavailableError):
        store.find_decision(reply.decision_id)


def test_what_is_still_in_a_journal_is_read_over_the_wire(serving: Serving, store: SqlStore) -> None:
    """The reply left a moment ago; the outcome came before any drain."""
    reply = serving.decide.Decide(REQUEST, timeout=5)
    outcome = outcome_pb2.Outcome(outcome_id="o-1", decision_id=reply.decision_id)
    serving.outcomes.RecordOutcome(outcome_service_pb2.RecordOutcomeRequest(outcome=outcome), timeout=5)
    serving.journals.records = [one for payload in serving.journal.payloads for one in decode_frame(payload, KEYS)]

    found = get(serving, reply.decision_id)

    assert (REQUEST, reply, ["o-1"]) == (
        *(found.request, found.response),
        [recorded.outcome.outcome_id for recorded in found.outcomes],
    )
    drain(serving, store)
    serving.journals.records = []
    assert found == get(serving, reply.decision_id), "drained, it reads the same"


def test_outcomes_of_an_unknown_decision_are_counted_in_the_refusal(serving: Serving, store: SqlStore) -> None:
    """They are on record and wait; nobody needs to send them again."""
    outcome = outcome_pb2.Outcome(outcome_id="o-1", decision_id="ab" * 16)
    serving.outcomes.RecordOutcome(outcome_service_pb2.RecordOutcomeRequest(outcome=outcome), timeout=5)
    drain(serving, store)

    refusal = refusal_of(lambda: get(serving, "ab" * 16))

    assert (grpc.StatusCode.NOT_FOUND, "DECISION_NOT_FOUND") == (refusal.code, refusal.reason)
    assert f"no decision {'ab' * 16} is on record; outcomes of it that wait: 1" == refusal.text


def test_a_draft_decided_again_has_another_decision(serving: Serving) -> None:
    """A decision that names itself would count its own facts twice."""
    outcome = outcome_pb2.Outcome(outcome_id="o-1", decision_id="ab" * 16, redecided_as="ab" * 16)

    refusal = refusal_of(
        lambda: serving.outcomes.RecordOutcome(outcome_service_pb2.RecordOutcomeRequest(outcome=outcome), timeout=5)
    )

    assert (grpc.StatusCode.INVALID_ARGUMENT, "outcome.redecided_as") == (refusal.code, refusal.field)


def test_an_edit_that_was_decided_again_is_shown_with_the_decision_it_led_to(serving: Serving, store: SqlStore) -> None:
    """The facts about the edited draft count for the first decision and name the second."""
    first = serving.decide.Decide(REQUEST, timeout=5)
    edited = pb.DecideRequest(request_id="r-2", intent="order_status", response_confidence=0.5, draft_sha256=b"e" * 32)
    second = serving.decide.Decide(edited, timeout=5)
    for name, redecided_as in (("apart", ""), ("again", second.decision_id)):
        outcome = outcome_pb2.Outcome(
            outcome_id=name, decision_id=first.decision_id, draft_sha256=b"e" * 32, redecided_as=redecided_as
        )
        serving.outcomes.RecordOutcome(outcome_service_pb2.RecordOutcomeRequest(outcome=outcome), timeout=5)
    drain(serving, store)

    found = {recorded.outcome.outcome_id: recorded for recorded in get(serving, first.decision_id).outcomes}

    assert outcome_pb2.OUTCOME_STATUS_OTHER_DRAFT == found["apart"].status
    assert outcome_pb2.OUTCOME_STATUS_ACCEPTED == found["again"].status
    assert second.decision_id == found["again"].outcome.redecided_as
    assert [] == list(get(serving, second.decision_id).outcomes)
