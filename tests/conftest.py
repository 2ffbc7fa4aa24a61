"""Options of a test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time inject faults more often."""
    parser.addoption(
        "--long", action="store_true", help="inject each fault as often as `make test-e2e` does, not just once or twice"
    )
    parser.addoption("--seed", type=int, default=20_261, help="seed of the random moments at which faults are injected")
