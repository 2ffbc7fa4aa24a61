"""Callers that remember what they were promised: every decision said to be on record, every outcome acknowledged."""

from __future__ import annotations

import itertools
import threading
from typing import Literal, Self

import grpc

from oversight.v1 import (
    decision_pb2,
    decision_service_pb2,
    decision_service_pb2_grpc,
    outcome_pb2,
    outcome_service_pb2,
    outcome_service_pb2_grpc,
)
from servers import a_request, wait_until

__all__ = ["Calls", "Load", "Promises", "an_outcome"]

Calls = Literal["unary", "batch", "both"]

_CALLERS = 4
_BATCH = 10
_OUTCOME_EVERY = 3
"""One outcome is reported for so many calls."""
_CALL_S = 10.0
_PAUSE_S = 0.02
_RETRY_S = 0.02
# A pool of connections of its own, so that callers spread over the workers.
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50)]


def an_outcome(decision_id: str, outcome_id: str) -> outcome_pb2.Outcome:
    """Return the report that a draft was approved."""
    return outcome_pb2.Outcome(
        outcome_id=outcome_id,
        decision_id=decision_id,
        verdict=outcome_pb2.VERDICT_APPROVED,
        label_basis=outcome_pb2.LABEL_BASIS_REVIEW,
    )


class Promises:
    """What callers were told; for any number of threads."""

    def __init__(self) -> None:
        self.decisions: set[str] = set()
        """Ids of decisions that were answered with `recorded`."""
        self.outcomes: set[str] = set()
        """Ids of outcomes that were acknowledged."""
        self.unrecorded: list[decision_service_pb2.DecideResponse] = []
        """Answers that said that they are not on record."""
        self.failed = 0
        """Calls that got no answer, or were refused: nothing was promised."""
        self.codes: set[grpc.StatusCode] = set()
        """The statuses of those."""
        self._lock = threading.Lock()

    def note(self, reply: decision_service_pb2.DecideResponse) -> None:
        """Keep what a reply says."""
        with self._lock:
            if reply.recorded:
                self.decisions.add(reply.decision_id)
            else:
                self.unrecorded.append(reply)

    def note_outcome(self, outcome_id: str) -> None:
        """Keep that an outcome was acknowledged."""
        with self._lock:
            self.outcomes.add(outcome_id)

    def note_failure(self, error: grpc.RpcError) -> None:
        """Count a call without an answer."""
        with self._lock:
            self.failed += 1
            if isinstance(error, grpc.Call):
                self.codes.add(error.code())

    def quiet(self) -> list[decision_service_pb2.DecideResponse]:
        """Return the answers that are not on record and do not ask for a person because of it."""
        return [
            reply
            for reply in self.unrecorded
            if reply.tier < decision_pb2.TIER_HUMAN_IN_THE_LOOP
            or "RECORD_UNAVAILABLE" not in {reason.code for reason in reply.reasons}
        ]


class Load:
    """
    Threads that ask one message after the other, each once, and note in *promises* what they are answered.

    *label* begins every request id, so it must be another one for each load on the same store. Half the callers ask in
    batches where *calls* is "both". *pause_s* between two calls leaves the drain, which comes last, some of the CPU. A
    context manager.
    """

    def __init__(
        self, target: str, label: str, promises: Promises, *, calls: Calls = "both", pause_s: float = _PAUSE_S
    ) -> None:
        self.promises = promises
        self._target = target
        self._label = label
        self._calls = calls
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(_CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Return when so many more decisions are promised; fail if that takes a minute."""
        wanted = len(self.promises.decisions) + more
        wait_until(lambda: len(self.promises.decisions) >= wanted, f"{more} more replies", 60)

    def _call(self, number: int) -> None:
        batch = self._calls == "batch" or (self._calls == "both" and number % 2 == 1)
        with grpc.insecure_channel(self._target, _OPTIONS) as channel:
            caller = _Caller(channel, self.promises)
            for count in itertools.count():
                if self._stop.wait(self._pause_s):
                    return
                try:
                    caller.call(f"{self._label}-{number}-{count}", batch=batch, report=count % _OUTCOME_EVERY == 0)
                except grpc.RpcError as error:
                    self.promises.note_failure(error)
                    self._stop.wait(_RETRY_S)


class _Caller:
    def __init__(self, channel: grpc.Channel, promises: Promises) -> None:
        self._decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self._outcomes = outcome_service_pb2_grpc.OutcomeServiceStub(channel)
        self._promises = promises

    def call(self, request_id: str, *, batch: bool, report: bool) -> None:
        """Ask once or a batch, and report an outcome for each decision; raise what gRPC raises."""
        ids = self._decide_many(request_id) if batch else self._decide(request_id)
        if not report:
            return
        if batch:
            self._report_many([an_outcome(one, f"o-{one}") for one in ids])
        else:
            outcome = outcome_service_pb2.RecordOutcomeRequest(outcome=an_outcome(ids[0], f"o-{ids[0]}"))
            self._promises.note_outcome(self._outcomes.RecordOutcome(outcome, timeout=_CALL_S).outcome_id)

    def _decide(self, request_id: str) -> list[str]:
        reply = self._decisions.Decide(a_request(request_id), timeout=_CALL_S)
        self._promises.note(reply)
        return [reply.decision_id]

    def _decide_many(self, request_id: str) -> list[str]:
        requests = [a_request(f"{request_id}-{item}") for item in range(_BATCH)]
        batch = decision_service_pb2.BatchDecideRequest(requests=requests)
        results = self._decisions.BatchDecide(batch, timeout=_CALL_S).results
        replies = [result.response for result in results if result.HasField("response")]
        for reply in replies:
            self._promises.note(reply)
        return [reply.decision_id for reply in replies]

    def _report_many(self, outcomes: list[outcome_pb2.Outcome]) -> None:
        request = outcome_service_pb2.BatchRecordOutcomesRequest(outcomes=outcomes)
        for result in self._outcomes.BatchRecordOutcomes(request, timeout=_CALL_S).results:
            if result.HasField("response"):
                self._promises.note_outcome(result.response.outcome_id)
