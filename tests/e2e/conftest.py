"""The process as shipped, for tests of starting, failing and stopping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.fault_table import FAULTS, FaultTable
from servers import ServerProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with one worker in a folder of its own, not yet started; ended when the test is over."""
    process = ServerProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def faults(pytestconfig: pytest.Config) -> FaultTable:
    """The table that the run ends with."""
    return pytestconfig.stash[FAULTS]


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    """How often a test injects its fault; more often in `make test-e2e`."""
    return 6 if pytestconfig.getoption("long") else 1


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """What random moments are drawn from; it stands above the table, so that a run can be repeated."""
    return int(pytestconfig.getoption("seed"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: they start processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
