"""TLS of a server with certificates made for the test: who is let in, by which name, and files that are replaced."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from authority import Authority, credentials
from oversight.access.identity import Identity
from oversight.errors import KeyFileError
from oversight.grpc_api.tls import ServerTls, tls_files
from oversight.settings import Settings
from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import decision_service_pb2_grpc
from refusals import refusal_of
from rpc.access_fakes import KnownAccess, bearing, somebody
from serving import Serving, wait_until

SPIFFE = "spiffe://bank.example/gateway"
REQUEST = pb.DecideRequest(intent="order_status", response_confidence=0.97)


@pytest.fixture
def authority() -> Authority:
    """Return the authority that server and clients share."""
    return Authority()


@pytest.fixture
def serve_tls(serve: Callable[..., Serving], authority: Authority, tmp_path: Path) -> Callable[..., Serving]:
    """Return a function that starts a server which wants certificates of the authority; callers by their names."""

    def start(certificates: dict[str, Identity] | None = None, **options: Any) -> Serving:
        files = authority.write_server(tmp_path)
        own = credentials(authority, authority.issue("test"))
        given = {"access": KnownAccess(certificates=certificates), "credentials": own, **options}
        return serve(tls_client_ca_file=tmp_path / "ca.pem", **files, **given)

    return start


def decide(serving: Serving, shown: grpc.ChannelCredentials, token: str = "") -> pb.DecideResponse:
    """Ask on a connection of its own, with the credentials *shown*."""
    with grpc.secure_channel(serving.target, shown, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        return stub.Decide(REQUEST, timeout=5, metadata=bearing(token) if token else None)


@pytest.mark.parametrize(
    ("name", "issued"),
    [
        (SPIFFE, {"common_name": "another", "uris": (SPIFFE,)}),
        ("https://bank.example/app", {"common_name": "another", "uris": ("https://bank.example/app",)}),
        ("cn:gateway", {"common_name": "gateway"}),
    ],
)
def test_a_certificate_names_its_caller(
    serve_tls: Callable[..., Serving], authority: Authority, name: str, issued: dict[str, Any]
) -> None:
    """By its SPIFFE id, else its URI, else its common name; and that is who is on record."""
    serving = serve_tls({name: somebody("decide", name=name)})
    assert decide(serving, credentials(authority, authority.issue(**issued))).recorded
    assert [name] == [entry.caller for entry in serving.journal.entries()]


def test_a_common_name_cannot_pass_for_a_uri(serve_tls: Callable[..., Serving], authority: Authority) -> None:
    """Common names are chosen more freely than URIs."""
    serving = serve_tls({SPIFFE: somebody("decide", name=SPIFFE)})
    shown = credentials(authority, authority.issue(SPIFFE))
    assert grpc.StatusCode.PERMISSION_DENIED is refusal_of(lambda: decide(serving, shown)).code


@pytest.mark.parametrize("issued", [{"uris": (SPIFFE, "https://bank.example/app")}, {}])
def test_a_certificate_that_names_nobody_is_refused(
    serve_tls: Callable[..., Serving], authority: Authority, issued: dict[str, Any]
) -> None:
    """Which of two names is meant must not be guessed."""
    serving = serve_tls({SPIFFE: somebody("decide", name=SPIFFE)})
    shown = credentials(authority, authority.issue(**issued))
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving, shown)).code


def test_a_certificate_without_roles_may_do_nothing(serve_tls: Callable[..., Serving], authority: Authority) -> None:
    """An authority that many use vouches for names, and not for what they may do."""
    refusal = refusal_of(lambda: decide(serve_tls(), credentials(authority, authority.issue("stranger"))))
    assert (grpc.StatusCode.PERMISSION_DENIED, "cn:stranger does not have the role decide") == (
        refusal.code,
        refusal.text,
    )


def test_a_token_names_the_caller_where_both_are_shown(serve_tls: Callable[..., Serving], authority: Authority) -> None:
    """The certificate opens the connection; who shares it is told apart by tokens."""
    serving = serve_tls(access=KnownAccess({"ovs_a": somebody("decide", name="alice")}))
    shown = credentials(authority, authority.issue("proxy"))
    assert decide(serving, shown, "ovs_a").recorded
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving, shown, "ovs_b")).code
    assert ["alice"] == [entry.caller for entry in serving.journal.entries()]


def no_certificate(authority: Authority) -> grpc.ChannelCredentials:
    """Show none."""
    return credentials(authority)


def expired_certificate(authority: Authority) -> grpc.ChannelCredentials:
    """Show one that ended yesterday."""
    return credentials(authority, authority.issue("gateway", valid=timedelta(days=-1)))


def wrong_authority(authority: Authority) -> grpc.ChannelCredentials:
    """Show one of an authority of the same name."""
    return credentials(authority, Authority().issue("gateway"))


def unknown_server(_: Authority) -> grpc.ChannelCredentials:
    """Trust another authority than the server's."""
    return credentials(Authority())


