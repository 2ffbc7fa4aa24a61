"""Servers that answer after a given time, and what tests build."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from oversight.cli.load_generator.measurement import Measurement
from oversight.cli.load_generator.messages import Request, Salt
from oversight.cli.load_generator.shares import Plan
from oversight.cli.load_generator.transport import OK, Answer
from oversight.v1.decision_pb2 import Evaluation, Tier
from oversight.v1.decision_service_pb2 import BatchDecideResponse, DecideResponse


class SlowServer:
    """A `Transport` that ends each call after as long as *service_s* says, given the second it was sent."""

    def __init__(self, service_s: Callable[[float], float], answer: Answer | None = None) -> None:
        self.begin_s = asyncio.get_running_loop().time()
        self.sent_s: list[float] = []
        self.payloads: list[bytes] = []
        self.most_under_way = 0
        self._under_way = 0
        self._service_s = service_s
        self._answer = answer

    async def call(self, payload: bytes) -> Answer:
        now_s = asyncio.get_running_loop().time() - self.begin_s
        self.sent_s.append(now_s)
        self.payloads.append(payload)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        await asyncio.sleep(self._service_s(now_s))
        self._under_way -= 1
        return self._answer or Answer(OK, a_reply(payload.decode()))


def a_reply(request_id: str, **fields: Any) -> bytes:
    """Return a reply about *request_id*: on the loop and on record unless *fields* say otherwise."""
    given = {
        "tier": Tier.TIER_HUMAN_ON_THE_LOOP,
        "evaluation": Evaluation.EVALUATION_DEFAULT,
        "recorded": True,
        **fields,
    }
    return DecideResponse(request_id=request_id, **given).SerializeToString()


def a_batch_reply(*replies: bytes, error_code: int = 0) -> bytes:
    """Return the reply of a batch with *replies* and, where there is an *error_code*, an item that failed with it."""
    batch = BatchDecideResponse()
    for reply in replies:
        batch.results.add().response.ParseFromString(reply)
    if error_code:
        batch.results.add().error.code = error_code
    return batch.SerializeToString()


def requests() -> Iterator[Request]:
    """Yield requests whose payload is their id."""
    return (Request(f"r{number}".encode(), (f"r{number}",)) for number in itertools.count())


def a_random(seed: int) -> Random:
    """Return random numbers that are the same in each run."""
    return Salt(seed, "test").random("test")


def a_plan(**fields: Any) -> Plan:
    """Return the plan of a short run."""
    return Plan(**{"target": "127.0.0.1:1", "duration_s": 10.0, "warmup_s": 0.0, **fields})


def a_measurement(plan: Plan | None = None) -> Measurement:
    """Return a measurement that has seen nothing."""
    plan = plan or a_plan()
    return Measurement(interval_s=plan.interval_s, batch=bool(plan.batch))


def add_call(
    measured: Measurement,
    *,
    due_s: float = 0.0,
    late_s: float = 0.0,
    service_s: float = 0.001,
    status: str = OK,
    text: str = "",
    body: bytes | None = None,
    ids: tuple[str, ...] = ("r",),
) -> None:
    """Tell *measured* of one call: when it was due, how much later it was sent, and how long it then took."""
    sent_s = due_s + late_s
    answer = Answer(status, (a_reply(ids[0]) if body is None else body) if status == OK else b"", text)
    measured.add(Request(b"", ids), answer, due_s=due_s, sent_s=sent_s, done_s=sent_s + service_s)
