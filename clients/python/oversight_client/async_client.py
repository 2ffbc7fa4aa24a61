"""The asyncio client."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar, Unpack

from grpc import aio

from oversight.v1.decision_service_pb2_grpc import DecisionServiceStub
from oversight.v1.outcome_service_pb2 import RecordOutcomeRequest
from oversight.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from oversight_client import batches, convert
from oversight_client.async_gathering import AsyncGathering, AsyncMethod
from oversight_client.attempts import Attempts, checked_timeout_s
from oversight_client.bearer import authorized, read_bearer
from oversight_client.channel import TlsOptions, channel_credentials, channel_options, open_aio_channel
from oversight_client.coalescing import Coalescing
from oversight_client.errors import CallError, ClientClosedError
from oversight_client.fail_safe import FailSafe, OnUnavailable
from oversight_client.failures import error_from_rpc
from oversight_client.fields import DecideFields, OutcomeFields
from oversight_client.values import Decision, ItemError, StoredDecision

if TYPE_CHECKING:
    # These two exist for type checkers only; at run time the plain stubs serve both kinds of channel.
    from oversight.v1.decision_service_pb2_grpc import DecisionServiceAsyncStub
    from oversight.v1.outcome_service_pb2_grpc import OutcomeServiceAsyncStub

__all__ = ["AsyncClient"]

Q = TypeVar("Q")
R = TypeVar("R")


class _Opened(NamedTuple):
    channel: aio.Channel
    decisions: DecisionServiceAsyncStub
    gathering: AsyncGathering | None
    outcomes: OutcomeServiceAsyncStub


class AsyncClient:
    """
    `Client` for asyncio: the same arguments, methods and promises, with every call awaited.

    It belongs to the event loop of its first call. A task that is cancelled while it waits gets `CancelledError` as
    anywhere in asyncio, never a decision.
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
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._timeout_s = checked_timeout_s(timeout_s)
        self._record_timeout_s = checked_timeout_s(record_timeout_s, "record_timeout_s")
        self._fail_safe = FailSafe(on_unavailable, clock)
        self._tenant_id = tenant_id
        self._clock = clock
        self._sleep = sleep
        self._closed = False
        self._target = target
        self._credentials = channel_credentials(target, tls, insecure=insecure)
        self._options = channel_options(target, tls)
        self._bearer = read_bearer(token, token_file)
        self._coalesce = coalesce
        self._opened: _Opened | None = None

    @property
    def unavailable_count(self) -> int:
        """Decisions asked for that the service did not make."""
        return self._fail_safe.unavailable_count

    async def decide(self, *, timeout_s: float | None = None, **fields: Unpack[DecideFields]) -> Decision:
        """Decide one message, as `Client.decide`."""
        request = convert.decide_request(fields, tenant_id=self._tenant_id)
        try:
            opened = self._open()
            response = await self._call(
                opened.gathering or opened.decisions.Decide, request, timeout_s, self._timeout_s
            )
            return convert.decision_from_proto(response, request.request_id)
        except CallError as error:
            return self._fail_safe.decide(request, error)

    async def decide_many(
        self, requests: Iterable[DecideFields], *, timeout_s: float | None = None
    ) -> list[Decision | ItemError]:
        """Decide any number of messages, as `Client.decide_many`."""
        results: list[Decision | ItemError] = []
        for batch in batches.decide_batches(requests, tenant_id=self._tenant_id):
            default_s = batches.batch_timeout_s(self._timeout_s, len(batch.requests))
            try:
                response = await self._call(self._open().decisions.BatchDecide, batch, timeout_s, default_s)
                decided = batches.batch_results(response, batch.requests)
            except CallError as error:
                results += self._fail_safe.decide_all(batch.requests, error)
            else:
                results += self._fail_safe.settle(batch.requests, decided)
        return results

    async def get_decision(
        self, decision_id: str, *, explain: bool = False, timeout_s: float | None = None
    ) -> StoredDecision:
        """Read a decision on record, as `Client.get_decision`."""
        request = convert.decision_request(decision_id, explain=explain)
        response = await self._call(self._open().decisions.GetDecision, request, timeout_s, self._record_timeout_s)
        return convert.stored_decision_from_proto(response)

    async def record_outcome(self, *, timeout_s: float | None = None, **fields: Unpack[OutcomeFields]) -> str:
        """Record what became of a decision and return the outcome's id, as `Client.record_outcome`."""
        request = RecordOutcomeRequest(outcome=convert.outcome_from_fields(fields))
        response = await self._call(self._open().outcomes.RecordOutcome, request, timeout_s, self._record_timeout_s)
        return response.outcome_id

    async def record_outcomes(
        self, outcomes: Iterable[OutcomeFields], *, timeout_s: float | None = None
    ) -> list[str | ItemError]:
        """Record any number of outcomes, as `Client.record_outcomes`."""
        results: list[str | ItemError] = []
        for batch in batches.outcome_batches(outcomes):
            method = self._open().outcomes.BatchRecordOutcomes
            response = await self._call(method, batch, timeout_s, self._record_timeout_s)
            results += batches.outcome_results(response, len(batch.outcomes))
        return results

    async def close(self) -> None:
        """End the connection; calls under way, and later ones, fail as CANCELLED."""
        self._closed = True
        if self._opened:
            if self._opened.gathering:
                self._opened.gathering.close()
            await self._opened.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _open(self) -> _Opened:
        if self._closed:
            raise ClientClosedError
        if self._opened is None:
            # Not before the first call: a channel belongs to the loop that runs when it is made.
            channel = open_aio_channel(self._target, self._credentials, self._options)
            authorized_channel = authorized(channel, self._bearer)
            decisions = DecisionServiceStub(authorized_channel)
            gathering = None
            if self._coalesce:
                gathering = AsyncGathering(self._coalesce, decisions.Decide, decisions.BatchDecide)
            self._opened = _Opened(channel, decisions, gathering, OutcomeServiceStub(authorized_channel))
        return self._opened

    async def _call(self, method: AsyncMethod[Q, R], message: Q, timeout_s: float | None, default_s: float) -> R:
        attempts = Attempts(default_s if timeout_s is None else checked_timeout_s(timeout_s), self._clock)
        while True:
            remaining_s = attempts.remaining_s()
            try:
                return await method(message, timeout=remaining_s)
            except aio.AioRpcError as failure:
                error = error_from_rpc(failure)
            except CallError as failure:
                error = failure
            except asyncio.CancelledError:
                task = asyncio.current_task()
                # Closing the channel cancels its calls too; only the caller's own cancelling is the caller's to see.
                if not self._closed or task is None or task.cancelling():
                    raise
                raise ClientClosedError from None
            if self._closed:
                raise ClientClosedError from error
            pause_s = attempts.pause_s(error)
            await self._sleep(pause_s)
            if self._closed:
                raise ClientClosedError from error
