"""A real server on loopback that answers the client as each test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from oversight.v1 import decision_service_pb2_grpc, outcome_service_pb2_grpc

Step = Callable[[Any, grpc.ServicerContext], Any]
"""What the server does with one call: return the response or abort."""


class ScriptedServer(
    decision_service_pb2_grpc.DecisionServiceServicer, outcome_service_pb2_grpc.OutcomeServiceServicer
):
    """Plays *steps*, one for each call of any method, the last for ever; keeps every request and its time remaining."""

    def __init__(self, *steps: Step, credentials: grpc.ServerCredentials | None = None, port: int = 0) -> None:
        self.steps = list(steps)
        self.requests: list[Any] = []
        self.remaining_s: list[float] = []
        self.arrived = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(4))
        decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(self, self._server)
        outcome_service_pb2_grpc.add_OutcomeServiceServicer_to_server(self, self._server)
        address = f"127.0.0.1:{port}"
        if credentials:
            self.port = self._server.add_secure_port(address, credentials)
        else:
            self.port = self._server.add_insecure_port(address)
        self.target = f"127.0.0.1:{self.port}"
        self._server.start()

    def stop(self) -> None:
        """Stop at once."""
        self._server.stop(0).wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _play(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._lock:
            self.requests.append(request)
            self.remaining_s.append(context.time_remaining())
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.arrived.release()
        return step(request, context)

    Decide = BatchDecide = GetDecision = RecordOutcome = BatchRecordOutcomes = _play


def aborts(
    code: grpc.StatusCode,
    text: str = "as told",
    *,
    reason: str = "",
    metadata: dict[str, str] | None = None,
    trailers: Sequence[tuple[str, str]] = (),
) -> Step:
    """Return the step that ends a call as the service does, with ErrorInfo and BadRequest where *reason* is given."""

    def step(_: Any, context: grpc.ServicerContext) -> Any:
        details = []
        if reason:
            field = (metadata or {}).get("field", "")
            info = ErrorInfo(reason=reason, domain="oversight.dev", metadata=metadata)
            bad = BadRequest(field_violations=[BadRequest.FieldViolation(field=field, description=text)])
            for message in (info, bad):
                details.append(AnyMessage())
                details[-1].Pack(message)
        status = Status(code=code.value[0], message=text, details=details)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()), *trailers))
        context.abort(code, text)

    return step


@contextmanager
def held_call() -> Iterator[Step]:
    """Give a step that answers nothing until the block ends, and then fails."""
    released = threading.Event()

    def step(_: Any, context: grpc.ServicerContext) -> Any:
        released.wait(30)
        context.abort(grpc.StatusCode.INTERNAL, "released")

    try:
        yield step
    finally:
        released.set()
