"""Starting: what a person who types the command meets first."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from oversight.app.status import read_status
from oversight.v1 import decision_pb2
from servers import ServerProcess, free_port, started


def refuse(server: ServerProcess) -> str:
    """Start a server that must not start; return what it said."""
    server.launch()
    assert 1 == server.wait()
    return server.log.read_text()


def test_a_fresh_folder_serves_decisions(server: ServerProcess) -> None:
    """One command, nothing prepared."""
    server.start()

    reply = server.decide("first")

    assert (decision_pb2.TIER_HUMAN_ON_THE_LOOP, True, "first") == (reply.tier, reply.recorded, reply.request_id)
    assert reply.decision_id == server.find(reply.decision_id).response.decision_id


def test_the_start_says_what_is_served_and_what_to_try(server: ServerProcess) -> None:
    """Nobody should have to look for the next command."""
    server.start()

    said = server.out.read_text()

    assert f"serves decisions on {server.target} with 1 worker." in said
    assert "oversight decide --intent order_status --response-confidence 0.97 --sentiment-score 0.3" in said
    assert f"oversight status --data-dir {server.data_dir}" in said
    assert "README.md" in said


def test_the_data_folder_is_closed_to_others(server: ServerProcess) -> None:
    """Keys, records and code that workers load are in it."""
    server.start()
    server.decide()

    private = [server.data_dir, *(server.data_dir / name for name in ("keys", "run", "journal", "snapshots"))]
    assert {0o700} == {stat.S_IMODE(folder.stat().st_mode) for folder in private}
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}


def test_every_worker_decides_by_the_same_rules(tmp_path: Path) -> None:
    """Two workers, one policy."""
    with started(tmp_path, workers=2) as server:
        status = server.status()

    assert 2 == len(status.workers)
    assert ("serving", True) == (status.state, status.agreed)
    assert status.controller is not None
    assert status.controller.digest == status.digest


def test_a_second_server_on_the_same_folder_names_the_first(server: ServerProcess, tmp_path: Path) -> None:
    """Two writers of one folder would spoil each other's journals."""
    server.start()
    second = ServerProcess(tmp_path)
    second.log = tmp_path / "second.log"

    said = refuse(second)

    assert f"is in use by the server with pid {server.pid} that listens on {server.target}" in said
    assert "--data-dir (OVERSIGHT_DATA_DIR)" in said
    assert server.decide().recorded, "the first goes on"


@pytest.mark.parametrize("setting", ["listen", "admin_listen"])
def test_a_taken_port_is_said_in_words(tmp_path: Path, setting: str) -> None:
    """SO_REUSEPORT alone would share the port without a word."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"

        said = refuse(ServerProcess(tmp_path, **{setting: address}))  # type: ignore[arg-type]  # neither is workers

    flag = f"--{setting.replace('_', '-')} (OVERSIGHT_{setting.upper()})"
    assert f"{address} is taken by another program; choose another with {flag}" in said


def test_an_address_beyond_loopback_is_refused_unless_insecure_is_said(tmp_path: Path) -> None:
    """There is no authentication yet; nobody must open it by accident."""
    said = refuse(ServerProcess(tmp_path, listen=f"0.0.0.0:{free_port()}"))

    assert "--insecure (OVERSIGHT_INSECURE=true)" in said
    assert "TLS" in said


def test_rules_that_do_not_compile_and_no_earlier_ones_end_the_start(server: ServerProcess) -> None:
    """Better no server than one without rules; every error is shown."""
    (server.policy / "contact_centre.yaml").write_text("policy: contact_centre\nrulez: []\n", encoding="utf-8")

    said = refuse(server)

    assert "contact_centre.yaml:2" in said
    assert "the controller ended while starting" in said
    assert "stopped" == read_status(server.data_dir).state


def test_a_key_file_that_others_can_read_ends_the_start(server: ServerProcess) -> None:
    """Whoever has the key can tell which messages are audited."""
    server.start()
    server.terminate()
    (server.data_dir / "keys" / "id.key").chmod(0o644)

    said = refuse(server)

    assert "chmod 600" in said


def test_ids_survive_a_restart(server: ServerProcess) -> None:
    """The same request, decided alike, has the same id, also tomorrow."""
    before = server.start().decide("same").decision_id
    assert 0 == server.terminate()

    assert before == server.start().decide("same").decision_id
