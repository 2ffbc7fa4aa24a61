"""What is particular to the desk; what its calls say is in tests/rpc/test_policy_service.py and _files.py."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from desks import RuleFolder
from oversight.policy_check import CheckedFiles


def test_files_are_checked_one_set_at_a_time(tmp_path: Path) -> None:
    """Each may take a processor and a gigabyte: four at once would be the end of a small machine."""
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)
    together: list[int] = []
    running: set[str] = set()

    def check(files: Mapping[str, str], default_policy: str) -> CheckedFiles:
        running.add(default_policy)
        together.append(len(running))
        entered.release()
        assert leave.acquire(timeout=10)
        running.remove(default_policy)
        return CheckedFiles("", (), (), 0)

    desk = RuleFolder(tmp_path, check).desk
    with ThreadPoolExecutor(2) as pool:
        checks = [pool.submit(desk.check, {}, name) for name in ("one", "two")]
        for _ in checks:
            assert entered.acquire(timeout=10)
            leave.release()
        assert [0, 0] == [check.result(10).count for check in checks]

    assert [1, 1] == together