@pytest.mark.parametrize("shown", [no_certificate, expired_certificate, wrong_authority, unknown_server])
def test_a_certificate_that_does_not_hold_gets_no_connection(
    serve_tls: Callable[..., Serving],
    authority: Authority,
    shown: Callable[[Authority], grpc.ChannelCredentials],
) -> None:
    """Not even with a token that would do: nothing of ours sees the call."""
    serving = serve_tls(access=KnownAccess({"ovs_a": somebody("decide")}))
    with pytest.raises(grpc.RpcError) as caught:
        decide(serving, shown(authority), "ovs_a")
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert ([], {}) == (serving.journal.payloads, dict(serving.counters.calls()))


def test_plaintext_gets_no_answer_from_a_port_with_tls(serve_tls: Callable[..., Serving]) -> None:
    """A client that forgets TLS must not send its token twice."""
    serving = serve_tls()
    with grpc.insecure_channel(serving.target) as channel, pytest.raises(grpc.RpcError):
        decision_service_pb2_grpc.DecisionServiceStub(channel).Decide(REQUEST, timeout=1)


def shown_certificate(serving: Serving, authority: Authority, folder: Path) -> str:
    """Return the certificate that the server shows to a new connection."""
    host, port = serving.target.rsplit(":", 1)
    context = ssl.create_default_context(cadata=authority.ca_pem.decode())
    certificate, key = authority.issue("looker")
    (folder / "looker.pem").write_bytes(certificate + key)
    context.load_cert_chain(folder / "looker.pem")
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")


def test_replaced_files_are_shown_to_the_next_connection(
    serve_tls: Callable[..., Serving], authority: Authority, tmp_path: Path
) -> None:
    """A certificate lasts weeks, a server longer; who is connected stays so."""
    serving = serve_tls({"cn:test": somebody("decide", name="cn:test")})
    before = shown_certificate(serving, authority, tmp_path)
    assert before.split() == (tmp_path / "server.pem").read_text().split()
    authority.write_server(tmp_path, "renewed")
    wait_until(lambda: shown_certificate(serving, authority, tmp_path) != before)
    assert serving.decide.Decide(REQUEST, timeout=5).recorded


def test_another_authority_of_clients_counts_from_the_next_connection(
    serve_tls: Callable[..., Serving], authority: Authority, tmp_path: Path
) -> None:
    """Whoever the old one vouched for gets no new connection."""
    serving = serve_tls({"cn:gateway": somebody("decide", name="cn:gateway")})
    other = Authority("other")
    of_other = grpc.ssl_channel_credentials(authority.ca_pem, *reversed(other.issue("gateway")))
    (tmp_path / "new").write_bytes(other.ca_pem)
    (tmp_path / "new").rename(tmp_path / "ca.pem")

    def is_taken() -> bool:
        try:
            return decide(serving, of_other).recorded
        except grpc.RpcError:
            return False

    wait_until(is_taken)
    with pytest.raises(grpc.RpcError):
        decide(serving, credentials(authority, authority.issue("gateway")))


def test_files_that_do_not_fit_together_change_nothing(authority: Authority, tmp_path: Path) -> None:
    """Between the new certificate and its key is a moment, and not every renewal is right."""
    now_s = [0.0]
    settings = Settings(**authority.write_server(tmp_path))  # type: ignore[arg-type]  # paths by name
    files = tls_files(settings, "listen")
    assert files is not None
    tls = ServerTls(files, clock=lambda: now_s[0])
    certificate, key = authority.issue("renewed")
    looks = []
    for name, content in (("server.pem", certificate), ("server.key", b"junk"), ("server.key", key)):
        (tmp_path / name).write_bytes(content)
        now_s[0] += 1
        looks.append(tls.refreshed() is not None)
    os.remove(tmp_path / "server.pem")  # noqa: PTH107 - whatever removes it
    now_s[0] += 1
    assert ([False, False, True], None) == (looks, tls.refreshed())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("server.pem", b"junk", "no certificate in PEM"),
        ("server.key", b"junk", "no private key in PEM"),
        ("server.key", None, "No such file"),
        ("server.key", Authority().issue("x")[1], "is not that of the certificate"),
    ],
)
def test_files_that_cannot_be_used_are_said_at_the_start(
    authority: Authority, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    """A server that starts must be one that can be called."""
    settings = Settings(**authority.write_server(tmp_path))  # type: ignore[arg-type]  # paths by name
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    files = tls_files(settings, "listen")
    assert files is not None
    with pytest.raises(KeyFileError, match=words):
        ServerTls(files)


def test_the_admin_port_has_the_same_files_unless_it_has_its_own(tmp_path: Path) -> None:
    """Other certificates for other people, if wanted."""
    one, own = tmp_path / "one", tmp_path / "own"
    shared = Settings(tls_cert_file=one, tls_key_file=one, tls_client_ca_file=one)
    apart = Settings(
        tls_cert_file=one,
        tls_key_file=one,
        admin_tls_cert_file=own,
        admin_tls_key_file=own,
        admin_tls_client_ca_file=own,
    )

    assert (one, one, one) == tls_files(shared, "listen") == tls_files(shared, "admin_listen")
    assert ((one, one, None), (own, own, own)) == (tls_files(apart, "listen"), tls_files(apart, "admin_listen"))
    assert tls_files(Settings(), "listen") is None
