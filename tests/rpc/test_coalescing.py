"""Coalescing against the service itself: nobody can tell whether a decision came alone or in company."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oversight_client import AsyncClient, Client, Coalescing, Decision, Evaluation, InvalidRequestError, Tier
from rpc.scripted_server import ScriptedServer, held_call
from serving import Serving

LONG_S = 20.0
THREADS, CALLS = 24, 40
ROUTINE: dict[str, Any] = {"intent": "order_status", "sentiment_score": 0.3}
EAGER = Coalescing(max_wait_s=0.002, max_batch=16)

MESSAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "intent": st.sampled_from(["order_status", "refund_request", "something_else"]),
            "response_confidence": st.floats(-0.2, 1.2),
            "sentiment_score": st.floats(-1, 1),
            "human_requested": st.booleans(),
            "held_tier": st.sampled_from(Tier),
            "conversation_id": st.sampled_from(["c", "x" * 9_000]),
        },
    ),
    min_size=1,
    max_size=24,
)
"""Some are refused, some are too large to share a call."""


def ask(client: Client, fields: dict[str, Any]) -> Decision | str:
    """Return the decision, or what is wrong with the request."""
    try:
        return client.decide(**fields)
    except InvalidRequestError as error:
        return f"{error.field} {error.reason} {error.metadata} {error}"


def ask_together(client: Client, messages: Sequence[dict[str, Any]]) -> list[Decision | str]:
    """Ask for all of them at the same time, each in a thread of its own."""
    gate = threading.Barrier(len(messages))

    def wait_and_ask(fields: dict[str, Any]) -> Decision | str:
        gate.wait(LONG_S)
        return ask(client, fields)

    with ThreadPoolExecutor(len(messages)) as pool:
        return list(pool.map(wait_and_ask, messages))


def test_together_each_gets_what_it_would_have_got_alone(serving: Serving) -> None:
    """The same decision with the same id, or the same error about its own field; each on record once."""
    options: dict[str, Any] = {"timeout_s": LONG_S, "on_unavailable": "raise"}
    with Client(serving.target, **options) as alone, Client(serving.target, coalesce=EAGER, **options) as shared:

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(MESSAGES)
        def check(drawn: list[dict[str, Any]]) -> None:
            messages = [{"request_id": f"r{number}", **fields} for number, fields in enumerate(drawn)]
            expected = [ask(alone, fields) for fields in messages]
            serving.journal.payloads.clear()
            assert expected == ask_together(shared, messages)
            recorded = Counter(entry.request.request_id for entry in serving.journal.entries())
            assert {answer.request_id: 1 for answer in expected if isinstance(answer, Decision)} == recorded

        check()


def test_under_load_every_answer_belongs_to_its_request_and_none_is_lost_or_doubled(serving: Serving) -> None:
    """Many threads, one client: what is mixed up here is mixed up between customers."""
    answers: dict[str, Decision] = {}

    def hammer(thread: int) -> None:
        for call in range(CALLS):
            name = f"t{thread}-{call}"
            fields = ROUTINE | {"response_confidence": call / CALLS}
            answers[name] = client.decide(request_id=name, **fields)

    with (
        Client(serving.target, timeout_s=LONG_S, on_unavailable="raise", coalesce=EAGER) as client,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        list(pool.map(hammer, range(THREADS)))
    names = {f"t{thread}-{call}" for thread in range(THREADS) for call in range(CALLS)}
    assert names == set(answers)
    assert all(name == answer.request_id and answer.recorded for name, answer in answers.items())
    assert dict.fromkeys(names, 1) == Counter(entry.request.request_id for entry in serving.journal.entries())
    by_confidence = [{answers[f"t{thread}-{call}"].tier for thread in range(THREADS)} for call in range(CALLS)]
    assert all(len(tiers) == 1 for tiers in by_confidence)
    assert {Tier.HUMAN_ON_THE_LOOP, Tier.HUMAN_IN_THE_LOOP} == set.union(*by_confidence)
    assert sum(serving.counters.calls().values()) < len(names)


def test_tasks_share_calls_too(serving: Serving) -> None:
    """The asyncio client keeps the same promises."""

    async def main() -> list[Decision | BaseException]:
        async with AsyncClient(serving.target, timeout_s=LONG_S, on_unavailable="raise", coalesce=EAGER) as client:
            asked = [client.decide(request_id=f"r{number}", sentiment_score=number / 100) for number in range(140)]
            return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(main())
    refused = [answer for answer in answers if isinstance(answer, InvalidRequestError)]
    decided = [answer.request_id for answer in answers if isinstance(answer, Decision)]
    assert ([f"r{number}" for number in range(101)], 39) == (decided, len(refused))
    assert Counter(decided) == Counter(entry.request.request_id for entry in serving.journal.entries())
    assert sum(serving.counters.calls().values()) < len(decided)


@pytest.mark.parametrize("count", [1, 8, 40])
def test_a_service_that_hangs_makes_nobody_late(count: int) -> None:
    """Each message goes to a person when its own deadline says, whoever took the batch."""
    deadlines_s = [0.1 + 0.4 * (number % 3) / 2 for number in range(count)]

    def ask_for(deadline_s: float) -> tuple[Decision, float]:
        began = time.monotonic()
        return client.decide(timeout_s=deadline_s), time.monotonic() - began

    with (
        held_call() as held,
        ScriptedServer(held) as server,
        Client(server.target, coalesce=EAGER) as client,
        ThreadPoolExecutor(count) as pool,
    ):
        answers = list(pool.map(ask_for, deadlines_s))
    assert all(Evaluation.ERROR is decision.evaluation for decision, _ in answers)
    late_s = [took_s - deadline_s for (_, took_s), deadline_s in zip(answers, deadlines_s, strict=True)]
    assert max(late_s) < 2


def test_closing_the_client_ends_everyones_call() -> None:
    """A gateway that shuts down hands its messages to people at once."""
    with held_call() as held, ScriptedServer(held) as server:
        client = Client(server.target, timeout_s=LONG_S, coalesce=Coalescing(max_wait_s=1, max_batch=500))
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(client.decide) for _ in range(12)]
            assert server.arrived.acquire(timeout=10)
            began = time.monotonic()
            client.close()
            assert {False} == {call.result(LONG_S).recorded for call in asked}
            assert time.monotonic() - began < LONG_S / 2
    assert 12 == client.unavailable_count


def test_closing_the_asyncio_client_ends_everyones_call() -> None:
    """Likewise."""

    async def main(target: str, arrived: threading.Semaphore) -> set[bool]:
        client = AsyncClient(target, timeout_s=LONG_S, coalesce=Coalescing(max_wait_s=1, max_batch=500))
        asked = [asyncio.create_task(client.decide()) for _ in range(12)]
        assert await asyncio.to_thread(arrived.acquire, timeout=10)
        await client.close()
        return {decision.recorded for decision in await asyncio.wait_for(asyncio.gather(*asked), LONG_S / 2)}

    with held_call() as held, ScriptedServer(held) as server:
        assert {False} == asyncio.run(main(server.target, server.arrived))
