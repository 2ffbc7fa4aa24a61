"""The gRPC server of one worker: services, health, reflection, limits, start and stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from opentelemetry.trace import Tracer

from oversight.decisions import Decisions
from oversight.errors import AddressError
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import CallLoop, ReadingPool
from oversight.grpc_api.decision_service import DecisionService
from oversight.grpc_api.outcome_service import OutcomeService
from oversight.grpc_api.spans import CallSpans
from oversight.grpc_api.status import INTERNAL
from oversight.outcomes import Outcomes
from oversight.settings import Settings
from oversight.telemetry.counters import Counters

__all__ = ["Server", "build_server"]

_READ_THREADS = 4
_WATCH_THREADS = 64
_REFLECTION_THREADS = 4
# Above our own limit, so that a message that is too large gets our words and not the core's; bounded all the same.
_HARD_LIMIT_FACTOR = 4
_MIN_PING_INTERVAL_MS = 10_000
# Longer than any call of ours takes: renewing a connection must not cut one short.
_CONNECTION_GRACE_MS = 10_000
_MAX_METADATA_BYTES = 16 * 1024
# Of one connection: calls that only send their headers are kept until it is renewed.
_MAX_STREAMS = 1024
_SERVICES = (DecisionService.NAME, OutcomeService.NAME)


class _Health(health.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking ships no types
    """Health whose Watch waits in a pool of its own: grpcio's default deadlocks."""

    def __init__(self, watch: ThreadPoolExecutor) -> None:
        super().__init__(experimental_non_blocking=False, experimental_thread_pool=watch)


class _Pools:
    """The threads beside the loop's, for calls that may take long."""

    def __init__(self) -> None:
        self.check = ThreadPoolExecutor(1, "health-check")
        self.watch = ThreadPoolExecutor(_WATCH_THREADS, "health-watch")
        self.read = ReadingPool(_READ_THREADS, "read")
        self.reflection = ThreadPoolExecutor(_REFLECTION_THREADS, "reflection")

    def shutdown(self) -> None:
        for pool in (self.check, self.watch, self.read, self.reflection):
            pool.shutdown(wait=False, cancel_futures=True)


class Server:
    """A worker's server; make it with `build_server`."""

    def __init__(
        self, server: grpc.Server, loop: CallLoop, address: str, status: health.HealthServicer, pools: _Pools
    ) -> None:
        self._server = server
        self._loop = loop
        self._address = address
        self._health = status
        self._pools = pools

    def start(self, *, serving: bool = True) -> int:
        """
        Bind the address (SO_REUSEPORT: workers share it) and answer calls; return the port. Raise `AddressError`.

        Health says from the first moment whether it is *serving*.
        """
        self.set_serving(serving=serving)
        try:
            port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise AddressError(f"cannot listen on {self._address} (setting listen)") from error
        self._server.start()
        self._loop.start()
        return port

    def set_serving(self, *, serving: bool) -> None:
        """Set what health checks answer, for the whole server and for each service."""
        status = health_pb2.HealthCheckResponse
        for service in (health.OVERALL_HEALTH, *_SERVICES):
            self._health.set(service, status.SERVING if serving else status.NOT_SERVING)

    def stop(self, grace_s: float) -> None:
        """Answer NOT_SERVING, take no new calls, give those under way *grace_s* seconds, and end."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait(grace_s + 1)
        self._loop.join(1)
        self._pools.shutdown()


def build_server(
    settings: Settings,
    *,
    decisions: Decisions,
    outcomes: Outcomes,
    counters: Counters,
    tracer: Tracer | None,
    clock_us: Callable[[], int],
) -> Server:
    """Return the server of one worker, not yet listening."""
    pools = _Pools()
    # For health checks alone; what else there is has a pool of its own, or the loop.
    server = grpc.server(pools.check, options=_options(settings))
    answering = Answering(
        max_message_bytes=settings.max_message_bytes,
        max_waiting=settings.max_waiting_calls,
        counters=counters,
        spans=None if tracer is None else CallSpans(tracer),
    )
    methods = [
        *DecisionService(decisions, clock_us).methods(answering, pools.read),
        *OutcomeService(outcomes).methods(answering),
    ]
    loop = CallLoop(
        server,
        methods,
        max_waiting=settings.max_waiting_calls,
        overloaded=answering.overloaded,
        incomplete=answering.incomplete,
        broken=INTERNAL,
    )
    status = _Health(pools.watch)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    _add_reflection(server, pools.reflection)
    return Server(server, loop, settings.listen, status, pools)


def _options(settings: Settings) -> list[tuple[str, int]]:
    age_ms = round(settings.max_connection_age_s * 1000)
    return [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", settings.max_message_bytes * _HARD_LIMIT_FACTOR),
        ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", _MAX_METADATA_BYTES),
        # Without it one worker keeps a caller for ever.
        ("grpc.max_connection_age_ms", age_ms),
        ("grpc.max_concurrent_streams", _MAX_STREAMS),
        ("grpc.max_connection_age_grace_ms", _CONNECTION_GRACE_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _MIN_PING_INTERVAL_MS),
    ]


def _add_reflection(server: grpc.Server, pool: ThreadPoolExecutor) -> None:
    names = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
    servicer = reflection.ReflectionServicer(names)
    servicer.ServerReflectionInfo = _on_pool(servicer.ServerReflectionInfo, pool)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    # Version 1 has the messages of v1alpha under another name; newer tools ask for it first.
    handler: Any = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    methods = {"ServerReflectionInfo": handler}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.reflection.v1.ServerReflection", methods),)
    )


def _on_pool(behaviour: Callable[..., Any], pool: ThreadPoolExecutor) -> Callable[..., Any]:
    """Return *behaviour* marked to run on *pool*: grpcio looks for the mark on the function itself."""

    def run(request: Any, context: Any) -> Any:
        return behaviour(request, context)

    run.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio's way to choose a pool
    return run
