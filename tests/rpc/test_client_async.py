"""The asyncio client against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from oversight.v1 import decision_service_pb2, outcome_service_pb2
from oversight_client import (
    AsyncClient,
    ClientClosedError,
    DeadlineExceededError,
    Decision,
    Evaluation,
    InvalidRequestError,
    ItemError,
    NotFoundError,
    Tier,
)
from rpc.scripted_server import ScriptedServer, aborts, held_call
from unit.client.replies import DECISION_ID, a_response

LONG_S = 20.0


def decides(request: Any, _: grpc.ServicerContext) -> Any:
    """Answer with a routine decision."""
    return a_response(request)


def run(server: ScriptedServer, use: Callable[[AsyncClient], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """Run *use* with a client of *server* on a loop of its own, in bounded time."""

    async def main() -> Any:
        async with AsyncClient(server.target, **{"timeout_s": LONG_S, **options}) as client:
            return await asyncio.wait_for(use(client), 30)

    return asyncio.run(main())


async def arrival(server: ScriptedServer) -> None:
    """Wait until the next call has reached the server."""
    assert await asyncio.to_thread(server.arrived.acquire, timeout=10)


def test_a_decision_crosses_the_wire():
    """The plain way through; the client was made outside any loop."""
    with ScriptedServer(decides) as server:
        client = AsyncClient(server.target, timeout_s=LONG_S)

        async def main() -> Decision:
            async with client:
                return await client.decide(request_id="r1")

        decision = asyncio.run(main())
    assert ("r1", True, 0) == (decision.request_id, decision.recorded, client.unavailable_count)


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.CANCELLED])
def test_a_call_that_a_stopping_server_drops_is_repeated(code):
    """The server's CANCELLED is not the caller's."""
    with ScriptedServer(aborts(code), aborts(code), decides) as server:
        assert run(server, lambda client: client.decide()).recorded
    assert server.requests[0] == server.requests[1] == server.requests[2]


def test_a_restart_within_the_deadline_is_survived():
    """As for the blocking client."""
    with ScriptedServer(decides) as gone:
        pass
    back: list[ScriptedServer] = []

    async def start_and_sleep(seconds: float) -> None:
        if not back:
            back.append(ScriptedServer(decides, port=gone.port))
        await asyncio.sleep(seconds)

    assert run(gone, lambda client: client.decide(), sleep=start_and_sleep).recorded
    back[0].stop()


def test_a_cancelled_task_gets_no_decision():
    """Asyncio's own promise: a caller that gave up must not act on an answer."""

    async def cancel(client: AsyncClient) -> int:
        deciding = asyncio.create_task(client.decide())
        await arrival(server)
        deciding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await deciding
        return client.unavailable_count

    with held_call() as held, ScriptedServer(held) as server:
        assert 0 == run(server, cancel)
    assert 1 == len(server.requests)


def test_a_task_cancelled_between_two_attempts_gets_no_decision():
    """Likewise while it waits to try again."""
    pausing = asyncio.Event()

    async def wait_for_ever(_: float) -> None:
        pausing.set()
        await asyncio.Event().wait()

    async def cancel(client: AsyncClient) -> int:
        deciding = asyncio.create_task(client.decide())
        await pausing.wait()
        deciding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await deciding
        return client.unavailable_count

    with ScriptedServer(aborts(StatusCode.UNAVAILABLE)) as server:
        assert 0 == run(server, cancel, sleep=wait_for_ever)


def test_a_callers_own_timeout_is_a_timeout():
    """`asyncio.timeout` works by cancelling; it must not turn into a decision."""

    async def give_up(client: AsyncClient) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.decide(), 0.05)

    with held_call() as held, ScriptedServer(held) as server:
        run(server, give_up)


def test_closing_the_client_ends_a_call_under_way_with_a_decision():
    """The caller's task was not cancelled, so it goes on, with a person deciding."""

    async def close(client: AsyncClient) -> Decision:
        deciding = asyncio.create_task(client.decide())
        await arrival(server)
        await client.close()
        return await deciding

    with held_call() as held, ScriptedServer(held) as server:
        assert Tier.HUMAN_IN_THE_LOOP is run(server, close).tier


def test_a_client_closed_between_two_attempts_does_not_try_again():
    """There is nothing left to try with."""
    clients: list[AsyncClient] = []

    async def close_instead(_: float) -> None:
        await clients[0].close()

    async def decide(client: AsyncClient) -> None:
        clients.append(client)
        with pytest.raises(ClientClosedError):
            await client.decide()

    with ScriptedServer(aborts(StatusCode.UNAVAILABLE)) as server:
        run(server, decide, on_unavailable="raise", sleep=close_instead)
    assert 1 == len(server.requests)


