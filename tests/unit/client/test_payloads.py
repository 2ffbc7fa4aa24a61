"""Calls as bytes, for programs that send them themselves."""

import pytest

from oversight.v1 import decision_service_pb2 as pb
from oversight.v1.decision_pb2 import Evaluation, Tier
from oversight_client.errors import InvalidResponseError
from oversight_client.payloads import BATCH_DECIDE, DECIDE, Answered, Template, batch_payload, read_batch, read_decision

FIELDS = {"intent": "order_status", "response_confidence": 0.99, "sentiment_score": -0.99, "guardrails": []}


def test_the_methods_are_those_of_the_service():
    """They are written out: a service that is renamed must not leave them behind."""
    service = pb.DESCRIPTOR.services_by_name["DecisionService"]
    assert [f"/{service.full_name}/{name}" for name in ("Decide", "BatchDecide")] == [DECIDE, BATCH_DECIDE]
    assert {"Decide", "BatchDecide"} <= set(service.methods_by_name)


def test_a_template_is_sent_again_under_another_id():
    """Nothing but the id changes."""
    template = Template(FIELDS)
    template.renew("a")
    first = pb.DecideRequest.FromString(template.payload())
    template.renew("b")
    second = pb.DecideRequest.FromString(template.payload())
    assert ("a", "b", "b") == (first.request_id, second.request_id, template.request_id)
    second.request_id = "a"
    assert first == second


@pytest.mark.parametrize(("by", "numbers"), [(0.005, (0.995, -0.985)), (0.5, (1.0, -0.49)), (-1.0, (0.0, -1.0))])
def test_numbers_are_moved_from_where_they_were_at_first_within_their_range(by, numbers):
    """Moved from the last time's, they would wander; out of range, they would be refused."""
    template = Template(FIELDS)
    for _ in range(3):
        template.shift(by, by)
    message = pb.DecideRequest.FromString(template.payload())
    assert pytest.approx(numbers) == (message.response_confidence, message.sentiment_score)


def test_a_template_that_cannot_be_sent_is_an_error():
    """With the field's name, as everywhere in the client."""
    with pytest.raises(TypeError, match="intnt"):
        Template({"intnt": "x"})


def test_a_batch_takes_each_template_as_it_is_at_its_turn():
    """The same template twice in one batch is two messages."""
    template = Template(FIELDS)

    def renewed():
        for request_id in ("a", "b"):
            template.renew(request_id)
            yield template

    batch = pb.BatchDecideRequest.FromString(batch_payload(renewed()))
    assert ["a", "b"] == [message.request_id for message in batch.requests]


def test_replies_are_read():
    """Only what a load generator needs to know."""
    reply = pb.DecideResponse(
        request_id="a", tier=Tier.TIER_HUMAN_IN_THE_LOOP, evaluation=Evaluation.EVALUATION_MATCHED, recorded=True
    )
    batch = pb.BatchDecideResponse()
    batch.results.add().response.CopyFrom(reply)
    batch.results.add().error.code = 3
    batch.results.add().error.code = 99
    answered = Answered("a", 2, 1, recorded=True)
    assert (answered,) == read_decision(reply.SerializeToString())
    refused = [Answered("", 0, 0, recorded=False, error=name) for name in ("INVALID_ARGUMENT", "UNKNOWN")]
    assert (answered, *refused) == read_batch(batch.SerializeToString())


@pytest.mark.parametrize("read", [read_decision, read_batch])
def test_bytes_that_are_no_reply_are_an_error(read):
    """Whatever sent them is not the service."""
    with pytest.raises(InvalidResponseError, match="cannot be read"):
        read(b"\xff\xff")
