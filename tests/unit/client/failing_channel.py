"""A channel on which every call ends as it was told to, at once, and a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import grpc

Step = Callable[[Any], Any]
"""What one attempt does with its request: return the response or raise."""


class Failure(grpc.RpcError):
    """A failed call as grpc raises it."""

    def __init__(
        self, code: grpc.StatusCode, details: str = "as told", trailers: Sequence[tuple[str, Any]] = ()
    ) -> None:
        super().__init__()
        self._code = code
        self._details = details
        self._trailers = tuple(trailers)

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str:
        """Return the text."""
        return self._details

    def trailing_metadata(self) -> Any:
        """Return the trailers."""
        return self._trailers


class FailingChannel(grpc.Channel):
    """Plays *steps*, one for each attempt, the last for ever; keeps every request and timeout."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[Any] = []
        self.timeouts_s: list[float] = []
        self.closed = False

    def unary_unary(self, *_: object, **__: object) -> Any:
        """Return the callable of one method."""
        return self._play

    def _play(self, request: Any, *, timeout: float) -> Any:
        if self.closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        self.requests.append(request)
        self.timeouts_s.append(timeout)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return step(request)

    def close(self) -> None:
        """Refuse every later call, as grpc does."""
        self.closed = True

    def unary_stream(self, *_: object, **__: object) -> Any:
        """No such call here."""
        raise NotImplementedError

    stream_unary = stream_stream = unary_stream

    def subscribe(self, *_: object, **__: object) -> None:
        """No such thing here."""
        raise NotImplementedError

    def unsubscribe(self, *_: object, **__: object) -> None:
        """No such thing here."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StillClock:
    """A clock in seconds that stands still except for sleeping."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        self.slept_s.append(seconds)
        self.now_s += seconds


def fails(code: grpc.StatusCode, details: str = "as told", trailers: Sequence[tuple[str, str]] = ()) -> Step:
    """Return the step that fails with *code*."""

    def step(_: Any) -> Any:
        raise Failure(code, details, trailers)

    return step
