"""How the client reaches the service: plaintext on this machine, TLS beyond it."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc import aio

from oversight_client.errors import InsecureTargetError, TlsFileError

__all__ = ["TlsOptions", "channel_credentials", "channel_options", "is_local", "open_aio_channel", "open_channel"]

Option = tuple[str, int | str]

_MAX_RESPONSE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """
    TLS to the service.

    `ca_file` has the certificates to trust (PEM; None: those of gRPC), `cert_file` and `key_file` the client's own,
    both or neither. `server_name` is the name in the server's certificate where it is not the target's. Files are read
    when the client is made: make a new client for new certificates.
    """

    ca_file: str | os.PathLike[str] | None = None
    cert_file: str | os.PathLike[str] | None = None
    key_file: str | os.PathLike[str] | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        """Refuse a certificate without its key and the reverse."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file: expected both or neither")


def open_channel(target: str, credentials: grpc.ChannelCredentials | None, options: tuple[Option, ...]) -> grpc.Channel:
    """Return a channel to *target*; without *credentials* it is plaintext."""
    if credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, credentials, options)


def open_aio_channel(
    target: str, credentials: grpc.ChannelCredentials | None, options: tuple[Option, ...]
) -> aio.Channel:
    """Return an asyncio channel to *target*, as `open_channel`; it belongs to the running loop."""
    if credentials is None:
        return aio.insecure_channel(target, options)
    return aio.secure_channel(target, credentials, options)


def channel_credentials(target: str, tls: TlsOptions | None, *, insecure: bool) -> grpc.ChannelCredentials | None:
    """
    Return the credentials for *target*, None for plaintext.

    InsecureTargetError for plaintext beyond this machine that was not asked for, TlsFileError for a file that cannot be
    read.
    """
    if tls is not None:
        if insecure:
            raise ValueError("tls and insecure: expected one of them")
        ca, key, certificate = (_content(file) for file in (tls.ca_file, tls.key_file, tls.cert_file))
        return grpc.ssl_channel_credentials(ca, key, certificate)
    if not insecure and not is_local(target):
        raise InsecureTargetError(
            f"{target} is not on this machine: give tls=TlsOptions(...), or insecure=True to send customers' signals "
            "unencrypted"
        )
    return None


def channel_options(target: str, tls: TlsOptions | None) -> tuple[Option, ...]:
    """Return the options of a channel to *target*."""
    options: list[Option] = [
        # Attempts are ours: gRPC's own retries know nothing of the pushback's limit, and its `timeout` is 1 s short.
        ("grpc.enable_retries", 0),
        ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
        ("grpc.service_config_disable_resolution", 1),
        # Servers answer more than one ping in 5 minutes without data with GOAWAY.
        ("grpc.keepalive_time_ms", 360_000),
        # Also how long sent data may stay unacknowledged before a vanished server is given up.
        ("grpc.keepalive_timeout_ms", 5_000),
        # gRPC's own pauses between connections go up to 2 minutes, in which a service that is back is not noticed.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 250),
        # Not a pause, whatever its name: how long one connection may take to come up, handshake included.
        ("grpc.min_reconnect_backoff_ms", 5_000),
        # Two clients are two connections, and so may be served by two workers.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", _MAX_RESPONSE_BYTES),
    ]
    if is_local(target):
        # Else gRPC would take http_proxy's word for it and send plaintext off this machine.
        options.append(("grpc.enable_http_proxy", 0))
    if tls and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return tuple(options)


def is_local(target: str) -> bool:
    """Return whether *target* (gRPC's naming, doc/naming.md) cannot leave this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    addresses = target.removeprefix("ipv4:").removeprefix("ipv6:")
    if addresses.startswith("dns:"):
        addresses = addresses.removeprefix("dns:").rpartition("/")[2]
    return all(_is_loopback(address) for address in addresses.split(","))


def _is_loopback(address: str) -> bool:
    host = address[1:].partition("]")[0] if address.startswith("[") else address
    if not address.startswith("[") and address.count(":") == 1:
        host = address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _content(file: str | os.PathLike[str] | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise TlsFileError(f"{os.fspath(file)}: {error.strerror}") from error
