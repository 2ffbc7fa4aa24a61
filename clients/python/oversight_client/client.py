"""The blocking client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeVar, Unpack

import grpc

from oversight.v1.decision_service_pb2_grpc import DecisionServiceStub
from oversight.v1.outcome_service_pb2 import RecordOutcomeRequest
from oversight.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from oversight_client import batches, convert
from oversight_client.attempts import Attempts, checked_timeout_s
from oversight_client.bearer import authorized, read_bearer
from oversight_client.channel import TlsOptions, channel_credentials, channel_options, open_channel
from oversight_client.coalescing import Coalescing
from oversight_client.errors import CallError, ClientClosedError
from oversight_client.fail_safe import FailSafe, OnUnavailable
from oversight_client.failures import error_from_rpc
from oversight_client.fields import DecideFields, OutcomeFields
from oversight_client.gathering import Gathering
from oversight_client.values import Decision, ItemError, StoredDecision

__all__ = ["Client"]

Q = TypeVar("Q")
R = TypeVar("R")
Q_contra = TypeVar("Q_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class _Method(Protocol[Q_contra, R_co]):
    """A method of a stub, or what stands in for one; raises RpcError or CallError."""

    def __call__(self, request: Q_contra, /, *, timeout: float) -> R_co: ...


class Client:
    """
    Asks the service at *target* how much human oversight an AI message gets, and tells it what became of it.

    Every call has a deadline: *timeout_s* for decisions, *record_timeout_s* for outcomes and for reading back, or the
    call's own. Within it UNAVAILABLE and CANCELLED are tried again. When the service cannot be asked,
    *on_unavailable* says whether a decision is made here for a person (`human`) or the error is raised (`raise`).
    *target* must be on this machine unless *tls* or *insecure* is given. *token* says who calls, or *token_file*, which
    is read again when it changes. *tenant_id* is for requests without one. With *coalesce*, decisions asked for at the
    same time share calls. *channel*, *clock* and *sleep* are for tests. Safe for use from several threads; make it
    after forking.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        timeout_s: float = 0.05,
        record_timeout_s: float = 5.0,
        on_unavailable: OnUnavailable = "human",
        tls: TlsOptions | None = None,
        token: str = "",
        token_file: str | os.PathLike[str] | None = None,
        insecure: bool = False,
        tenant_id: str = "",
        coalesce: Coalescing | None = None,
        channel: grpc.Channel | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeout_s = checked_timeout_s(timeout_s)
        self._record_timeout_s = checked_timeout_s(record_timeout_s, "record_timeout_s")
        self._fail_safe = FailSafe(on_unavailable, clock)
        self._tenant_id = tenant_id
        self._clock = clock
        self._sleep = sleep
        self._closed = False
        credentials = channel_credentials(target, tls, insecure=insecure)
        self._channel = channel or open_channel(target, credentials, channel_options(target, tls))
        authorized_channel = authorized(self._channel, read_bearer(token, token_file))
        self._decisions = DecisionServiceStub(authorized_channel)
        self._outcomes = OutcomeServiceStub(authorized_channel)
        stub = self._decisions
        self._gathering = Gathering(coalesce, stub.Decide, stub.BatchDecide, clock) if coalesce else None

    @property
    def unavailable_count(self) -> int:
        """Decisions asked for that the service did not make."""
        return self._fail_safe.unavailable_count

    def decide(self, *, timeout_s: float | None = None, **fields: Unpack[DecideFields]) -> Decision:
        """
        Decide one message.

        TypeError or ValueError for a field that cannot be sent, InvalidRequestError for one that the service refuses;
        other failures as *on_unavailable* says.
        """
        request = convert.decide_request(fields, tenant_id=self._tenant_id)
        try:
            response = self._call(self._gathering or self._decisions.Decide, request, timeout_s, self._timeout_s)
            return convert.decision_from_proto(response, request.request_id)
        except CallError as error:
            return self._fail_safe.decide(request, error)

    def decide_many(
        self, requests: Iterable[DecideFields], *, timeout_s: float | None = None
    ) -> list[Decision | ItemError]:
        """
        Decide any number of messages, in calls of up to 500 one after the other; the results come in their order.

        An item that the service refuses is an `ItemError` in its place; with `on_unavailable="raise"` so is any other
        failure of one item. A failure of a whole call is treated as in `decide`, item by item; with `raise` it ends the
        rest too. *timeout_s* is for each call; absent, it is the client's and 1 ms more for each item.
        """
        results: list[Decision | ItemError] = []
        for batch in batches.decide_batches(requests, tenant_id=self._tenant_id):
            default_s = batches.batch_timeout_s(self._timeout_s, len(batch.requests))
            try:
                response = self._call(self._decisions.BatchDecide, batch, timeout_s, default_s)
                decided = batches.batch_results(response, batch.requests)
            except CallError as error:
                results += self._fail_safe.decide_all(batch.requests, error)
            else:
                results += self._fail_safe.settle(batch.requests, decided)
        return results

    def get_decision(
        self, decision_id: str, *, explain: bool = False, timeout_s: float | None = None
    ) -> StoredDecision:
        """Read a decision on record, with *explain* every rule's evaluation too; raises CallError when it fails."""
        request = convert.decision_request(decision_id, explain=explain)
        response = self._call(self._decisions.GetDecision, request, timeout_s, self._record_timeout_s)
        return convert.stored_decision_from_proto(response)

    def record_outcome(self, *, timeout_s: float | None = None, **fields: Unpack[OutcomeFields]) -> str:
        """
        Record what became of a decision and return the outcome's id.

        Returns only once it is on record; raises CallError when it fails. Sending the same again is safe.
        """
        request = RecordOutcomeRequest(outcome=convert.outcome_from_fields(fields))
        return self._call(self._outcomes.RecordOutcome, request, timeout_s, self._record_timeout_s).outcome_id

    def record_outcomes(
        self, outcomes: Iterable[OutcomeFields], *, timeout_s: float | None = None
    ) -> list[str | ItemError]:
        """
        Record any number of outcomes, in calls of up to 500 one after the other; ids or errors come in their order.

        Raises CallError when a call fails; those before it are on record, and sending all of them again is safe.
        """
        results: list[str | ItemError] = []
        for batch in batches.outcome_batches(outcomes):
            response = self._call(self._outcomes.BatchRecordOutcomes, batch, timeout_s, self._record_timeout_s)
            results += batches.outcome_results(response, len(batch.outcomes))
        return results

    def close(self) -> None:
        """End the connection; calls under way, and later ones, fail as CANCELLED."""
        self._closed = True
        if self._gathering:
            self._gathering.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: _Method[Q, R], message: Q, timeout_s: float | None, default_s: float) -> R:
        attempts = Attempts(default_s if timeout_s is None else checked_timeout_s(timeout_s), self._clock)
        while True:
            if self._closed:
                raise ClientClosedError
            remaining_s = attempts.remaining_s()
            try:
                return method(message, timeout=remaining_s)
            except grpc.RpcError as failure:
                error = error_from_rpc(failure)
            except CallError as failure:
                error = failure
            except ValueError as failure:
                # gRPC's word for a channel that was closed between the look above and the call.
                if self._closed:
                    raise ClientClosedError from failure
                raise
            if self._closed:
                raise ClientClosedError from error
            self._sleep(attempts.pause_s(error))
