"""The process as shipped, for tests of starting, failing and stopping; and the table of the faults they injected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.fault_table import FaultTable
from servers import ServerProcess

_TABLE = pytest.StashKey[FaultTable]()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with one worker in a folder of its own, not yet started; ended when the test is over."""
    process = ServerProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def faults(pytestconfig: pytest.Config) -> FaultTable:
    """The table that the run ends with."""
    return pytestconfig.stash[_TABLE]


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    """How often a test injects its fault; more often in `make test-e2e`."""
    return 6 if pytestconfig.getoption("long") else 1


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """What random moments are drawn from; it stands above the table, so that a run can be repeated."""
    return int(pytestconfig.getoption("seed"))


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty table."""
    config.stash[_TABLE] = FaultTable([], [])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: they start processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table where a fault was injected, or could not be."""
    table = config.stash[_TABLE]
    if table.rows or table.skipped:
        terminalreporter.section(f"faults injected (seed {config.getoption('seed')})")
        for line in table.lines():
            terminalreporter.write_line(line)
