"""A gRPC server: services, health, reflection, limits, start and stop; what a worker serves on the data port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from oversight.access.protocols import OPEN, Access
from oversight.decisions import Decisions
from oversight.errors import AddressError
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.authentication import Admit, Authentication
from oversight.grpc_api.call_loop import CallLoop, Method, ReadingPool
from oversight.grpc_api.decision_service import DecisionService
from oversight.grpc_api.outcome_service import OutcomeService
from oversight.grpc_api.spans import CallSpans
from oversight.grpc_api.status import INTERNAL, Refusal
from oversight.grpc_api.tls import ServerTls, tls_files
from oversight.outcomes import Outcomes
from oversight.reading import Reading
from oversight.settings import Settings
from oversight.telemetry.counters import Counters

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallTracer

__all__ = ["Server", "assemble", "build_server"]

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
    """A server of *services* at the address in *setting*; make it with `assemble`."""

    def __init__(
        self,
        server: grpc.Server,
        loop: CallLoop,
        setting: tuple[str, str],
        services: Sequence[str],
        status: health.HealthServicer,
        pools: _Pools,
        tls: ServerTls | None,
    ) -> None:
        self._server = server
        self._loop = loop
        self._setting, self._address = setting
        self._services = services
        self._health = status
        self._pools = pools
        self._tls = tls

    def start(self, *, serving: bool = True) -> int:
        """
        Bind the address (SO_REUSEPORT: processes share it) and answer calls; return the port. Raise `AddressError`.

        Health says from the first moment whether it is *serving*.
        """
        self.set_serving(serving=serving)
        try:
            if self._tls is None:
                port = self._server.add_insecure_port(self._address)
            else:
                port = self._server.add_secure_port(self._address, self._tls.credentials())
        except RuntimeError as error:
            raise AddressError(f"cannot listen on {self._address} (setting {self._setting})") from error
        self._server.start()
        self._loop.start()
        return port

    def set_serving(self, *, serving: bool) -> None:
        """Set what health checks answer, for the whole server and for each service."""
        status = health_pb2.HealthCheckResponse
        for service in (health.OVERALL_HEALTH, *self._services):
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
    reading: Reading,
    outcomes: Outcomes,
    counters: Counters,
    tracer: CallTracer | None,
    clock_us: Callable[[], int],
    access: Access = OPEN,
) -> Server:
    """Return the server of one worker, not yet listening; raise `KeyFileError` for TLS files that cannot be used."""

    def methods(answering: Answering, reads: ReadingPool) -> list[Method]:
        return [
            *DecisionService(decisions, reading, clock_us).methods(answering, reads),
            *OutcomeService(outcomes).methods(answering),
        ]

    services = (DecisionService.NAME, OutcomeService.NAME)
    return assemble(settings, "listen", services, methods, counters=counters, tracer=tracer, access=access)


def assemble(
    settings: Settings,
    setting: str,
    services: Sequence[str],
    methods: Callable[[Answering, ReadingPool], Sequence[Method]],
    *,
    counters: Counters,
    tracer: CallTracer | None,
    access: Access = OPEN,
) -> Server:
    """
    Return a server of *services* at the address in *setting*, not yet listening.

    *methods* makes their methods; those that wait run in the pool that it is given. *access* says whose calls are
    taken. Raises `KeyFileError` for TLS files that cannot be used.
    """
    files = tls_files(settings, setting)
    tls = None if files is None else ServerTls(files)
    pools = _Pools()
    # For health checks alone; what else there is has a pool of its own, or the loop.
    server = grpc.server(pools.check, options=_options(settings))
    authentication = Authentication(access, counters, failures_per_s=settings.authentication_failures_per_s)
    answering = Answering(
        max_message_bytes=settings.max_message_bytes,
        max_waiting=settings.max_waiting_calls,
        counters=counters,
        spans=None if tracer is None else CallSpans(tracer),
        authentication=authentication,
    )
    loop = CallLoop(
        server,
        methods(answering, pools.read),
        max_waiting=settings.max_waiting_calls,
        overloaded=answering.overloaded,
        incomplete=answering.incomplete,
        broken=INTERNAL,
    )
    status = _Health(pools.watch)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    _add_reflection(server, services, pools.reflection, authentication)
    return Server(server, loop, (setting, getattr(settings, setting)), services, status, pools, tls)


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


def _add_reflection(
    server: grpc.Server, services: Sequence[str], pool: ThreadPoolExecutor, authentication: Authentication
) -> None:
    names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
    servicer = reflection.ReflectionServicer(names)
    admit = authentication.admit(f"/{reflection.SERVICE_NAME}/ServerReflectionInfo")
    servicer.ServerReflectionInfo = _on_pool(_admitted(servicer.ServerReflectionInfo, admit), pool)
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


def _admitted(behaviour: Callable[..., Any], admit: Admit) -> Callable[..., Any]:
    """Return *behaviour* for callers who are admitted."""

    def run(request: Any, context: Any) -> Any:
        # gRPC's own call: it has the connection's certificate.
        caller = admit(tuple(context.invocation_metadata()), context._rpc_event.call)  # noqa: SLF001 - see above
        if isinstance(caller, Refusal):
            context.set_trailing_metadata(caller.trailers)
            context.abort(caller.code, caller.text)
        return behaviour(request, context)

    return run


def _on_pool(behaviour: Callable[..., Any], pool: ThreadPoolExecutor) -> Callable[..., Any]:
    """Return *behaviour* marked to run on *pool*: grpcio looks for the mark on the function itself."""

    def run(request: Any, context: Any) -> Any:
        return behaviour(request, context)

    run.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio's way to choose a pool
    return run
