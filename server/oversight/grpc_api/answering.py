"""What surrounds every method: message limit, deadline, parsing, trace, errors to refusals, counting."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError

from oversight.decisions import Call
from oversight.errors import (
    CallError,
    DeadlineExpiredError,
    InvalidRequestError,
    OverloadedError,
    RecordUnavailableError,
    RequestTooLargeError,
)
from oversight.grpc_api.authentication import Authentication
from oversight.grpc_api.call_loop import Headers, Method, ReadingPool, Steps
from oversight.grpc_api.spans import CallSpans, end_span, trace_id_of
from oversight.grpc_api.status import INTERNAL, Refusal, refuse
from oversight.journal.protocols import Turns
from oversight.telemetry.counters import Counters

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallSpan

__all__ = ["Answering", "Reply"]

_log = logging.getLogger(__name__)

Message = TypeVar("Message")
Reply = bytes | Turns[bytes]
"""A reply's bytes, or the turns in which they are made."""


class Answering:
    """Makes methods out of functions that take a parsed message and a `Call`, and return the reply's bytes."""

    def __init__(
        self,
        *,
        max_message_bytes: int,
        max_waiting: int,
        counters: Counters,
        spans: CallSpans | None,
        authentication: Authentication,
    ) -> None:
        """
        Take the limits (settings max_message_bytes and max_waiting_calls) and what finds out who calls.

        *spans* is None where none are made.
        """
        self._authentication = authentication
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
        return Method(
            path,
            self._guard(path.removeprefix("/"), parse, function),
            pool,
            self._authentication.admit(path),
            self._authentication.current_generation,
        )

    def overloaded(self, path: str) -> Refusal:
        """Return the refusal of a call of the method at *path* because too many wait."""
        return self._refuse(
            path, OverloadedError(f"more than {self._max_waiting} calls wait (setting max_waiting_calls)")
        )

    def incomplete(self, path: str) -> Refusal:
        """Return the refusal of a call of the method at *path* that ended without its message."""
        return self._refuse(path, InvalidRequestError("message", "expected the method's request, got none"))

    def _refuse(self, path: str, error: CallError) -> Refusal:
        """Return the refusal of a call that its method never sees, and count it."""
        refusal = refuse(error)
        self._counters.count_call(path.removeprefix("/"), refusal.code.name)
        return refusal

    def _guard(
        self, name: str, parse: Callable[[bytes], Message], function: Callable[[Message, Call], Reply]
    ) -> Callable[[bytes, Headers], Steps]:
        def work(data: bytes, headers: Headers, call: Call) -> Steps:
            try:
                _check_deadline(headers.deadline_s)
                reply = function(self._read(data, parse), call)
                return reply if isinstance(reply, bytes) else (yield from _in_time(reply, headers.deadline_s))
            except CallError as error:
                return refuse(error)

        def answer(data: bytes, headers: Headers) -> Steps:
            started_ns = time.perf_counter_ns()
            return self._observe(name, headers, started_ns, lambda call: work(data, headers, call))

        return answer

    def _observe(self, name: str, headers: Headers, started_ns: int, work: Callable[[Call], Steps]) -> Steps:
        """Do *work*, whatever it raises; count the call and end its span."""
        span = None
        try:
            span = None if self._spans is None else self._spans.start(name, headers.metadata)
            reply = yield from work(_call(headers, started_ns, span))
        except GeneratorExit:  # the server has stopped; nobody waits any more
            raise
        except BaseException:  # noqa: BLE001 - SystemExit too would end the thread that answers all calls
            _log.exception("%s failed", name)
            reply = INTERNAL
        status = reply.code.name if isinstance(reply, Refusal) else "OK"
        self._counters.count_call(name, status)
        if span is not None:
            end_span(span, status)
        return reply

    def _read(self, data: bytes, parse: Callable[[bytes], Message]) -> Message:
        if len(data) > self._max_message_bytes:
            raise RequestTooLargeError(len(data), self._max_message_bytes)
        try:
            return parse(data)
        except DecodeError:
            raise InvalidRequestError("message", "expected the method's request in protobuf, in UTF-8") from None


def _in_time(turns: Turns[bytes], deadline_s: float) -> Turns[bytes]:
    """Return what *turns* does; raise `DeadlineExpiredError` between two of them, while nothing is on record yet."""
    failure: RecordUnavailableError | None = None
    while True:
        try:
            unsynced = next(turns) if failure is None else turns.throw(failure)
        except StopIteration as end:
            reply: bytes = end.value
            return reply
        failure = None
        try:
            yield unsynced
        except RecordUnavailableError as error:
            failure = error
        if unsynced is None:
            _check_deadline(deadline_s)


def _call(headers: Headers, started_ns: int, span: CallSpan | None) -> Call:
    name, _, tenant_id = headers.caller
    return Call(name, trace_id_of(headers.metadata, span), started_ns, span, tenant_id)


def _check_deadline(deadline_s: float) -> None:
    # Not is_active() or the like: calls whose deadline has passed are often still active.
    if deadline_s <= time.time():
        raise DeadlineExpiredError("the deadline passed before the work was done; nothing was decided or recorded")
