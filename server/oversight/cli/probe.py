"""Asking the data port of the server on this machine whether it serves, as health checks of containers do."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc

from oversight.app.addresses import Address, parse_address
from oversight.app.handover import run_folder
from oversight.app.reports import read_supervisor
from oversight.cli.failures import CommandError, Failure

__all__ = ["probe"]

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens there: it is what is asked instead
_SERVING = health_pb2.HealthCheckResponse.SERVING


def probe(data_dir: Path, own: tuple[Path, Path] | None, timeout_s: float) -> str:
    """
    Return the address that serves, by the standard health service; raise `CommandError` where none does in time.

    The address is the one that the running server wrote into *data_dir*. With TLS the certificate that it shows is
    trusted as it is: who asks is on the same machine, where the certificate's name is not the address. *own* are the
    files of the certificate and the key to show, where clients must show one.
    """
    report = read_supervisor(run_folder(data_dir))
    if report is None:
        raise _failure(f"no server has left in {data_dir} where it listens; give its folder with --data-dir")
    host, port = parse_address(report.listen, "listen")
    address = Address(_EVERYWHERE.get(host, host), port)
    try:
        credentials, options = _trusting(address, own, timeout_s) if report.tls else (None, ())
        with _open(address, credentials, options) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            state = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_s).status
    except (OSError, ValueError) as error:
        raise _failure(f"{address} cannot be asked: {error}") from error
    except grpc.RpcError as error:
        hint = (
            "" if own or not report.tls else "; where clients must show a certificate, give --cert-file and --key-file"
        )
        raise _failure(f"{address} does not answer: {error.details()}{hint}") from error
    if state != _SERVING:
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(state)
        raise _failure(f"{address} is {name}; `oversight status` says why")
    return str(address)


def _trusting(
    address: Address, own: tuple[Path, Path] | None, timeout_s: float
) -> tuple[grpc.ChannelCredentials, Sequence[tuple[str, str]]]:
    """Return credentials and options of a channel that trusts just the certificate that the server shows."""
    shown = ssl.get_server_certificate(address, timeout=timeout_s)
    certificate, key = (path.read_bytes() for path in own) if own else (None, None)
    name = _name_in(x509.load_pem_x509_certificate(shown.encode("ascii")))
    credentials = grpc.ssl_channel_credentials(shown.encode("ascii"), key, certificate)
    return credentials, [("grpc.ssl_target_name_override", name)]


def _name_in(certificate: x509.Certificate) -> str:
    """Return a name by which clients take the *certificate*; ValueError where it has none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    hosts = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    common = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    found = [*(host.replace("*", "any", 1) for host in hosts), *map(str, addresses), *common]
    if not found:
        raise ValueError("the server's certificate has neither a DNS name nor an address nor a common name")
    return found[0]


def _open(
    address: Address, credentials: grpc.ChannelCredentials | None, options: Sequence[tuple[str, str]]
) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(str(address), list(options))
    return grpc.secure_channel(str(address), credentials, list(options))


def _failure(message: str) -> CommandError:
    return CommandError(Failure("NOT_SERVING", message))
