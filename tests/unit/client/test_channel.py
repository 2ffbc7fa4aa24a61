"""Where the client may speak in plaintext, and how it connects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oversight_client import AsyncClient, Client, InsecureTargetError, TlsFileError, TlsOptions
from oversight_client.channel import channel_credentials, channel_options, is_local


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.8.8.8:1",
        "localhost:50051",
        "localhost",
        "[::1]:50051",
        "::1",
        "dns:localhost:50051",
        "dns:///127.0.0.1:50051",
        "ipv4:127.0.0.1:1,127.0.0.2:2",
        "ipv6:[::1]:50051",
        "unix:/run/oversight.sock",
        "unix-abstract:oversight",
    ],
)
def test_plaintext_is_allowed_on_this_machine(target):
    """A sidecar needs no certificate."""
    assert is_local(target)
    assert channel_credentials(target, None, insecure=False) is None


@pytest.mark.parametrize(
    "target",
    [
        "oversight.example:50051",
        "10.0.0.1:50051",
        "0.0.0.0:50051",
        "[2001:db8::1]:50051",
        "localhost.example:50051",
        "dns:///oversight.example:50051",
        "dns://127.0.0.1/oversight.example",
        "ipv4:127.0.0.1:1,10.0.0.1:2",
        "xds:///oversight",
        "",
    ],
)
def test_plaintext_beyond_this_machine_is_refused_unless_asked_for(target):
    """Customers' signals must not cross a network unencrypted by oversight."""
    assert not is_local(target)
    with pytest.raises(
        InsecureTargetError, match=r"not on this machine: give tls=TlsOptions\(\.\.\.\), or insecure=True"
    ):
        channel_credentials(target, None, insecure=False)
    assert channel_credentials(target, None, insecure=True) is None


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_both_clients_refuse_an_insecure_target_when_they_are_made(kind):
    """The first call would be too late to learn of it."""
    with pytest.raises(InsecureTargetError, match=r"^oversight\.example:50051 is not on this machine"):
        kind("oversight.example:50051")


def test_tls_and_plaintext_together_are_refused():
    """One of them would be silently ignored."""
    with pytest.raises(ValueError, match=r"^tls and insecure: expected one of them$"):
        channel_credentials("127.0.0.1:1", TlsOptions(), insecure=True)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """GRPC would only say later that a handshake failed."""
    with pytest.raises(TlsFileError, match=r"ca\.pem: No such file or directory$"):
        channel_credentials("127.0.0.1:1", TlsOptions(ca_file=tmp_path / "ca.pem"), insecure=False)


@pytest.mark.parametrize("half", [{"cert_file": "c.pem"}, {"key_file": "k.pem"}])
def test_a_certificate_without_its_key_is_refused(half):
    """It could not be used, and nobody would be told."""
    with pytest.raises(ValueError, match=r"^cert_file and key_file: expected both or neither$"):
        TlsOptions(**half)


def test_files_are_read_when_the_client_is_made(tmp_path):
    """A file that is there and readable is enough here; what is in it is the handshake's to judge."""
    file = tmp_path / "some.pem"
    file.write_text("any")
    tls = TlsOptions(ca_file=file, cert_file=str(file), key_file=str(file))
    assert channel_credentials("oversight.example:1", tls, insecure=False) is not None


def test_the_channel_leaves_retries_and_deadlines_to_the_client():
    """GRPC's service-config timeout is a second short, and its retries know no pushback limit of ours."""
    options: dict[str, Any] = dict(channel_options("127.0.0.1:1", None))
    assert 0 == options["grpc.enable_retries"]
    assert {"loadBalancingConfig": [{"round_robin": {}}]} == json.loads(options["grpc.service_config"])
    assert 1 == options["grpc.service_config_disable_resolution"]


def test_pings_are_rarer_than_servers_allow():
    """One ping in five minutes is what a server tolerates by default; more end in GOAWAY."""
    options: dict[str, Any] = dict(channel_options("127.0.0.1:1", None))
    assert options["grpc.keepalive_time_ms"] > 5 * 60 * 1000


def test_a_service_that_is_back_is_noticed_soon_and_a_handshake_has_time():
    """GRPC's names mislead: `min` is the time one connection may take, not the shortest pause."""
    options: dict[str, Any] = dict(channel_options("127.0.0.1:1", None))
    assert options["grpc.initial_reconnect_backoff_ms"] <= options["grpc.max_reconnect_backoff_ms"] <= 1_000
    assert options["grpc.min_reconnect_backoff_ms"] >= 1_000


def test_the_servers_name_is_checked_instead_of_the_targets():
    """Behind an address there is a certificate for a name."""
    assert (
        "oversight.example"
        == dict(channel_options("127.0.0.1:1", TlsOptions(server_name="oversight.example")))[
            "grpc.ssl_target_name_override"
        ]
    )
    assert "grpc.ssl_target_name_override" not in dict(channel_options("127.0.0.1:1", TlsOptions()))


def test_a_proxy_is_not_asked_for_what_is_on_this_machine():
    """With http_proxy set, gRPC would send the plaintext meant for a sidecar across the network."""
    assert 0 == dict(channel_options("127.0.0.1:1", None))["grpc.enable_http_proxy"]
    assert "grpc.enable_http_proxy" not in dict(channel_options("oversight.example:1", TlsOptions()))