def test_a_closed_client_hands_messages_to_people():
    """As the blocking client; also one that never opened a channel."""

    async def main() -> Decision:
        client = AsyncClient()
        await client.close()
        with pytest.raises(ClientClosedError):
            await client.get_decision(DECISION_ID)
        return await client.decide(vulnerable_customer=True)

    assert Tier.HUMAN_AS_THE_LOOP is asyncio.run(main()).tier


def test_without_a_server_a_person_decides():
    """The fail-safe, with the default deadline."""
    with ScriptedServer(decides) as gone:
        pass
    decision = run(gone, lambda client: client.decide(held_tier="human_as_the_loop"), timeout_s=0.05)
    assert (Tier.HUMAN_AS_THE_LOOP, Evaluation.ERROR, False) == (
        decision.tier,
        decision.evaluation,
        decision.recorded,
    )


def test_a_server_that_does_not_answer_is_not_waited_for_beyond_the_deadline():
    """With `raise` the deadline is an error of its own."""

    async def decide(client: AsyncClient) -> None:
        with pytest.raises(DeadlineExceededError):
            await client.decide(timeout_s=0.2)

    with held_call() as held, ScriptedServer(held) as server:
        run(server, decide, on_unavailable="raise")


def test_the_field_at_fault_arrives():
    """Trailers are of another type in grpc.aio."""
    step = aborts(
        StatusCode.INVALID_ARGUMENT, "intent: too long", reason="INVALID_REQUEST", metadata={"field": "intent"}
    )

    async def decide(client: AsyncClient) -> InvalidRequestError:
        with pytest.raises(InvalidRequestError, match=r"^intent: too long$") as caught:
            await client.decide()
        return caught.value

    with ScriptedServer(step) as server:
        error = run(server, decide)
    assert ("intent", "INVALID_REQUEST") == (error.field, error.reason)


def test_a_pushback_is_honoured():
    """As for the blocking client."""
    slept_s: list[float] = []

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)

    busy = aborts(StatusCode.RESOURCE_EXHAUSTED, "busy", trailers=[("grpc-retry-pushback-ms", "30")])
    with ScriptedServer(busy, decides) as server:
        assert run(server, lambda client: client.decide(), sleep=sleep).recorded
    assert [0.03] == slept_s


def first_only(request: Any, _: grpc.ServicerContext) -> Any:
    """Decide the first item and say that the second is broken."""
    response = decision_service_pb2.BatchDecideResponse()
    response.results.add().response.CopyFrom(a_response(request.requests[0]))
    response.results.add().error.code = StatusCode.INTERNAL.value[0]
    return response


def test_batches_are_settled_item_by_item():
    """One broken item is a person's to decide, or, with `raise`, its own error."""
    with ScriptedServer(first_only) as server:
        decided, local = run(server, lambda client: client.decide_many([{}, {"human_requested": True}]))
        _, error = run(server, lambda client: client.decide_many([{}, {}]), on_unavailable="raise")
    assert (True, Tier.HUMAN_AS_THE_LOOP, "") == (decided.recorded, local.tier, local.decision_id)
    assert isinstance(error, ItemError)


def test_a_batch_that_fails_is_decided_for_people():
    """Item by item."""
    with ScriptedServer(aborts(StatusCode.PERMISSION_DENIED)) as server:
        decisions = run(server, lambda client: client.decide_many([{}, {}]))
    assert [Tier.HUMAN_IN_THE_LOOP] * 2 == [decision.tier for decision in decisions]


def test_a_decision_on_record_is_read_and_a_missing_one_raised():
    """As for the blocking client."""
    stored = decision_service_pb2.Decision(response=a_response())

    async def read(client: AsyncClient) -> str:
        decision = await client.get_decision(DECISION_ID)
        with pytest.raises(NotFoundError):
            await client.get_decision(DECISION_ID)
        return decision.response.decision_id

    with ScriptedServer(lambda *_: stored, aborts(StatusCode.NOT_FOUND)) as server:
        assert DECISION_ID == run(server, read)


def test_outcomes_are_recorded_after_a_repetition():
    """An acknowledged outcome is a promise here too."""
    done = outcome_service_pb2.BatchRecordOutcomesResponse()
    done.results.add().response.outcome_id = "o2"

    async def record(client: AsyncClient) -> tuple[str, list[str | ItemError]]:
        return await client.record_outcome(outcome_id="o1"), await client.record_outcomes([{"outcome_id": "o2"}])

    with ScriptedServer(
        aborts(StatusCode.UNAVAILABLE),
        lambda request, _: outcome_service_pb2.RecordOutcomeResponse(outcome_id=request.outcome.outcome_id),
        lambda *_: done,
    ) as server:
        assert ("o1", ["o2"]) == run(server, record)
