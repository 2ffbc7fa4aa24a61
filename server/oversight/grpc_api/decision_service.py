"""DecisionService: Decide, BatchDecide, GetDecision."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oversight.decisions import Answer, Asked, Call, Decisions, chunks
from oversight.errors import CallError, DecisionNotFoundError, InvalidRequestError
from oversight.grpc_api.answering import Answering, Reply
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.convert.checks import check_hex_id
from oversight.grpc_api.convert.delimited import delimited, tag
from oversight.grpc_api.convert.replies import found_to_proto
from oversight.grpc_api.convert.requests import canonical_form, request_from_proto
from oversight.grpc_api.spans import describe_decision
from oversight.grpc_api.status import item_error
from oversight.grpc_api.tenants import tenant_for
from oversight.journal.protocols import Turns
from oversight.reading import Reading
from oversight.v1 import decision_service_pb2 as pb

__all__ = ["MAX_BATCH", "DecisionService", "check_batch"]

MAX_BATCH = 500
"""Most items of one batch."""


def check_batch(field: str, count: int) -> None:
    """Raise `InvalidRequestError` unless a batch has 1 to `MAX_BATCH` items."""
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequestError(field, f"expected 1 to {MAX_BATCH} items, got {count}")


class DecisionService:
    """Answers decisions from the snapshot in force, and from the record."""

    NAME = pb.DESCRIPTOR.services_by_name["DecisionService"].full_name

    def __init__(self, decisions: Decisions, reading: Reading, clock_us: Callable[[], int]) -> None:
        """Take the use cases, and the clock of decisions."""
        self._decisions = decisions
        self._reading = reading
        self._clock_us = clock_us

    def methods(self, answering: Answering, reads: ReadingPool) -> list[Method]:
        """Return the service's methods; those that search what is on record run in *reads*."""
        # Turns for the disk alone: they cost what most servers need not pay.
        decide: Callable[[pb.DecideRequest, Call], Reply] = self.decide
        if self._decisions.syncs:
            decide = self.decide_synced
        return [
            answering.method(f"/{self.NAME}/Decide", pb.DecideRequest.FromString, decide),
            answering.method(f"/{self.NAME}/BatchDecide", pb.BatchDecideRequest.FromString, self.decide_batch),
            answering.method(f"/{self.NAME}/GetDecision", pb.GetDecisionRequest.FromString, self.get_decision, reads),
        ]

    def decide(self, request: pb.DecideRequest, call: Call) -> bytes:
        """Decide one message; the record is in the journal before this returns."""
        decision, reply = self._decisions.decide(_asked(request, self._clock_us(), call), call)
        if call.span is not None:
            describe_decision(call.span, decision)
        return reply

    def decide_synced(self, request: pb.DecideRequest, call: Call) -> Turns[bytes]:
        """Decide one message; the record is on the disk before this returns."""
        decision, reply = yield from self._decisions.decide_synced(_asked(request, self._clock_us(), call), call)
        if call.span is not None:
            describe_decision(call.span, decision)
        return reply

    def decide_batch(self, request: pb.BatchDecideRequest, call: Call) -> Turns[bytes]:
        """Decide several messages; an item that is wrong has its error in its place."""
        check_batch("requests", len(request.requests))
        now = self._clock_us()
        items: list[Asked | CallError] = []
        for messages in chunks(request.requests):
            items += [_parse(message, now, call) for message in messages]
            yield None
        asked = [item for item in items if isinstance(item, Asked)]
        answers = iter((yield from self._decisions.decide_many(asked, call)) if asked else ())
        # By hand, because what a result holds is there in bytes: what was put on record is what is sent.
        return b"".join([delimited(_RESULTS, _result(item, answers)) for item in items])

    def get_decision(self, request: pb.GetDecisionRequest, call: Call) -> bytes:
        """Read a decision on record."""
        decision_id = check_hex_id("decision_id", request.decision_id)
        if request.view not in pb.DecisionView.values():
            raise InvalidRequestError("view", f"expected BASIC or EXPLAIN, got {request.view}")
        explain = request.view == pb.DECISION_VIEW_EXPLAIN
        if call.tenant_id and self._reading.find(decision_id).stored.request.tenant_id != call.tenant_id:
            # Nobody learns that another tenant's is there.
            raise DecisionNotFoundError(decision_id)
        return found_to_proto(self._reading.find(decision_id, with_rules=explain)).SerializeToString()


def _asked(message: pb.DecideRequest, now_us: int, call: Call) -> Asked:
    if call.tenant_id:
        message.tenant_id = tenant_for(call, message.tenant_id, "decide")
    request = request_from_proto(message, now_us)
    return Asked(request, canonical_form(message, request))


def _parse(message: pb.DecideRequest, now_us: int, call: Call) -> Asked | CallError:
    try:
        return _asked(message, now_us, call)
    except CallError as error:
        return error


def _result(item: Asked | CallError, answers: Iterator[Answer]) -> bytes:
    if isinstance(item, CallError):
        return pb.BatchDecideResult(error=item_error(item)).SerializeToString()
    return delimited(_RESPONSE, next(answers).reply)


_RESULTS = tag(pb.BatchDecideResponse.RESULTS_FIELD_NUMBER)
_RESPONSE = tag(pb.BatchDecideResult.RESPONSE_FIELD_NUMBER)
