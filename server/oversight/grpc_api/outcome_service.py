"""OutcomeService: RecordOutcome, BatchRecordOutcomes."""

from __future__ import annotations

from collections.abc import Generator

from oversight.decisions import Call, chunks
from oversight.errors import InvalidRequestError
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method
from oversight.grpc_api.convert.outcomes import outcome_from_proto
from oversight.grpc_api.decision_service import check_batch
from oversight.grpc_api.status import item_error
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
        return [
            answering.method(f"/{self.NAME}/RecordOutcome", one, self.record),
            answering.method(f"/{self.NAME}/BatchRecordOutcomes", many, self.record_batch),
        ]

    def record(self, request: pb.RecordOutcomeRequest, call: Call) -> bytes:
        """Record one outcome."""
        outcome = outcome_from_proto(request.outcome)
        self._outcomes.record([outcome], call)
        return pb.RecordOutcomeResponse(outcome_id=outcome.outcome_id).SerializeToString()

    def record_batch(self, request: pb.BatchRecordOutcomesRequest, call: Call) -> Generator[None, None, bytes]:
        """Record several outcomes; one that is wrong has its error in its place."""
        check_batch("outcomes", len(request.outcomes))
        items: list[Outcome | InvalidRequestError] = []
        for messages in chunks(request.outcomes):
            items += [_parse(message, number) for number, message in enumerate(messages, len(items))]
            yield
        found = [item for item in items if isinstance(item, Outcome)]
        if found:
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
