"""Callers of the processes as shipped: tokens, certificates and keys that come and go without a restart."""

from __future__ import annotations

import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from authority import Authority, Issuer, credentials, jwt_settings
from oversight.v1 import decision_service_pb2_grpc
from oversight_client import AdminClient, Client, TlsOptions
from oversight_client.errors import CallError
from rpc.access_fakes import bearing
from servers import ServerProcess, a_request, started, wait_until

COMMAND = str(Path(sys.executable).with_name("oversight"))


def oversight(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command with *variables* and nobody's settings."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LOGNAME": "tester", **variables}
    program = [COMMAND, *map(str, words)]
    return subprocess.run(program, check=False, capture_output=True, text=True, env=environment, timeout=60)


def create(server: ServerProcess, name: str, *roles: str) -> str:
    """Make a token with the command and return it."""
    words = [word for role in roles for word in ("--role", role)]
    made = oversight("token", "create", name, *words, "--data-dir", server.data_dir)
    assert 0 == made.returncode, made.stderr
    return made.stdout.strip()


def answer(server: ServerProcess, token: str = "", shown: grpc.ChannelCredentials | None = None) -> str:
    """Return the status of a Decide on a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    opened = (
        grpc.secure_channel(server.target, shown, options) if shown else grpc.insecure_channel(server.target, options)
    )
    with opened as channel:
        stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
        metadata = bearing(token) if token else None
        try:
            stub.Decide(a_request(), timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def answers(server: ServerProcess, token: str = "", shown: grpc.ChannelCredentials | None = None) -> set[str]:
    """Return what several calls get: of two workers each is asked."""
    return {answer(server, token, shown) for _ in range(6)}


def everything_written(server: ServerProcess) -> bytes:
    """Return whatever the server left: its logs, and every file of its data folder."""
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in [server.log, server.out, *files])


def test_tokens_come_and_go_while_the_server_runs(tmp_path: Path) -> None:
    """The first one closes the server, a revocation is in force within a second, and no secret is left anywhere."""
    with started(tmp_path, workers=2) as server:
        assert "OK" == answer(server)
        token = create(server, "gateway", "decide")
        wait_until(lambda: answers(server) == {"UNAUTHENTICATED"}, "callers without a token to be refused")
        wait_until(lambda: "OK" == answer(server, token), "the token to be taken")
        reader = create(server, "reader", "read")
        with AdminClient(server.admin_target, token=reader, timeout_s=30) as admin:
            wait_until(lambda: is_listed(admin), "the admin port to list the decisions")
            callers = {record.caller for record in admin.iterate_records()}
        with AdminClient(server.admin_target, token=token) as admin, pytest.raises(CallError, match="role read"):
            admin.list_records()

        revoked = oversight("token", "revoke", "gateway", "--data-dir", server.data_dir)
        assert 0 == revoked.returncode, revoked.stderr
        wait_until(lambda: answers(server, token) == {"UNAUTHENTICATED"}, "the token to be refused")
        listed = oversight("token", "list", "--json", "--data-dir", server.data_dir)
        server.terminate()

        assert {"local", "gateway"} == callers
        states = [(row["name"], row["state"]) for row in json.loads(listed.stdout)["tokens"]]
        assert [("gateway", "revoked"), ("reader", "in force")] == states
        written = everything_written(server)
        assert token.encode() not in written
        assert reader.encode() not in written


def test_a_database_that_is_gone_opens_nothing(tmp_path: Path) -> None:
    """Moved away by mistake, while the server runs and before its next start: whoever was known is known."""
    with started(tmp_path, workers=1) as server:
        token = create(server, "gateway", "decide")
        wait_until(lambda: answers(server) == {"UNAUTHENTICATED"}, "callers without a token to be refused")
        (server.data_dir / "control.db").rename(tmp_path / "away.db")
        wait_until(lambda: any("control.db is gone" in one for one in server.status().alarms), "the alarm")
        assert ({"UNAUTHENTICATED"}, "OK") == (answers(server), answer(server, token))
        server.terminate()
    with started(tmp_path, workers=1) as server:
        assert ({"UNAUTHENTICATED"}, "OK") == (answers(server), answer(server, token))
        assert any("the store has no tokens, although some were made" in one for one in server.status().alarms)
        server.terminate()
        for left in server.data_dir.glob("control.db*"):
            left.unlink()
        (tmp_path / "away.db").rename(server.data_dir / "control.db")
    with started(tmp_path, workers=1) as server:
        assert ({"UNAUTHENTICATED"}, "OK") == (answers(server), answer(server, token))
        assert () == server.status().alarms


def test_a_server_that_never_saw_its_store_lets_nobody_in(tmp_path: Path) -> None:
    """It may have tokens: a new replica that starts while the database is down is no open door."""
    with started(tmp_path, workers=1, store="postgresql://nobody@127.0.0.1:1/none") as server:
        assert {"UNAUTHENTICATED"} == answers(server)
        assert "every call needs credentials: the store has not said yet" in server.out.read_text()


def is_listed(admin: AdminClient) -> bool:
    """Return whether the gateway's decision is in the store; the token may not be taken yet."""
    try:
        return any(record.caller == "gateway" for record in admin.iterate_records())
    except CallError:
        return False


def test_the_command_shows_its_token_and_certificates(tmp_path: Path) -> None:
    """Everything at once: TLS, required certificates, roles from a file and from a token; both ports."""
    authority = Authority()
    files = authority.write_server(tmp_path)
    certificate, key = authority.issue("person")
    (tmp_path / "own.pem").write_bytes(certificate)
    (tmp_path / "own.key").write_bytes(key)
    (tmp_path / "roles.yaml").write_text("callers: [{identity: 'cn:person', roles: [read]}]")
    given = {"tls_client_ca_file": tmp_path / "ca.pem", "certificate_roles_file": tmp_path / "roles.yaml", **files}
    with started(tmp_path, None, **given) as server:
        (tmp_path / "token").write_text(create(server, "gateway", "decide"))
        target, admin = ("--target", server.target), ("--admin", server.admin_target)
        tls = (
            "--ca-file",
            tmp_path / "ca.pem",
            "--cert-file",
            tmp_path / "own.pem",
            "--key-file",
            tmp_path / "own.key",
        )
        decide = ("decide", "--intent", "order_status", *target, *tls)
        wait_until(
            lambda: 0 == oversight(*decide, "--token-file", tmp_path / "token").returncode, "the token to be taken"
        )
        by_variable = oversight(*decide, OVERSIGHT_TOKEN=(tmp_path / "token").read_text())
        by_certificate = oversight("records", *admin, *tls)
        refused = oversight(*decide, "--json")
        without = oversight("decide", "--intent", "x", *target, "--timeout", "1", "--ca-file", tmp_path / "ca.pem")
        load = ("load", "--rate", "20", "--duration", "1s", "--warmup", "0s", *target, *tls)
        loaded = oversight(*load, "--token-file", tmp_path / "token")

    assert (0, 0) == (by_variable.returncode, by_certificate.returncode), by_variable.stderr + by_certificate.stderr
    assert "PERMISSION_DENIED" == json.loads(refused.stdout)["error"]["reason"]
    assert (1, 1) == (refused.returncode, without.returncode)
    assert 0 == loaded.returncode, loaded.stdout + loaded.stderr


def test_certificates_and_roles_are_replaced_without_a_restart(tmp_path: Path) -> None:
    """A certificate of the old authority opens no new connection; a caller is taken off by a line in a file."""
    old, new = Authority("old"), Authority("new")
    files = old.write_server(tmp_path)
    roles = tmp_path / "roles.yaml"
    roles.write_text("callers: [{identity: 'cn:gateway', roles: [decide]}]")
    given = {"tls_client_ca_file": tmp_path / "ca.pem", "certificate_roles_file": roles, **files}
    of_old, of_new = (credentials(authority, authority.issue("gateway")) for authority in (old, new))
    with started(tmp_path, None, workers=2, **given) as server:
        assert ("OK", "UNAVAILABLE") == (answer(server, shown=of_old), answer(server, shown=of_new))
        new.write_server(tmp_path)
        wait_until(lambda: answers(server, shown=of_new) == {"OK"}, "the new files to be in force")
        wait_until(lambda: "UNAVAILABLE" == answer(server, shown=of_old), "the old authority to be refused")
        (tmp_path / "roles.new").write_text("callers: [{identity: 'cn:gateway', roles: [read]}]")
        (tmp_path / "roles.new").rename(roles)
        wait_until(lambda: "PERMISSION_DENIED" == answer(server, shown=of_new), "the role to be gone")

        roles.write_text("callers: [{")
        wait_until(lambda: any("certificate_roles_file" in one for one in server.status().alarms), "the alarm")
        create(server, "another", "decide")
        before = server.worker_pid()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: before != server.worker_pid(), "the worker to be back")
        assert {"PERMISSION_DENIED"} == answers(server, shown=of_new), "by the last good file"
        assert any("certificate_roles_file" in one for one in server.status().alarms), "whatever token was made"


