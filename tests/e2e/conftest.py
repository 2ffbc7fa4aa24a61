"""The process as shipped, for tests of starting, failing and stopping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import ServerProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with one worker in a folder of its own, not yet started; ended when the test is over."""
    process = ServerProcess(tmp_path)
    yield process
    process.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: they start processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
