"""How calls reach the server: gRPC with as little in between as its public interface allows."""

from __future__ import annotations

import asyncio
import itertools
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import grpc
from grpc import aio

from oversight_client.bearer import Bearer, authorized
from oversight_client.channel import TlsOptions, channel_credentials, channel_options, open_aio_channel

__all__ = ["OK", "Answer", "GrpcTransport", "Transport"]

OK = "OK"
_LONGEST_CONNECT_S = 5.0


class Answer(NamedTuple):
    """How a call ended: the status by its name, the reply's bytes, and the server's words where it failed."""

    status: str
    body: bytes = b""
    text: str = ""


class Transport(Protocol):
    """Sends requests."""

    async def call(self, payload: bytes) -> Answer:
        """Send *payload* and return how the call ended, within a bounded time; nothing is raised."""
        ...


class GrpcTransport:
    """
    Calls *method* at *target* over *connections* in turn; an async context manager.

    Each has a connection of its own, so that workers who share a port (SO_REUSEPORT) share the calls. grpc.aio with
    bytes in and out takes 44-58 µs of CPU a call, whatever the number of connections; futures of the synchronous stack
    48 with one connection and 184 with four, whose threads pass the interpreter's lock around; a thread a call 55-62.
    """

    def __init__(
        self,
        target: str,
        *,
        method: str,
        connections: int,
        timeout_s: float,
        insecure: bool = False,
        tls: TlsOptions | None = None,
        bearer: Bearer | None = None,
    ) -> None:
        self._target = target
        self._method = method
        self._connections = connections
        self._timeout_s = timeout_s
        self._credentials = channel_credentials(target, tls, insecure=insecure)
        self._options = channel_options(target, tls)
        self._bearer = bearer
        self._channels: list[aio.Channel] = []

    async def __aenter__(self) -> Self:
        options = self._options
        self._channels = [open_aio_channel(self._target, self._credentials, options) for _ in range(self._connections)]
        # Bytes as they are: requests were made before they were due, and replies are read once they are timed.
        methods: list[aio.UnaryUnaryMultiCallable[bytes, bytes]] = [
            authorized(channel, self._bearer).unary_unary(self._method) for channel in self._channels
        ]
        self._turns = itertools.cycle(methods)
        # A connection that does not come up shows in the calls: it is not waited for, and not hidden.
        ready = [asyncio.ensure_future(channel.channel_ready()) for channel in self._channels]
        _, late = await asyncio.wait(ready, timeout=min(self._timeout_s, _LONGEST_CONNECT_S))
        for task in late:
            task.cancel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*[channel.close() for channel in self._channels])

    async def call(self, payload: bytes) -> Answer:
        """Send *payload* over the next connection."""
        try:
            return Answer(OK, await next(self._turns)(payload, timeout=self._timeout_s))
        except grpc.RpcError as error:
            return Answer(_status_name(error), text=error.details() or "")


def _status_name(error: grpc.RpcError) -> str:
    code = error.code()
    return code.name if code is not None else grpc.StatusCode.UNKNOWN.name
