"""Rules compiled apart are what they would be here."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oversight.app.compiling import compile_apart, compile_beside_callers
from oversight.app.file_check import FileCheck
from oversight.app.snapshot_file import publish_snapshot
from oversight.errors import InvalidPolicyError
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.rules.source import default_folder, read_folder
from oversight.settings import Settings
from servers import POLICY, wait_until
from unit.app.test_file_check import a_chain


def test_what_is_compiled_apart_is_what_is_compiled_here() -> None:
    """Workers, thresholds and the digest on record rest on it."""
    source = SnapshotSource(read_folder(default_folder()).files, "contact_centre", commit="c0ffee")

    blueprint, rules = compile_apart(source)

    here, rules_here = compile_source(source)
    assert assemble_source(source, here).digest == assemble_source(source, blueprint).digest
    assert rules_here == rules
    assert here == blueprint


def test_problems_come_back_with_their_places() -> None:
    """`oversight status` names file, line and what was probably meant."""
    source = SnapshotSource({"contact_centre.yaml": POLICY.format(version="1") + "rulez: []\n"}, "contact_centre")
    with pytest.raises(InvalidPolicyError) as here:
        compile_source(source)

    with pytest.raises(InvalidPolicyError) as apart:
        compile_apart(source)

    assert here.value.problems == apart.value.problems
    assert str(here.value) == str(apart.value)


def test_rules_that_workers_wait_for_are_compiled_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting another process first would make every start of a server longer."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    source = SnapshotSource({"contact_centre.yaml": POLICY.format(version="1")}, "contact_centre")

    blueprint, rules = compile_beside_callers(tmp_path, source)
    publish_snapshot(tmp_path, assemble_source(source, blueprint), blueprint, source)

    assert ["contact_centre"] == list(rules.policies)
    with pytest.raises(RuntimeError, match="compiles rules"):
        compile_beside_callers(tmp_path, source)


def test_a_process_that_ends_without_an_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory may be short; the rules in force stay."""
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(RuntimeError, match="the process that compiles rules ended with 1"):
        compile_apart(SnapshotSource({}, "contact_centre"))


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda: compile_apart(SnapshotSource(a_chain(60), "contact_centre")), id="rules of the folder"),
        pytest.param(lambda: FileCheck(Settings())(a_chain(60), ""), id="files that somebody sent"),
    ],
)
def test_it_gives_way_to_callers(work: Callable[[], object]) -> None:
    """A compilation takes seconds, and must not take them from those who decide."""
    with ThreadPoolExecutor(1) as pool:
        # Others may be there: the run's PostgreSQL is one.
        before = set(children())
        compiling = pool.submit(work)

        def priority() -> tuple[int, int] | None:
            [pid] = [one for one in children() if one not in before] or [0]
            return (os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)) if pid else None

        wait_until(lambda: priority() == (os.SCHED_IDLE, 19), "it to give way")

        assert not compiling.done()
        assert compiling.result()


def children() -> list[int]:
    """Return the processes that this one has started."""
    return [int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()]
