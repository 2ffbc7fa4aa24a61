"""Coalescing for asyncio: the same promises as for threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from grpc import StatusCode, aio

from oversight.v1 import errors_pb2
from oversight.v1.decision_service_pb2 import (
    BatchDecideRequest,
    BatchDecideResponse,
    BatchDecideResult,
    DecideRequest,
    DecideResponse,
)
from oversight_client import ClientClosedError, Coalescing, DeadlineExceededError, InvalidRequestError, UnavailableError
from oversight_client.async_gathering import AsyncGathering
from unit.client.held_stub import Sent, answer_batch
from unit.client.replies import a_response

PATIENT = Coalescing(max_wait_s=1.0, max_batch=4)
LONG_S = 10.0


def failure(code: StatusCode) -> aio.AioRpcError:
    """Return a failed call as grpc.aio raises it."""
    return aio.AioRpcError(code, aio.Metadata(), aio.Metadata(), "as told")


class Scene:
    """A stub whose calls wait until it is open, and the tasks that ask."""

    def __init__(self, options: Coalescing = PATIENT) -> None:
        self.open = asyncio.Event()
        self.sent: list[Sent] = []
        self.on_batch: Callable[[BatchDecideRequest], Any] = answer_batch
        self.gathering = AsyncGathering(options, self.decide, self.decide_batch)
        self.tasks: dict[str, asyncio.Task[DecideResponse]] = {}

    async def decide(self, request: DecideRequest, /, *, timeout: float) -> DecideResponse:  # noqa: ASYNC109 - a stub's
        self.sent.append(Sent((request.request_id,), timeout, is_batch=False))
        await self.open.wait()
        return a_response(request)

    async def decide_batch(self, batch: BatchDecideRequest, /, *, timeout: float) -> BatchDecideResponse:  # noqa: ASYNC109 - likewise
        self.sent.append(Sent(tuple(item.request_id for item in batch.requests), timeout, is_batch=True))
        await self.open.wait()
        answer: BatchDecideResponse = self.on_batch(batch)
        return answer

    async def start(self, *names: str, timeout_s: float = LONG_S, **fields: Any) -> None:
        """Let callers come, and run until each has been sent or waits."""
        for name in names:
            request = DecideRequest(request_id=name, **fields)
            self.tasks[name] = asyncio.create_task(self._ask(request, timeout_s))
        await asyncio.sleep(0)

    async def answers(self, *names: str) -> list[Any]:
        """Return what these callers got, or raised."""
        tasks = [self.tasks[name] for name in names]
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONG_S)

    async def _ask(self, request: DecideRequest, timeout_s: float) -> DecideResponse:
        return await self.gathering(request, timeout=timeout_s)


def play(script: Callable[[Scene], Awaitable[None]], options: Coalescing = PATIENT) -> None:
    """Run *script* with two calls under way."""

    async def main() -> None:
        scene = Scene(options)
        await scene.start("first", "second")
        assert [("first",), ("second",)] == [call.ids for call in scene.sent]
        await script(scene)
        scene.open.set()
        await scene.answers(*scene.tasks)

    asyncio.run(main())


def test_a_lone_caller_is_sent_at_once_and_as_one_decision() -> None:
    """Coalescing costs nothing where there is nobody to go with."""

    async def main() -> list[Sent]:
        scene = Scene()
        scene.open.set()
        for name in ("a", "b", "c"):
            await scene.start(name)
            (answer,) = await scene.answers(name)
            assert name == answer.request_id
        return scene.sent

    assert [False] * 3 == [call.is_batch for call in asyncio.run(main())]


def test_who_comes_while_calls_are_under_way_goes_together_when_one_ends() -> None:
    """Each with its own answer, in one call."""

    async def script(scene: Scene) -> None:
        await scene.start("a", "b", "c")
        assert (2, 3) == (len(scene.sent), scene.gathering.waiting_count)
        scene.open.set()
        assert ["a", "b", "c"] == [answer.request_id for answer in await scene.answers("a", "b", "c")]
        assert ("a", "b", "c") == scene.sent[2].ids

    play(script)


def test_nobody_waits_longer_than_the_longest_wait() -> None:
    """A call that hangs must not hold up those behind it; who is alone then goes as one decision."""

    async def script(scene: Scene) -> None:
        for name in ("a", "b"):
            await scene.start(name)
            end = time.monotonic() + LONG_S
            while scene.sent[-1].ids != (name,):
                assert time.monotonic() < end
                await asyncio.sleep(0.001)
        assert not scene.sent[-1].is_batch

    play(script, Coalescing(max_wait_s=0.01))


def test_a_full_batch_goes_at_once_and_the_rest_later() -> None:
    """Waiting longer could not make it larger."""

    async def script(scene: Scene) -> None:
        await scene.start("a", "b", "c", "d", "e")
        await asyncio.sleep(0)
        assert (("a", "b", "c", "d"), 1) == (scene.sent[2].ids, scene.gathering.waiting_count)
        scene.open.set()
        assert "e" == (await scene.answers("e"))[0].request_id

    play(script)


def test_a_large_request_goes_alone() -> None:
    """A batch that is too large to be taken would fail for everybody in it."""

    async def script(scene: Scene) -> None:
        await scene.start("large", conversation_id="x" * 9_000)
        assert (("large",), False) == (scene.sent[2].ids, scene.sent[2].is_batch)

    play(script)


def test_a_batch_may_take_as_long_as_the_most_patient_of_its_callers() -> None:
    """A shorter deadline would be somebody else's."""

    async def script(scene: Scene) -> None:
        await scene.start("a", timeout_s=9)
        await scene.start("b", timeout_s=2)
        scene.open.set()
        await scene.answers("a", "b")
        assert 8 < scene.sent[2].timeout_s <= 9

    play(script)


