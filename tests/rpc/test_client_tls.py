"""Both clients over TLS, against a real server that wants certificates of both sides."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest

from oversight_client import AsyncClient, Client, Decision, Tier, TlsOptions
from rpc.scripted_server import ScriptedServer
from unit.client.replies import a_response

LONG_S = 20.0


def decides(request: Any, _: grpc.ServicerContext) -> Any:
    """Answer with a routine decision."""
    return a_response(request)


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in *folder*."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a certificate of each side, made for this run."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates of this test")
    folder = tmp_path_factory.mktemp("tls")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    for name in ("server", "client"):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "san").write_text(f"subjectAltName=DNS:{name}.example\n", encoding="utf-8")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")
    return folder


def a_tls_server(folder: Path) -> ScriptedServer:
    """Return a server that wants a client certificate of the authority."""
    read = {name: (folder / name).read_bytes() for name in ("server.key", "server.pem", "ca.pem")}
    credentials = grpc.ssl_server_credentials(
        [(read["server.key"], read["server.pem"])], read["ca.pem"], require_client_auth=True
    )
    return ScriptedServer(decides, credentials=credentials)


def a_tls_client(folder: Path, **options: Any) -> TlsOptions:
    """Return the options that the server takes, with *options* in place of their own."""
    given = {
        "ca_file": folder / "ca.pem",
        "cert_file": folder / "client.pem",
        "key_file": folder / "client.key",
        "server_name": "server.example",
    }
    return TlsOptions(**{**given, **options})


def test_certificates_of_both_sides_are_shown_and_checked(certificates):
    """What a deployment beyond one machine uses."""
    tls = a_tls_client(certificates)
    with a_tls_server(certificates) as server, Client(server.target, tls=tls, timeout_s=LONG_S) as client:
        assert client.decide().recorded


def test_the_asyncio_client_does_the_same(certificates):
    """It opens its channel later, with the same certificates."""

    async def decide(target: str) -> Decision:
        async with AsyncClient(target, tls=a_tls_client(certificates), timeout_s=LONG_S) as client:
            return await client.decide()

    with a_tls_server(certificates) as server:
        assert asyncio.run(decide(server.target)).recorded


@pytest.mark.parametrize("fault", [{"cert_file": None, "key_file": None}, {"server_name": "other.example"}])
def test_tls_that_does_not_hold_is_no_answer(certificates, fault):
    """An unknown server's decision is worth nothing: a person decides."""
    tls = a_tls_client(certificates, **fault)
    with a_tls_server(certificates) as server, Client(server.target, tls=tls, timeout_s=0.3) as client:
        assert Tier.HUMAN_IN_THE_LOOP is client.decide().tier
    assert [] == server.requests
