"""The asyncio client against a server on loopback that answers with something else than was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1.decision_service_pb2_grpc import DecisionServiceServicer, add_DecisionServiceServicer_to_server
from oversight_client import AsyncClient, Decision, ItemError, Tier
from unit.client.replies import a_response

LONG_S = 10


class Confused(DecisionServiceServicer):
    """Answers every message but those with the id `right` with *wrong* fields."""

    def __init__(self, wrong: dict[str, Any]) -> None:
        self._wrong = wrong

    def Decide(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - the protocol's name and arguments
        """Decide one message."""
        return a_response(request, **({} if request.request_id == "right" else self._wrong))

    def BatchDecide(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Decide each alone."""
        results = [decisions.BatchDecideResult(response=self.Decide(one, context)) for one in request.requests]
        return decisions.BatchDecideResponse(results=results)

    def GetDecision(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Nothing is on record here."""
        raise NotImplementedError


@pytest.fixture(params=[{"request_id": "r2"}, {"decision_id": "no id"}], ids=["another request", "no id"])
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that is confused in one way."""
    server = grpc.server(ThreadPoolExecutor(2))
    add_DecisionServiceServicer_to_server(Confused(request.param), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield address
    server.stop(0).wait(LONG_S)


def test_a_reply_about_something_else_goes_to_people(target: str) -> None:
    """Alone and in a batch, where the other items stand."""

    async def main() -> tuple[Decision, list[Decision | ItemError], int]:
        async with AsyncClient(target, timeout_s=LONG_S) as client:
            single = await client.decide(request_id="r1")
            batch = await client.decide_many([{"request_id": "r1"}, {"request_id": "right"}])
            return single, batch, client.unavailable_count

    single, batch, unavailable_count = asyncio.run(main())
    assert ("r1", Tier.HUMAN_IN_THE_LOOP, False) == (single.request_id, single.tier, single.recorded)
    assert [False, True] == [result.recorded for result in batch if isinstance(result, Decision)]
    assert 2 == unavailable_count