@contextmanager
def served_keys(folder: Path, authority: Authority, content: dict[str, bytes]) -> Iterator[str]:
    """Serve *content*'s `jwks` by https; yield the URL. It counts in `asked`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content["asked"] = content.get("asked", b"") + b"."
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content["jwks"])

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    certificate, key = authority.issue("issuer")
    (folder / "issuer.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.pem")
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{site.server_port}/keys"
    site.shutdown()
    thread.join()
    site.server_close()


def test_the_issuers_new_keys_are_fetched_when_a_token_names_one(tmp_path: Path) -> None:
    """Rotation needs nobody here; tokens of the key that was withdrawn are refused with it."""
    authority = Authority()
    (tmp_path / "trusted.pem").write_bytes(authority.ca_pem)
    old, new = Issuer("first"), Issuer("second")
    content = {"jwks": old.jwks}
    with (
        served_keys(tmp_path, authority, content) as url,
        started(tmp_path, {"SSL_CERT_FILE": str(tmp_path / "trusted.pem")}, **jwt_settings(url)) as server,
    ):
        earlier = old.token("first")
        wait_until(lambda: "OK" == answer(server, earlier), "the token to be taken")
        assert "UNAUTHENTICATED" == answer(server)
        content["jwks"] = new.jwks
        wait_until(lambda: "OK" == answer(server, new.token("second")), "the new key to be known")
        assert "UNAUTHENTICATED" == answer(server, earlier)
        assert len(content["asked"]) <= 4
        server.terminate()
        written = everything_written(server)
    assert earlier.encode() not in written


def test_a_file_of_keys_is_read_when_it_is_replaced(tmp_path: Path) -> None:
    """As mounted secrets are."""
    keys = tmp_path / "keys.json"
    keys.write_bytes(Issuer("first").jwks)
    new = Issuer("second")
    with started(tmp_path, **jwt_settings(keys)) as server:
        assert "UNAUTHENTICATED" == answer(server, new.token("second"))
        (tmp_path / "keys.new").write_bytes(new.jwks)
        (tmp_path / "keys.new").rename(keys)
        wait_until(lambda: "OK" == answer(server, new.token("second")), "the new key to be known")


def test_the_client_reads_its_token_file_again(tmp_path: Path) -> None:
    """A token is renewed under a client that runs for months."""
    file = tmp_path / "token"
    with started(tmp_path) as server:
        file.write_text(create(server, "first", "decide"))
        with Client(server.target, token_file=file, timeout_s=30, on_unavailable="raise") as client:
            wait_until(lambda: client.decide().recorded, "the first token to be taken")
            second = create(server, "second", "decide")
            oversight("token", "revoke", "first", "--data-dir", server.data_dir)

            def is_refused() -> bool:
                try:
                    return not client.decide().recorded
                except CallError as error:
                    return "UNAUTHENTICATED" == error.reason

            wait_until(is_refused, "the first token to be refused")
            (tmp_path / "new").write_text(second)
            (tmp_path / "new").rename(file)
            wait_until(lambda: not is_refused(), "the second token to be taken")


def test_a_server_on_all_addresses_needs_tls_and_credentials(tmp_path: Path) -> None:
    """No default lets strangers in: without TLS it does not start, and with it nobody without a token comes in."""
    plain = oversight("serve", "--listen", "0.0.0.0:0", "--data-dir", tmp_path / "plain")
    authority = Authority()
    files = authority.write_server(tmp_path)
    with started(tmp_path, None, listen="0.0.0.0:0", **files) as server:
        port = server.target.rpartition(":")[2]
        tls = TlsOptions(ca_file=tmp_path / "ca.pem")
        client = Client(f"127.0.0.1:{port}", tls=tls, timeout_s=10, on_unavailable="raise")
        with client, pytest.raises(CallError) as caught:
            client.decide()
    assert "UNAUTHENTICATED" == caught.value.reason
    assert (1, True) == (plain.returncode, "there is no TLS" in plain.stderr)
