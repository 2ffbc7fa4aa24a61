"""OutcomeService: RecordOutcome, BatchRecordOutcomes."""

from __future__ import annotations

import grpc

from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.outcomes import outcome_from_proto
from oversight.grpc_api.decision_service import call_of, check_batch
from oversight.grpc_api.status import item_error
from oversight.outcomes import Outcomes
from oversight.storage.outcome import Outcome
from oversight.v1 import outcome_pb2 as values
from oversight.v1 import outcome_service_pb2 as pb
from oversight.v1 import outcome_service_pb2_grpc as rpc

__all__ = ["OutcomeService"]


class OutcomeService(rpc.OutcomeServiceServicer):
    """Takes outcomes; they are in the journal before the reply leaves."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def RecordOutcome(
        self, request: pb.RecordOutcomeRequest, context: grpc.ServicerContext
    ) -> pb.RecordOutcomeResponse:
        """Record one outcome."""
        outcome = outcome_from_proto(request.outcome)
        self._outcomes.record([outcome], call_of(context))
        return pb.RecordOutcomeResponse(outcome_id=outcome.outcome_id)

    def BatchRecordOutcomes(
        self, request: pb.BatchRecordOutcomesRequest, context: grpc.ServicerContext
    ) -> pb.BatchRecordOutcomesResponse:
        """Record several outcomes; one that is wrong has its error in its place."""
        check_batch("outcomes", len(request.outcomes))
        items = [_parse(message, number) for number, message in enumerate(request.outcomes)]
        found = [item for item in items if isinstance(item, Outcome)]
        if found:
            self._outcomes.record(found, call_of(context))
        return pb.BatchRecordOutcomesResponse(results=[_result(item) for item in items])


def _parse(message: values.Outcome, number: int) -> Outcome | InvalidRequestError:
    try:
        return outcome_from_proto(message, prefix=f"outcomes[{number}]")
    except InvalidRequestError as error:
        return error


def _result(item: Outcome | InvalidRequestError) -> pb.BatchRecordOutcomesResult:
    if isinstance(item, InvalidRequestError):
        return pb.BatchRecordOutcomesResult(error=item_error(item))
    return pb.BatchRecordOutcomesResult(response=pb.RecordOutcomeResponse(outcome_id=item.outcome_id))
