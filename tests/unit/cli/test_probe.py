"""`oversight status --probe`: a health check that works whatever the data port speaks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from authority import Authority
from oversight.app.reports import SupervisorReport, write_report

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
Probe = Callable[..., Any]


@pytest.fixture
def authority() -> Authority:
    """Return who signs the server's certificate, and those of its clients."""
    return Authority()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., health.HealthServicer]]:
    """Return a function that starts a health service and leaves its address in the data folder, as a server does."""
    (tmp_path / "run").mkdir()
    servers: list[grpc.Server] = []

    def start(credentials: grpc.ServerCredentials | None = None, host: str = "127.0.0.1") -> health.HealthServicer:
        server, servicer = grpc.server(ThreadPoolExecutor(2)), health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        address = "127.0.0.1:0"
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        server.start()
        servers.append(server)
        report = SupervisorReport(os.getpid(), f"{host}:{port}", "127.0.0.1:1", 1, 1, tls=credentials is not None)
        write_report(tmp_path / "run", report)
        return servicer

    yield start
    for server in servers:
        server.stop(None)


@pytest.fixture
def ask(run: Probe, tmp_path: Path) -> Probe:
    """Return a function that runs the health check, with more words or variables."""

    def invoke(*words: object, **variables: object) -> Any:
        environment = {name.upper(): str(value) for name, value in variables.items()}
        return run("status", "--probe", "--data-dir", tmp_path, "--timeout", "3", *words, env=environment)

    return invoke


def credentials(issued: tuple[bytes, bytes], clients: bytes | None = None) -> grpc.ServerCredentials:
    """Return those of a server which, with *clients*, wants to see certificates of that authority."""
    certificate, key = issued
    return grpc.ssl_server_credentials([(key, certificate)], clients, require_client_auth=clients is not None)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - where a server says that it listens
def test_a_port_without_tls_is_asked_as_it_is(serve: Probe, ask: Probe, host: str) -> None:
    """The address is the running server's, and what listens everywhere is asked here."""
    serve(host=host)
    result = ask("--json")

    assert (0, "serving") == (result.exit_code, json.loads(result.stdout)["state"]), result.stderr
    assert json.loads(result.stdout)["listen"].startswith("127.0.0.1:")


@pytest.mark.parametrize(
    "names",
    [
        {"hosts": ("10.0.0.7",)},
        {"hosts": ("oversight.example", "127.0.0.1")},
        {"hosts": ("*.oversight.example",)},
        {"hosts": (), "common_name": "oversight"},
    ],
)
def test_a_port_with_tls_is_asked_whatever_name_its_certificate_has(
    serve: Probe, ask: Probe, authority: Authority, names: dict[str, Any]
) -> None:
    """A health check has no authorities to trust, and the certificate's name is seldom the loopback address."""
    serve(credentials(authority.issue(**names)))

    assert (0, "SERVING") == ((result := ask()).exit_code, result.stdout[:7]), result.stderr


def test_a_certificate_that_no_client_would_take_is_not_healthy(serve: Probe, ask: Probe, authority: Authority) -> None:
    """It has no name at all: callers cannot connect, and the check says why."""
    serve(credentials(authority.issue(hosts=())))
    result = ask()

    assert (1, True) == (result.exit_code, "neither a DNS name" in result.stderr), result.stderr


def test_where_clients_must_show_a_certificate_the_servers_own_is_shown_or_the_one_given(
    serve: Probe, ask: Probe, authority: Authority, tmp_path: Path
) -> None:
    """One authority for both is what most have; others give the health check one of its own."""
    files = authority.write_server(tmp_path)
    own = (files["tls_cert_file"].read_bytes(), files["tls_key_file"].read_bytes())
    serve(credentials(own, authority.ca_pem))
    server = {f"oversight_{name}": path for name, path in files.items()}
    server["oversight_tls_client_ca_file"] = tmp_path / "ca.pem"
    given = {"oversight_cert_file": tmp_path / "server.pem", "oversight_key_file": tmp_path / "server.key"}

    refused = ask()
    assert (1, True) == (refused.exit_code, "give --cert-file and --key-file" in refused.stderr)
    assert [0, 0] == [ask(**variables).exit_code for variables in (server, given)]
    assert 2 == ask("--cert-file", tmp_path / "server.pem").exit_code


def test_a_server_that_does_not_serve_is_not_healthy(serve: Probe, ask: Probe) -> None:
    """A worker that cannot record says so there, and is to be kept away from."""
    serve().set("", NOT_SERVING)
    result = ask()

    assert (1, True) == (result.exit_code, "is NOT_SERVING" in result.stderr)


def test_where_nothing_serves_it_says_so(ask: Probe, tmp_path: Path) -> None:
    """Before the start and after the end, the check fails in words."""
    result = ask()
    assert (1, True) == (result.exit_code, "give its folder with --data-dir" in result.stderr)
    (tmp_path / "run").mkdir()
    for tls in (False, True):
        write_report(tmp_path / "run", SupervisorReport(os.getpid(), "127.0.0.1:1", "127.0.0.1:2", 1, 1, tls=tls))
        result = ask()
        assert (1, True) == (result.exit_code, "127.0.0.1:1" in result.stderr), result.stderr


def test_the_server_here_and_one_anywhere_are_not_asked_at_once(ask: Probe) -> None:
    """A health check that asks another machine would never fail with this one."""
    assert 2 == ask("--admin", "127.0.0.1:1").exit_code
