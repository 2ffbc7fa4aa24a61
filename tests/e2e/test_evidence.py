"""The server as shipped learns from outcomes."""

from __future__ import annotations

import json
from pathlib import Path

from oversight.v1 import outcome_pb2 as outcomes
from oversight.v1 import outcome_service_pb2 as pb
from servers import ServerProcess, started, wait_until

RULE = """
  - id: unproven
    when: {labelled_outcomes: {below: 2}}
    tier: human_in_the_loop
    reason: UNPROVEN_SCOPE
    message: Too few replies have been checked.
"""


def report(server: ServerProcess, decision_id: str, verdict: outcomes.Verdict.ValueType) -> None:
    outcome = outcomes.Outcome(
        outcome_id=f"review-{decision_id}",
        decision_id=decision_id,
        verdict=verdict,
        label_basis=outcomes.LABEL_BASIS_REVIEW,
    )
    server.outcomes().RecordOutcome(pb.RecordOutcomeRequest(outcome=outcome), timeout=10, wait_for_ready=True)


def test_labels_are_counted_for_rules_and_audits_are_due_when_it_is_set(tmp_path: Path) -> None:
    """A new model is watched until enough of its replies were checked; then its rule stops by itself."""
    with started(tmp_path, audit_due_h=0.5) as server:
        before = server.decide("plain").policy.digest
        rules = server.policy / "contact_centre.yaml"
        rules.write_text(rules.read_text() + RULE)
        wait_until(lambda: server.decide().policy.digest != before, "the new rule")
        first, second = (server.decide(f"r-{number}", model_version="m1") for number in range(2))
        assert ["UNPROVEN_SCOPE"] * 2 == [first.reason, second.reason]

        report(server, first.decision_id, outcomes.VERDICT_APPROVED)
        report(server, second.decision_id, outcomes.VERDICT_REJECTED)

        wait_until(lambda: server.decide(model_version="m1").reason != "UNPROVEN_SCOPE", "the rule to stop")
        assert "UNPROVEN_SCOPE" == server.decide(model_version="m2").reason
        wait_until(
            lambda: (keeper := server.status().keeper) and keeper.feedback_through_us, "the keeper to say how far it is"
        )
        # The second decision knows what the first did not.
        facts = wait_until(
            lambda: [
                json.loads(text)["labelled_outcomes"] for (text,) in server.ask_store("SELECT facts FROM decisions")
            ],
            "the records",
        )
        assert {0, 2} >= set(facts)
        due = server.ask_store("SELECT DISTINCT due_at_us - decided_at_us FROM evidence WHERE due_at_us IS NOT NULL")
        assert [(1_800_000_000,)] == due
