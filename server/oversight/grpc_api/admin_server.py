"""What the controller serves on the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oversight.access.protocols import OPEN, Access
from oversight.grpc_api.insight_service import InsightService
from oversight.grpc_api.server import Server, assemble
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
    counters: Counters,
    tracer: CallTracer | None,
    access: Access = OPEN,
) -> Server:
    """
    Return the server of the admin port, not yet listening; raise `KeyFileError` for TLS files that cannot be used.

    Its services run in the pool for reads, so that a bounded number of calls share the interpreter with the drain.
    """
    service = InsightService(lister, eraser)
    return assemble(
        settings, "admin_listen", (service.NAME,), service.methods, counters=counters, tracer=tracer, access=access
    )
