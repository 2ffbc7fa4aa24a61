"""Servers for the tests of the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from builders import a_snapshot
from oversight.engine.snapshot import Snapshot
from serving import Serving


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Return a function that starts a server; all of them stop with the test."""
    started: list[Serving] = []

    def start(snapshot: Snapshot | None = None, **settings: Any) -> Serving:
        started.append(Serving(snapshot or a_snapshot(), **settings))
        return started[-1]

    yield start
    for serving in started:
        serving.close()


@pytest.fixture
def serving(serve: Callable[..., Serving]) -> Serving:
    """Return a server of the small default policy."""
    return serve()
