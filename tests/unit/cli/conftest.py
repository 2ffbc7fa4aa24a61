"""A server that answers as told, and a command line that runs in this process."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import grpc
import pytest
from typer.testing import CliRunner

from insight_port import CannedInsight, insight_port, refuse_field
from oversight.cli.commands import app
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import outcome_pb2
from oversight.v1 import outcome_service_pb2 as outcome_service
from oversight.v1.decision_service_pb2_grpc import DecisionServiceServicer, add_DecisionServiceServicer_to_server
from oversight.v1.outcome_service_pb2_grpc import OutcomeServiceServicer, add_OutcomeServiceServicer_to_server

DECISION_ID = "0123456789abcdef0123456789abcdef"


@dataclass
class FakeDesk(DecisionServiceServicer, OutcomeServiceServicer):
    """
    Decides by one signal: on the loop from a reply confidence of 0.9, as the loop below a sentiment of -0.5.

    With `one_id` every decision has the same id, as those of a request sent again have.

    `refusals` are statuses that the next calls end with, None for one that is answered; `refused` are those of calls by
    the id of their first request, whenever they come. `unknown` are reasons given besides. `requests` and `outcomes`
    are those of single calls and of batches alike, `batches` the sizes of these.
    """

    address: str = ""
    recorded: bool = True
    one_id: bool = False
    unknown: tuple[str, ...] = ()
    refusals: list[grpc.StatusCode | None] = field(default_factory=list)
    refused: dict[str, grpc.StatusCode] = field(default_factory=dict)
    outcome_refusals: list[grpc.StatusCode | None] = field(default_factory=list)
    requests: list[decisions.DecideRequest] = field(default_factory=list)
    outcomes: list[outcome_service.RecordOutcomeRequest] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def Decide(self, request, context):  # noqa: N802  # the protocol's name
        """Decide, or refuse."""
        [decided] = self.decide([request], context)
        if decided.HasField("error"):
            refuse_field(context, decided.error.metadata["field"], decided.error.message)
        return decided.response

    def BatchDecide(self, request, context):  # noqa: N802  # the protocol's name
        """Decide several, or refuse them all."""
        self.batches.append(len(request.requests))
        return decisions.BatchDecideResponse(results=self.decide(request.requests, context))

    def decide(self, requests, context):
        """Return the result of each of *requests*, or refuse them all."""
        with self.lock:
            first = len(self.requests) + 1
            self.requests.extend(requests)
        self.refuse(self.refusals, context)
        if requests and (refusal := self.refused.get(requests[0].request_id)):
            context.abort(refusal, "told to refuse")
        results = []
        for number, request in enumerate(requests, first):
            result = decisions.BatchDecideResult()
            if 0 <= request.response_confidence <= 1:
                result.response.CopyFrom(self.reply(request, DECISION_ID if self.one_id else f"{number:032x}"))
            else:
                result.error.code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
                result.error.message = "response_confidence: 7.0 is not in 0..1"
                result.error.metadata["field"] = "response_confidence"
            results.append(result)
        return results

    def refuse(self, refusals, context):
        """End the call as the next of *refusals* says."""
        with self.lock:
            refusal = refusals.pop(0) if refusals else None
        if refusal:
            context.abort(refusal, "told to refuse")

    def reply(self, request, decision_id):
        """Return what is decided of *request*."""
        response = decisions.DecideResponse(
            decision_id=decision_id,
            request_id=request.request_id,
            tier=shared.TIER_HUMAN_ON_THE_LOOP,
            escalation=shared.ESCALATION_NONE,
            reason="ROUTINE",
            reasons=[shared.Reason(code="ROUTINE", rule_id="routine", message="Nothing speaks for a person.")],
            evaluation=shared.EVALUATION_DEFAULT,
            recorded=self.recorded,
            policy=shared.PolicyIdentity(name="contact_centre", version="3", commit="c0ffee", digest="d" * 64),
            audit_selected=True,
            audit_probability=0.05,
        )
        if request.sentiment_score <= -0.5:
            make_upset(response, request.sentiment_score)
        elif request.response_confidence < 0.9:
            response.tier = shared.TIER_HUMAN_IN_THE_LOOP
            response.reasons[0].code = response.reason = "LOW_CONFIDENCE"
        for name in self.unknown:
            response.reasons.add(code=name, rule_id=name.lower(), message="It is not known.")
        response.reason = response.reasons[0].code
        return response

    def RecordOutcome(self, request, context):  # noqa: N802  # the protocol's name
        """Take an outcome, or refuse."""
        self.outcomes.append(request)
        self.refuse(self.outcome_refusals, context)
        return outcome_service.RecordOutcomeResponse(outcome_id=request.outcome.outcome_id)

    def BatchRecordOutcomes(self, request, context):  # noqa: N802  # the protocol's name
        """Take several outcomes, or refuse them all; one with too much satisfaction is refused alone."""
        self.outcomes.extend(outcome_service.RecordOutcomeRequest(outcome=outcome) for outcome in request.outcomes)
        self.refuse(self.outcome_refusals, context)
        response = outcome_service.BatchRecordOutcomesResponse()
        for number, outcome in enumerate(request.outcomes):
            result = response.results.add()
            if outcome.csat <= 5:
                result.response.outcome_id = outcome.outcome_id
            else:
                result.error.code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
                result.error.message = f"outcomes[{number}].csat: expected 1..5"
        return response

    def GetDecision(self, request, context):  # noqa: N802  # the protocol's name
        """Return the one decision on record."""
        if request.decision_id != DECISION_ID:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no decision {request.decision_id} is on record")
        asked = decisions.DecideRequest(request_id="r-1", intent="order_status", sentiment_score=-0.8)
        stored = decisions.Decision(
            request=asked, response=self.reply(asked, DECISION_ID), caller="local", latency_us=210
        )
        stored.decided_at.FromJsonString("2025-06-01T09:30:00Z")
        comparison = shared.Comparison(
            signal="churn_risk", observed="null", operator="above", limit="0.7", limit_source="literal"
        )
        for name, outcome in (
            ("negative_sentiment", decisions.RULE_OUTCOME_MATCHED),
            ("churn", decisions.RULE_OUTCOME_UNKNOWN),
            ("vip", decisions.RULE_OUTCOME_NOT_MATCHED),
        ):
            stored.rules.add(rule_id=name, outcome=outcome, comparisons=[comparison], shadow=name == "vip")
        recorded = stored.outcomes.add(status=outcome_pb2.OUTCOME_STATUS_ACCEPTED, caller="local")
        recorded.outcome.outcome_id, recorded.outcome.decision_id = "o-1", DECISION_ID
        recorded.outcome.verdict = outcome_pb2.VERDICT_REJECTED
        recorded.outcome.label_basis = outcome_pb2.LABEL_BASIS_REVIEW
        recorded.received_at.FromJsonString("2025-06-02T10:00:00Z")
        return stored


def make_upset(response, score):
    """Make of *response* what is decided for a customer who is upset."""
    response.tier = shared.TIER_HUMAN_AS_THE_LOOP
    response.escalation, response.escalate = shared.ESCALATION_TRANSFER, True
    response.evaluation = shared.EVALUATION_MATCHED
    del response.reasons[:]
    response.reasons.add(
        code="NEGATIVE_SENTIMENT",
        rule_id="negative_sentiment",
        message="The customer is upset.",
        comparisons=[
            shared.Comparison(
                signal="sentiment_score",
                observed=json.dumps(score),
                operator="below",
                limit="-0.5",
                limit_source="negative_sentiment file",
            )
        ],
    )
    response.review_sla_s, response.on_expiry = 60, shared.ON_EXPIRY_TRANSFER
    response.missing_signals.append("anomaly_score")
    response.shadow_reasons.add(code="NEW_RULE", rule_id="new_rule", message="Tried out.")


@pytest.fixture
def desk() -> Iterator[FakeDesk]:
    """A server on a port of its own that answers as told."""
    fake = FakeDesk()
    server = grpc.server(ThreadPoolExecutor(8))
    add_DecisionServiceServicer_to_server(fake, server)
    add_OutcomeServiceServicer_to_server(fake, server)
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield fake
    server.stop(0).wait(5)


@pytest.fixture
def insight() -> Iterator[CannedInsight]:
    """An admin port that answers questions about outcomes as told."""
    with insight_port() as port:
        yield port


@pytest.fixture
def silent():
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def run():
    """Run a command line; the result has `exit_code`, `stdout` and `stderr`."""

    def invoke(*words, env=None):
        return CliRunner().invoke(app, [str(word) for word in words], env=env)

    return invoke


@pytest.fixture
def ask(run, desk):
    """Run a command line against the server that answers as told."""

    def invoke(*words):
        return run(*words, "--target", desk.address)

    return invoke
