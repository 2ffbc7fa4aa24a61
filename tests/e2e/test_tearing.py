"""A change never tears: no decision is made with half of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from e2e.control import administrator
from pairs import Caller, a_pair, first_seen_s, write_pair_policy
from servers import started, wait_until

pytestmark = pytest.mark.e2e
CALLERS = 6
CHANGES = 40


def test_no_decision_is_made_with_half_of_a_change(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Two thresholds that belong together are changed together, on several workers, while they decide."""
    changes = CHANGES * (5 if request.config.getoption("--long") else 1)
    write_pair_policy(tmp_path / "policy")
    with started(tmp_path, workers=2) as server, administrator(server.data_dir) as admin:
        admin.do(a_pair(0))
        wait_until(lambda: server.decide().threshold_revision == 1, "the first pair to be in force")
        stop = threading.Event()
        callers = [Caller(server.target, stop) for _ in range(CALLERS)]
        try:
            for number in range(1, changes + 1):
                admin.do(a_pair(number))
                if number % 4 == 0:
                    revision = number + 1
                    wait_until(lambda: first_seen_s(callers, revision), f"revision {revision} everywhere")  # noqa: B023 - used up at once
        finally:
            stop.set()
            for caller in callers:
                caller.join()

    assert 0 == sum(caller.torn for caller in callers)
    assert changes < sum(caller.replies for caller in callers)
    assert all(caller.revision == changes + 1 for caller in callers)
