"""What all tests share: options of a run, the table of injected faults, and a real PostgreSQL for who asks for one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.fault_table import FAULTS, FaultTable
from places import Place, PostgresPlace, SqlitePlace
from postgres import PostgresServer, find_programs


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time inject faults more often."""
    parser.addoption(
        "--long", action="store_true", help="inject each fault as often as `make test-e2e` does, not just once or twice"
    )
    parser.addoption("--seed", type=int, default=20_261, help="seed of the random moments at which faults are injected")


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty table of the faults that are injected."""
    config.stash[FAULTS] = FaultTable([], [])
    # A shell starts what runs in the background deaf to Ctrl-C, and so would be every process that a test interrupts.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the table to the process that prints it, where tests run in several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = session.config.stash[FAULTS].to_plain()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the table of one of several processes; one that died has none."""
    if "faults" in (output := getattr(node, "workeroutput", {})):
        node.config.stash[FAULTS].take_plain(output["faults"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table where a fault was injected, or could not be."""
    table = config.stash[FAULTS]
    if table.rows or table.skipped:
        terminalreporter.section(f"faults injected (seed {config.getoption('seed')})")
        for line in table.lines():
            terminalreporter.write_line(line)


def pytest_report_header() -> str:
    """Say which PostgreSQL the tests use: they are worth what it is worth."""
    return f"PostgreSQL: {find_programs().description}"


@pytest.fixture(scope="session")
def postgres_programs() -> None:
    """Skip where no PostgreSQL can be run; fail where continuous integration must have one."""
    programs = find_programs()
    if programs.folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no PostgreSQL: {programs.description}")
        pytest.skip(f"no PostgreSQL: {programs.description}")


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: None) -> Iterator[PostgresServer]:
    """Yield the run's PostgreSQL, for tests that leave it as it is: those that stop or kill one start their own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the URL of a new, empty database, with user and password in it."""
    return postgres_server.create_database()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where an embedded database is; the name would upset a careless URI."""
    folder = tmp_path / "100% wanted? #1"
    folder.mkdir()
    return folder / "records.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, file: Path) -> Place:
    """Return an empty place for a store, of each kind; the embedded one is `file`."""
    return SqlitePlace(file) if request.param == "sqlite" else PostgresPlace(request.getfixturevalue("postgres_url"))