def test_a_caller_whose_deadline_passes_goes_in_time() -> None:
    """Whether its request is still in the queue or on its way; the others are not disturbed."""

    async def script(scene: Scene) -> None:
        await scene.start("waiting", timeout_s=0.03)
        (late,) = await scene.answers("waiting")
        assert isinstance(late, DeadlineExceededError)
        await scene.start("a", "b", "c")
        await scene.start("sent", timeout_s=0.03)
        (late,) = await scene.answers("sent")
        assert "no answer within 30 ms" == str(late)
        # The one that had gone before the batch was made is not in it.
        assert {"a", "b", "c"} <= set(scene.sent[2].ids) <= {"a", "b", "c", "sent"}
        scene.open.set()
        assert ["a", "b", "c"] == [answer.request_id for answer in await scene.answers("a", "b", "c")]

    play(script)


def test_a_caller_whose_batch_was_no_answer_asks_alone_only_while_it_has_time() -> None:
    """Its deadline is its own, whatever the batch took."""

    def stall(_: BatchDecideRequest) -> BatchDecideResponse:
        # The loop itself is held up: only so can the deadline pass without its timer.
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        return BatchDecideResponse()

    async def script(scene: Scene) -> None:
        scene.on_batch = stall
        await scene.start("a", "b", timeout_s=0.08)
        scene.open.set()
        assert [DeadlineExceededError] * 2 == [type(error) for error in await scene.answers("a", "b")]
        assert 3 == len(scene.sent)

    play(script)


def test_a_caller_that_is_cancelled_takes_nobody_along() -> None:
    """It gets CancelledError as anywhere in asyncio."""

    async def script(scene: Scene) -> None:
        await scene.start("a", "b", "c")
        scene.tasks["b"].cancel()
        scene.open.set()
        first, gone, last = await scene.answers("a", "b", "c")
        assert isinstance(gone, asyncio.CancelledError)
        assert ["a", "c"] == [first.request_id, last.request_id]

    play(script)


def test_when_all_have_gone_nothing_is_sent() -> None:
    """Nobody would read the answer."""

    async def script(scene: Scene) -> None:
        await scene.start("a")
        scene.tasks["a"].cancel()
        await scene.answers("a")
        scene.open.set()
        await scene.answers("first", "second")
        assert (2, 0) == (len(scene.sent), scene.gathering.waiting_count)

    play(script)


def test_an_item_that_is_refused_is_its_callers_alone() -> None:
    """As the very error that it would have been without company."""

    def refuse_first(batch: BatchDecideRequest) -> BatchDecideResponse:
        wrong = errors_pb2.ItemError(code=3, message="intent: too long", metadata={"field": "intent"})
        results = [BatchDecideResult(error=wrong), BatchDecideResult(response=a_response(batch.requests[1]))]
        return BatchDecideResponse(results=results)

    async def script(scene: Scene) -> None:
        scene.on_batch = refuse_first
        await scene.start("a", "b")
        scene.open.set()
        refused, decided = await scene.answers("a", "b")
        assert isinstance(refused, InvalidRequestError)
        assert ("intent", "b") == (refused.field, decided.request_id)

    play(script)


def raises(error: BaseException) -> Callable[[BatchDecideRequest], Any]:
    """Return the answer that is *error*."""

    def step(_: BatchDecideRequest) -> Any:
        raise error

    return step


def test_a_service_that_is_away_is_everyones_own_failure() -> None:
    """To be tried again by each, as its deadline allows."""

    async def script(scene: Scene) -> None:
        scene.on_batch = raises(failure(StatusCode.UNAVAILABLE))
        await scene.start("a", "b")
        scene.open.set()
        first, second = await scene.answers("a", "b")
        assert (UnavailableError, UnavailableError) == (type(first), type(second))
        assert first is not second

    play(script)


@pytest.mark.parametrize(
    "on_batch",
    [
        raises(failure(StatusCode.INTERNAL)),
        lambda _: BatchDecideResponse(),
        raises(asyncio.CancelledError()),
    ],
    ids=["broken", "too few results", "dropped"],
)
def test_when_a_batch_is_no_answer_each_asks_alone(on_batch: Any) -> None:
    """What went wrong may be one item's; nobody else shall pay for it."""

    async def script(scene: Scene) -> None:
        scene.on_batch = on_batch
        await scene.start("a", "b")
        scene.open.set()
        assert ["a", "b"] == [answer.request_id for answer in await scene.answers("a", "b")]
        assert [1, 1, 2, 1, 1] == [len(call.ids) for call in scene.sent]

    play(script)


def test_closing_fails_those_who_wait_and_those_whose_batch_is_dropped() -> None:
    """Nobody hangs; those under way end with the channel, which is closed next."""

    async def script(scene: Scene) -> None:
        scene.on_batch = raises(asyncio.CancelledError())
        await scene.start("a", "b", "c", "d", "e")
        await asyncio.sleep(0)
        scene.gathering.close()
        (waiting,) = await scene.answers("e")
        assert isinstance(waiting, ClientClosedError)
        scene.open.set()
        assert [ClientClosedError] * 4 == [type(error) for error in await scene.answers("a", "b", "c", "d")]

    play(script)
