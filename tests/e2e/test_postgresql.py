"""The server as shipped with its records in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from oversight.storage.migration import migrate
from oversight.storage.open import open_database
from oversight.storage.schema import REVISION
from places import PostgresPlace
from postgres import PASSWORD, PostgresServer
from servers import ServerProcess, wait_until


@pytest.fixture
def place(postgres_url: str) -> PostgresPlace:
    """Return an empty database of the run's server."""
    return PostgresPlace(postgres_url)


@pytest.fixture
def own_server(postgres_programs: None) -> Iterator[PostgresServer]:
    """Yield a server that the test may stop."""
    with PostgresServer() as server:
        yield server


def a_server(folder: Path, url: str, **settings: Any) -> ServerProcess:
    """Return a server with its store at *url*; the password of that is in a file."""
    word = folder / "password"
    word.write_text(PASSWORD)
    word.chmod(0o600)
    return ServerProcess(folder, store=without_password(url), store_password_file=word, **settings)


def without_password(url: str) -> str:
    return url.replace(f":{PASSWORD}", "")


def ids(place: PostgresPlace) -> set[str]:
    if place.ask("SELECT to_regclass('decisions')") == [(None,)]:
        return set()
    return {decision_id for (decision_id,) in place.ask("SELECT decision_id FROM decisions")}


def test_records_arrive_in_the_database_that_is_set(tmp_path: Path, place: PostgresPlace) -> None:
    """Each once, under this replica's own name, and nothing is left in the data folder."""
    with a_server(tmp_path, place.url) as server:
        replied = {server.decide(f"r-{number}").decision_id for number in range(50)}
        first = min(replied)
        wait_until(lambda: ids(place) == replied, "the records to arrive")
        assert first == server.find(first).response.decision_id
        assert 0 == server.terminate()

    writer = (tmp_path / "data" / "writer").read_text().strip()
    assert [(50, writer)] == place.ask("SELECT chain_seq, writer FROM chain_heads WHERE chain = 'decisions'")
    assert not (tmp_path / "data" / "records.db").exists()
    with a_server(tmp_path, place.url) as again:
        replied.add(again.decide("r-50").decision_id)
        wait_until(lambda: ids(place) == replied, "the record after a restart")
    assert [(51, writer)] == place.ask("SELECT chain_seq, writer FROM chain_heads WHERE chain = 'decisions'")


def test_the_password_is_nowhere_but_where_it_was_given(tmp_path: Path, own_server: PostgresServer) -> None:
    """Not in arguments, files, logs or what the server says, also when the database fails."""
    server = ServerProcess(tmp_path, store=own_server.create_database(), log_level="debug")
    with server:
        server.decide("r-1")
        processes = [server.pid, *server.child_pids()]
        arguments = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes)
        own_server.stop()
        server.decide("r-2")
        problem = wait_until(lambda: [one for one in server.status().alarms if "store" in one], "an alarm")
        server.terminate()

    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "connection to server at" in str(problem)
    assert PASSWORD.encode() not in arguments + written
    assert PASSWORD not in str(problem)


def test_what_a_stopped_database_could_not_take_it_takes_when_it_is_back(
    tmp_path: Path, own_server: PostgresServer
) -> None:
    """Deciding goes on without it, and starting too (P3), once a server has seen it: it knows then who may call."""
    place = PostgresPlace(own_server.create_database())
    with a_server(tmp_path, place.url) as server:
        server.terminate()
        own_server.stop()
        server.start()
        replied = {server.decide(f"r-{number}").decision_id for number in range(20)}
        own_server.start()
        wait_until(lambda: ids(place) == replied, "the records of before")
        for how in (own_server.stop, own_server.kill):
            how()
            replied.update(server.decide(f"{how.__name__}-{number}").decision_id for number in range(20))
            own_server.start()
            wait_until(lambda: len(ids(place)) == len(replied), "the records of meanwhile")
        assert ids(place) == replied
        assert 0 == server.status().lost
    assert [(60, 60)] == place.ask("SELECT count(*), max(chain_seq) FROM decisions")


def test_a_server_migrates_where_it_is_told_to_and_refuses_where_not(tmp_path: Path, place: PostgresPlace) -> None:
    """A database is not changed because somebody started the wrong version."""
    database = open_database(place.url, read_only=False)
    migrate(database, "0001")
    server = a_server(tmp_path, place.url)
    server.launch()
    try:
        assert 1 == server.wait()
    finally:
        server.kill()
    # Of the controller or the keeper, whichever was first to find out.
    assert (
        f": the database has revision 0001, this server needs {REVISION}: run `oversight store migrate`"
        in server.log.read_text()
    )
    assert [("0001",)] == place.ask("SELECT version_num FROM alembic_version")

    with a_server(tmp_path, place.url, migrate=True) as willing:
        assert willing.decide("r").recorded

    assert [(REVISION,)] == place.ask("SELECT version_num FROM alembic_version")
    database.engine.dispose()


def test_two_replicas_share_a_database(tmp_path: Path, place: PostgresPlace) -> None:
    """Started at the same moment on an empty one; each writes its own chain."""
    folders = [tmp_path / "a", tmp_path / "b"]
    servers = []
    for folder in folders:
        folder.mkdir()
        servers.append(a_server(folder, place.url))
    try:
        with ThreadPoolExecutor(len(servers)) as threads:
            list(threads.map(ServerProcess.start, servers))
        replied = {server.decide(f"r-{number}").decision_id for server in servers for number in range(20)}
        wait_until(lambda: ids(place) == replied, "the records of both")
    finally:
        for server in servers:
            server.kill()

    rows = place.ask("SELECT writer, count(*), min(chain_seq), max(chain_seq) FROM decisions GROUP BY writer")
    assert [(20, 1, 20)] * 2 == [tuple(row[1:]) for row in rows]
