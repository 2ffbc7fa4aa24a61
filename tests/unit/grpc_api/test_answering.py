"""What surrounds every method."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator
from typing import Any

import grpc
import pytest

from oversight.access.protocols import OPEN
from oversight.decisions import Call
from oversight.grpc_api.answering import Answering, Reply
from oversight.grpc_api.authentication import Authentication
from oversight.grpc_api.call_loop import Headers
from oversight.grpc_api.spans import CallSpans
from oversight.grpc_api.status import INTERNAL, Refusal
from oversight.telemetry.counters import Counters

PATH = "/oversight.v1.DecisionService/Decide"
NO_DEADLINE = Headers((), math.inf)


class BrokenTracer:
    """A tracer that cannot make spans."""

    def start_span(self, *_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("no more memory")


def answer(
    function: Callable[[bytes, Call], Reply], headers: Headers = NO_DEADLINE, tracer: Any = None
) -> tuple[bytes | Refusal, dict[tuple[str, str], int], int]:
    """Return how a method of *function* answers, what was counted, and how often it let others go first."""
    counters = Counters()
    spans = None if tracer is None else CallSpans(tracer)
    answering = Answering(
        max_message_bytes=1024,
        max_waiting=1,
        counters=counters,
        spans=spans,
        authentication=Authentication(OPEN, counters, failures_per_s=1),
    )
    steps = answering.method(PATH, bytes, function).answer(b"", headers)
    turns = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, dict(counters.calls()), turns
        turns += 1


def in_turns(_message: bytes, _call: Call) -> Generator[None, None, bytes]:
    """Answer with two looks at other calls on the way."""
    yield
    yield
    return b"done"


def test_a_reply_may_come_at_once_or_in_turns() -> None:
    """A long call must not hold up the others."""
    assert (b"now", {(PATH[1:], "OK"): 1}, 0) == answer(lambda _message, _call: b"now")
    assert (b"done", {(PATH[1:], "OK"): 1}, 2) == answer(in_turns)


def test_a_call_whose_deadline_passes_on_the_way_goes_no_further() -> None:
    """Nobody waits for it, and the retry would have all of it on record twice."""
    finished: list[bool] = []

    def slow(_message: bytes, _call: Call) -> Generator[None, None, bytes]:
        while time.time() <= headers.deadline_s:
            pass
        yield
        finished.append(True)
        return b"late"

    headers = Headers((), time.time() + 0.005)
    refusal, _, _ = answer(slow, headers)

    assert isinstance(refusal, Refusal)
    assert (grpc.StatusCode.DEADLINE_EXCEEDED, []) == (refusal.code, finished)


def test_a_tracer_that_fails_costs_one_call() -> None:
    """The thread that answers all calls must survive it."""
    assert (INTERNAL, {(PATH[1:], "INTERNAL"): 1}, 0) == answer(lambda _message, _call: b"", tracer=BrokenTracer())


def test_a_call_that_is_abandoned_is_nobodys_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A server that stops in the middle of a batch must not end with a stack trace."""
    counters = Counters()
    answering = Answering(
        max_message_bytes=1024,
        max_waiting=1,
        counters=counters,
        spans=None,
        authentication=Authentication(OPEN, counters, failures_per_s=1),
    )
    steps = answering.method(PATH, bytes, in_turns).answer(b"", NO_DEADLINE)
    next(steps)
    with caplog.at_level(logging.DEBUG):
        steps.close()

    assert ([], {}) == (caplog.records, dict(counters.calls()))
