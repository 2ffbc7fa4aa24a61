"""ThresholdService over a desk in memory, on a free port in this process."""

from __future__ import annotations

from typing import Any

import grpc

from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from oversight.v1 import threshold_service_pb2 as pb
from oversight.v1 import threshold_service_pb2_grpc
from threshold_desk import Desk

_UNUSED: Any = None


class Port:
    """The admin port over a desk in memory, and a stub to call it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.server = build_admin_server(
            Settings(admin_listen="127.0.0.1:0"),
            insights=InsightUseCases(_UNUSED, _UNUSED, _UNUSED, _UNUSED),
            thresholds=desk.use_cases,
            policies=_UNUSED,
            counters=Counters(),
            tracer=None,
        )
        self.target = f"127.0.0.1:{self.server.start()}"
        self.channel = grpc.insecure_channel(self.target)
        self.stub = threshold_service_pb2_grpc.ThresholdServiceStub(self.channel)

    def update(self, *changes: pb.ThresholdChange, **fields: Any) -> pb.ThresholdUpdate:
        request = pb.UpdateThresholdsRequest(changes=changes, **{"justification": "as agreed", **fields})
        return self.stub.UpdateThresholds(request, timeout=10).update

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)
