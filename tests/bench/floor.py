"""
The floor: what gRPC alone costs. `python tests/bench/floor.py PORT` serves it.

A synchronous grpc.server with 8 threads that answers the same canned reply to every DecideRequest.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from oversight.v1 import decision_pb2, decision_service_pb2, decision_service_pb2_grpc

_CODE, _RULE, _MESSAGE = "SENSITIVE_ACTION", "refund", "The reply moves money."


class Floor(decision_service_pb2_grpc.DecisionServiceServicer):
    """Decides nothing."""

    def Decide(  # noqa: N802 - the protocol's name
        self, request: decision_service_pb2.DecideRequest, _context: grpc.ServicerContext
    ) -> decision_service_pb2.DecideResponse:
        """Return the canned reply."""
        reasons = [decision_pb2.Reason(code=_CODE, rule_id=_RULE, message=_MESSAGE) for _ in range(2)]
        return decision_service_pb2.DecideResponse(
            decision_id="0" * 32,
            request_id=request.request_id,
            tier=decision_pb2.TIER_HUMAN_IN_THE_LOOP,
            reasons=reasons,
        )


def main() -> None:
    """Serve until stopped."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 1)])
    floor = Floor()  # type: ignore[abstract]  # nothing else of the service is measured
    decision_service_pb2_grpc.add_DecisionServiceServicer_to_server(floor, server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
