"""What surrounds every call: load shedding before the pool; deadline, errors and trace around the handler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from oversight.errors import (
    CallError,
    DeadlineExpiredError,
    InvalidRequestError,
    OverloadedError,
    RequestTooLargeError,
)
from oversight.grpc_api.pools import InlinePool, Pool
from oversight.grpc_api.spans import CallSpans
from oversight.grpc_api.status import STATUSES, abort, abort_internal
from oversight.telemetry.counters import Counters

__all__ = ["CallInterceptor"]

_log = logging.getLogger(__name__)

Behaviour = Callable[[Any, grpc.ServicerContext], Any]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]  # generic in the stubs only

_SHED_SERVICES = ("/oversight.v1.DecisionService/", "/oversight.v1.OutcomeService/")


class _Refused:
    """Stands for a message that was not parsed, and says why."""

    __slots__ = ("error",)

    def __init__(self, error: CallError) -> None:
        self.error = error


def _unless_bytes(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return *serialize* for handlers that may also answer with the bytes themselves."""
    return lambda reply: reply if type(reply) is bytes else serialize(reply)


class CallInterceptor(grpc.ServerInterceptor):
    """
    The one interceptor.

    `intercept_service` runs on grpcio's only polling thread, under the server's lock: it looks up and compares, and
    never waits. Everything else happens in the wrapped handler, on the handler's own thread.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        reads: Mapping[str, Pool],
        max_waiting: int,
        max_message_bytes: int,
        counters: Counters,
        spans: CallSpans | None,
    ) -> None:
        """
        Shed calls of our services while more than *max_waiting* wait for a thread; refuse messages over the limit.

        They wait in *pool*, those of the methods in *reads* (`/package.Service/Method`) in a pool of their own. *spans*
        is None where nothing is traced.
        """
        self._pool = pool
        self._reads = reads
        self._max_waiting = max_waiting
        self._max_message_bytes = max_message_bytes
        self._counters = counters
        self._spans = spans
        self._wrapped: dict[str, Handler] = {}
        self._inline = InlinePool()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler to run: the wrapped one, the refusal, or None for a method nobody has."""
        method = handler_call_details.method
        pool = self._reads.get(method, self._pool)
        if pool.waiting >= self._max_waiting and method.startswith(_SHED_SERVICES):
            return self._refusal(method)
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = continuation(handler_call_details)
        # Streams (health, reflection) are not ours: they have pools and error handling of their own.
        if handler is None or handler.unary_unary is None:
            return handler
        self._wrapped[method] = self._wrap(method, handler, handler.unary_unary)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: Handler, behaviour: Behaviour) -> Handler:
        name = method.removeprefix("/")
        guarded = self._guard(name, behaviour)
        if self._spans is not None:
            guarded = self._spans.around(name, guarded)
        pool = getattr(behaviour, "experimental_thread_pool", None)
        if pool is not None:
            guarded.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio looks for it on the function
        return grpc.unary_unary_rpc_method_handler(
            guarded,
            request_deserializer=self._limited(handler.request_deserializer or bytes),
            response_serializer=_unless_bytes(handler.response_serializer or bytes),
        )

    def _limited(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        limit = self._max_message_bytes

        def parse(data: bytes) -> Any:
            # Raising here would be INTERNAL without a word; the handler can say what is wrong.
            if len(data) > limit:
                return _Refused(RequestTooLargeError(len(data), limit))
            try:
                return deserialize(data)
            except DecodeError:
                return _Refused(InvalidRequestError("message", "expected the method's request in protobuf, in UTF-8"))

        return parse

    def _guard(self, name: str, behaviour: Behaviour) -> Behaviour:
        count = self._counters.count_call

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                # Not is_active(): calls whose deadline has passed are often still active.
                if context.time_remaining() <= 0:
                    raise DeadlineExpiredError("the deadline passed before work began; nothing was decided or recorded")
                if type(request) is _Refused:
                    raise request.error
                reply = behaviour(request, context)
            except CallError as error:
                count(name, STATUSES[type(error)][0].name)
                abort(context, error)
            except BaseException:  # noqa: BLE001 - SystemExit too would leave the caller without any answer
                _log.exception("%s failed", name)
                count(name, grpc.StatusCode.INTERNAL.name)
                abort_internal(context)
            count(name, grpc.StatusCode.OK.name)
            return reply

        return call

    def _refusal(self, method: str) -> Handler:
        self._counters.count_call(method.removeprefix("/"), grpc.StatusCode.RESOURCE_EXHAUSTED.name)

        def refuse(_requests: Any, context: grpc.ServicerContext) -> Any:
            abort(context, OverloadedError(f"more than {self._max_waiting} calls wait (setting max_waiting_calls)"))

        refuse.experimental_thread_pool = self._inline  # type: ignore[attr-defined]  # grpcio's way to choose a pool
        # Stream-unary, because only such a handler starts without waiting for the request.
        return grpc.stream_unary_rpc_method_handler(refuse)
