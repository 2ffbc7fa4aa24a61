"""What surrounds every method: message limit, deadline, parsing, trace, errors to refusals, counting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from google.protobuf.message import DecodeError

from oversight.decisions import Call
from oversight.errors import CallError, DeadlineExpiredError, InvalidRequestError, OverloadedError, RequestTooLargeError
from oversight.grpc_api.call_loop import Headers, Method, ReadingPool, Steps
from oversight.grpc_api.spans import CallSpans, end_span, trace_id_of
from oversight.grpc_api.status import INTERNAL, Refusal, refuse
from oversight.telemetry.counters import Counters

__all__ = ["LOCAL_CALLER", "Answering"]

LOCAL_CALLER = "local"
"""Every caller's name while no authentication is configured."""

_log = logging.getLogger(__name__)

Message = TypeVar("Message")
Reply = bytes | Generator[None, None, bytes]
"""A reply's bytes, or a generator that returns them and yields where other calls may go first."""


class Answering:
    """Makes methods out of functions that take a parsed message and a `Call`, and return the reply's bytes."""

    def __init__(
        self, *, max_message_bytes: int, max_waiting: int, counters: Counters, spans: CallSpans | None
    ) -> None:
        """Take the limits (settings max_message_bytes and max_waiting_calls); *spans* is None where none are made."""
        self._max_message_bytes = max_message_bytes
        self._max_waiting = max_waiting
        self._counters = counters
        self._spans = spans

    def method(
        self,
        path: str,
        parse: Callable[[bytes], Message],
        function: Callable[[Message, Call], Reply],
        pool: ReadingPool | None = None,
    ) -> Method:
        """Return the method at *path* (`/package.Service/Method`), whose messages *parse* reads."""
        return Method(path, self._guard(path.removeprefix("/"), parse, function), pool)

    def overloaded(self, path: str) -> Refusal:
        """Return the refusal of a call of the method at *path* because too many wait."""
        refusal = refuse(OverloadedError(f"more than {self._max_waiting} calls wait (setting max_waiting_calls)"))
        self._counters.count_call(path.removeprefix("/"), refusal.code.name)
        return refusal

    def incomplete(self) -> Refusal:
        """Return the refusal of a call that ended without its message."""
        return refuse(InvalidRequestError("message", "expected the method's request, got none"))

    def _guard(
        self, name: str, parse: Callable[[bytes], Message], function: Callable[[Message, Call], Reply]
    ) -> Callable[[bytes, Headers], Steps]:
        count, spans = self._counters.count_call, self._spans

        def answer(data: bytes, headers: Headers) -> Steps:
            started_ns = time.perf_counter_ns()
            span = None if spans is None else spans.start(name, headers.metadata)
            reply: Reply | Refusal
            try:
                request = self._read(data, headers.deadline_s, parse)
                reply = function(request, Call(LOCAL_CALLER, trace_id_of(headers.metadata, span), started_ns, span))
                if not isinstance(reply, bytes):
                    reply = yield from reply
            except CallError as error:
                reply = refuse(error)
            except BaseException:  # noqa: BLE001 - SystemExit too would end the thread that answers all calls
                _log.exception("%s failed", name)
                reply = INTERNAL
            status = reply.code.name if isinstance(reply, Refusal) else "OK"
            count(name, status)
            if span is not None:
                end_span(span, status)
            return reply

        return answer

    def _read(self, data: bytes, deadline_s: float, parse: Callable[[bytes], Message]) -> Message:
        if deadline_s <= time.time():
            raise DeadlineExpiredError("the deadline passed before work began; nothing was decided or recorded")
        if len(data) > self._max_message_bytes:
            raise RequestTooLargeError(len(data), self._max_message_bytes)
        try:
            return parse(data)
        except DecodeError:
            raise InvalidRequestError("message", "expected the method's request in protobuf, in UTF-8") from None
