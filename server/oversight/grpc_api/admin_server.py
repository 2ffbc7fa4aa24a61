"""What the controller serves on the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oversight.access.protocols import OPEN, Access
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.insight_service import InsightService
from oversight.grpc_api.policy_service import PolicyService
from oversight.grpc_api.server import Server, assemble
from oversight.grpc_api.threshold_service import ThresholdService, ThresholdUseCases
from oversight.policy_desk import PolicyDesk
from oversight.settings import Settings
from oversight.storage.protocols import RecordLister, SubjectEraser
from oversight.telemetry.counters import Counters

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallTracer

__all__ = ["build_admin_server"]


def build_admin_server(
    settings: Settings,
    *,
    lister: RecordLister,
    eraser: SubjectEraser,
    thresholds: ThresholdUseCases,
    policies: PolicyDesk,
    counters: Counters,
    tracer: CallTracer | None,
    access: Access = OPEN,
) -> Server:
    """
    Return the server of the admin port, not yet listening; raise `KeyFileError` for TLS files that cannot be used.

    Its services run in the pool for reads, so that a bounded number of calls share the interpreter with what publishes.
    """
    services = (InsightService(lister, eraser), ThresholdService(thresholds), PolicyService(policies))

    def methods(answering: Answering, reads: ReadingPool) -> list[Method]:
        return [method for service in services for method in service.methods(answering, reads)]

    names = tuple(service.NAME for service in services)
    return assemble(settings, "admin_listen", names, methods, counters=counters, tracer=tracer, access=access)
