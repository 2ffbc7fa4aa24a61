"""OutcomeService: RecordOutcome, BatchRecordOutcomes."""

from __future__ import annotations

from collections.abc import Callable

from oversight.decisions import Call, chunks
from oversight.errors import InvalidRequestError
from oversight.grpc_api.answering import Answering, Reply
from oversight.grpc_api.call_loop import Method
from oversight.grpc_api.convert.outcomes import outcome_from_proto
from oversight.grpc_api.decision_service import check_batch
from oversight.grpc_api.status import item_error
from oversight.journal.protocols import Turns
from oversight.outcomes import Outcomes
from oversight.storage.outcome import Outcome
from oversight.v1 import outcome_pb2 as values
from oversight.v1 import outcome_service_pb2 as pb

__all__ = ["OutcomeService"]


class OutcomeService:
    """Takes outcomes; they are in the journal before the reply leaves."""

    NAME = pb.DESCRIPTOR.services_by_name["OutcomeService"].full_name

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def methods(self, answering: Answering) -> list[Method]:
        """Return the service's methods."""
        one, many = pb.RecordOutcomeRequest.FromString, pb.BatchRecordOutcomesRequest.FromString
        record: Callable[[pb.RecordOutcomeRequest, Call], Reply] = self.record
        if self._outcomes.syncs:
            record = self.record_synced
        return [
            answering.method(f"/{self.NAME}/RecordOutcome", one, record),
            answering.method(f"/{self.NAME}/BatchRecordOutcomes", many, self.record_batch),
        ]

    def record(self, request: pb.RecordOutcomeRequest, call: Call) -> bytes:
        """Record one outcome; it is in the journal before this returns."""
        outcome = outcome_from_proto(request.outcome)
        self._outcomes.record([outcome], call)
        return pb.RecordOutcomeResponse(outcome_id=outcome.outcome_id).SerializeToString()

    def record_synced(self, request: pb.RecordOutcomeRequest, call: Call) -> Turns[bytes]:
        """Record one outcome; it is on the disk before this returns."""
        outcome = outcome_from_proto(request.outcome)
        yield from self._outcomes.record_synced([outcome], call)
        return pb.RecordOutcomeResponse(outcome_id=outcome.outcome_id).SerializeToString()

    def record_batch(self, request: pb.BatchRecordOutcomesRequest, call: Call) -> Turns[bytes]:
        """Record several outcomes; one that is wrong has its error in its place."""
        check_batch("outcomes", len(request.outcomes))
        items: list[Outcome | InvalidRequestError] = []
        for messages in chunks(request.outcomes):
            items += [_parse(message, number) for number, message in enumerate(messages, len(items))]
            yield None
        found = [item for item in items if isinstance(item, Outcome)]
        if found and self._outcomes.syncs:
            yield from self._outcomes.record_synced(found, call)
        elif found:
            self._outcomes.record(found, call)
        return pb.BatchRecordOutcomesResponse(results=[_result(item) for item in items]).SerializeToString()


def _parse(message: values.Outcome, number: int) -> Outcome | InvalidRequestError:
    try:
        return outcome_from_proto(message, prefix=f"outcomes[{number}]")
    except InvalidRequestError as error:
        return error


def _result(item: Outcome | InvalidRequestError) -> pb.BatchRecordOutcomesResult:
    if isinstance(item, InvalidRequestError):
        return pb.BatchRecordOutcomesResult(error=item_error(item))
    return pb.BatchRecordOutcomesResult(response=pb.RecordOutcomeResponse(outcome_id=item.outcome_id))
