"""The admin port opens when it can, and its failure keeps nothing from the store."""

from __future__ import annotations

import socket
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from oversight.app.admin_port import AdminPort
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.settings import Settings
from oversight.telemetry.counters import Counters

UNUSED: Any = None
"""No call is made."""


def an_admin_port(address: str) -> AdminPort:
    settings = Settings(admin_listen=address)
    insights = InsightUseCases(UNUSED, UNUSED, UNUSED, UNUSED)
    parts: dict[str, Any] = {"insights": insights, "thresholds": UNUSED, "policies": UNUSED}
    return AdminPort(build_admin_server(settings, **parts, counters=Counters(), tracer=None))


def is_served(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(service="oversight.v1.InsightService"), timeout=10)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_a_port_that_is_taken_is_a_problem_and_tried_again() -> None:
    """A stranger took it while the controller was started anew: records are drained all the same."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        address = f"127.0.0.1:{stranger.getsockname()[1]}"
        admin = an_admin_port(address)
        admin.open()
        assert f"cannot listen on {address} (setting admin_listen)" == admin.problem

    admin.open()
    try:
        assert ("", True) == (admin.problem, is_served(address))
        admin.open()
    finally:
        admin.close(0)
    assert not is_served(address)


def test_one_that_was_closed_is_not_opened_again() -> None:
    """The last report of a controller comes behind it: a server that has ended would take the process with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    admin = an_admin_port(address)
    admin.open()
    admin.close(0)

    admin.open()

    assert ("", False) == (admin.problem, is_served(address))


def test_a_successor_may_open_it_beside_its_predecessor() -> None:
    """The new controller must not wait for the last reader of the old one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    first, second = an_admin_port(address), an_admin_port(address)
    first.open()
    second.open()
    try:
        assert ("", "") == (first.problem, second.problem)
    finally:
        first.close(0)
    try:
        assert is_served(address)
    finally:
        second.close(0)
