"""One keeper of all those on a database does what has to be done once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from oversight.storage.postgresql_election import PostgresqlElection
from places import PostgresPlace
from postgres import PostgresServer
from servers import wait_until


@pytest.fixture
def elections(postgres_url: str) -> Iterator[tuple[PostgresqlElection, PostgresqlElection]]:
    """Yield what two keepers ask."""
    made = [PostgresqlElection(make_url(postgres_url), connect_timeout_s=2) for _ in range(2)]
    yield made[0], made[1]
    for election in made:
        election.close()


def test_one_is_elected_until_it_goes(elections: tuple[PostgresqlElection, PostgresqlElection]) -> None:
    """Two that do the same work do it for nothing; none that does it is worse."""
    one, other = elections
    assert [True, False, True, False] == [one.is_elected(), other.is_elected(), one.is_elected(), other.is_elected()]

    one.close()

    assert not one.is_elected(), "who goes does not come back, also where the lock is free"
    wait_until(other.is_elected, "the other one to be elected")
    assert not one.is_elected()


def test_whose_session_was_ended_is_elected_no_longer(
    postgres_url: str, elections: tuple[PostgresqlElection, PostgresqlElection]
) -> None:
    """The server ends it as it does when a process dies, or the network between them."""
    one, other = elections
    assert (True, False) == (one.is_elected(), other.is_elected())

    PostgresPlace(postgres_url).ask(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )

    wait_until(other.is_elected, "the other one to be elected")
    assert not one.is_elected()
    assert not one.is_elected(), "it asks again, and the lock is the other one's"


def test_without_the_server_nobody_is_elected_and_somebody_is_when_it_is_back(postgres_programs: None) -> None:
    """Who cannot ask must not believe that it is the one."""
    with PostgresServer() as server:
        election = PostgresqlElection(make_url(server.create_database()), connect_timeout_s=2)
        assert election.is_elected()
        server.kill()
        assert [False, False] == [election.is_elected(), election.is_elected()]

        server.start()

        wait_until(election.is_elected, "it to be elected again")
        election.close()


def test_any_number_of_threads_may_ask(elections: tuple[PostgresqlElection, PostgresqlElection]) -> None:
    """The feed and the watch over warnings ask the same one."""
    one, _ = elections
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(one.is_elected())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] * 8 == answers
