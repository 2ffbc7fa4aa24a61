"""Child processes: started, started again, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oversight.app.children import Child, read_brief
from oversight.errors import StartError
from oversight.settings import Settings

SLEEPS = ("/bin/sh", "-c", "cat > /dev/null; exec sleep 60")
DIES = ("/bin/sh", "-c", "cat > /dev/null; exit 3")
ENDS_WITH_PARENT = "import sys; from oversight.app.children import end_with_parent; end_with_parent(int(sys.argv[1]))"


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Children that a test puts here are ended with it."""
    made: list[Child] = []
    yield made
    for child in made:
        child.kill()
        child.wait(5)


def a_child(children: list[Child], program: tuple[str, ...], clock: Clock | None = None) -> Child:
    """Return a child that runs *program*."""
    children.append(Child("worker-0", [], Settings(), program=program, clock=clock or Clock()))
    return children[-1]


def test_settings_come_on_standard_input_and_never_as_arguments(tmp_path: Path) -> None:
    """Every user of the machine may read arguments and, of one's own processes, the environment."""
    out = tmp_path / "out"
    script = f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read() + chr(10) + repr(sys.argv[1:]))"
    settings = Settings(listen="127.0.0.1:41000", data_dir=tmp_path, max_policy_age_s=0)
    child = Child("worker-0", ["worker", "--index", "0"], settings, program=(sys.executable, "-c", script))

    child.start()
    assert 0 == child.wait(10)

    brief, arguments = out.read_text().splitlines()
    assert (os.getpid(), settings, 0) == read_brief(brief.encode())
    assert "['worker', '--index', '0']" == arguments


def test_a_child_that_died_is_started_again_at_once(children: list[Child]) -> None:
    """The first death may be a chance."""
    child = a_child(children, SLEEPS)
    child.start()
    assert not child.keep_alive()
    before = child.pid
    child.kill()
    child.wait(5)

    assert child.keep_alive()

    assert (1, None) == (child.restarts, child.exit_code())
    assert before != child.pid


def test_a_child_that_keeps_dying_waits_longer_each_time_and_never_too_long(children: list[Child]) -> None:
    """A worker that cannot start must not keep a CPU busy; one that can again must not wait for hours."""
    clock = Clock()
    child = a_child(children, DIES, clock)
    child.start()
    delays = []
    for _ in range(10):
        assert 3 == child.wait(10)
        began_s = clock.now_s
        while not child.keep_alive():
            assert child.due_in_s is not None
            clock.now_s += child.due_in_s
        delays.append(clock.now_s - began_s)

    assert [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0] == delays
    assert 10 == child.restarts


def test_a_child_that_lived_well_is_started_at_once_again(children: list[Child]) -> None:
    """Once a day is not the same as once a second."""
    clock = Clock()
    child = a_child(children, DIES, clock)
    child.start()
    for _ in range(5):
        assert 3 == child.wait(10)
        clock.now_s += 5.0
        assert child.keep_alive(), "no delay"


def test_a_child_that_is_to_stop_gets_sigterm(children: list[Child]) -> None:
    """It can finish its calls."""
    child = a_child(children, SLEEPS)
    child.start()
    assert child.wait(0.0) is None

    child.terminate()

    assert -signal.SIGTERM == child.wait(10)
    assert -signal.SIGTERM == child.exit_code()
    child.terminate()
    child.kill()


def test_a_restart_that_was_asked_for_is_no_death(children: list[Child], caplog: pytest.LogCaptureFixture) -> None:
    """Nobody should look into the log for why it died."""
    child = a_child(children, SLEEPS)
    child.start()
    before = child.pid

    child.restart()
    assert -signal.SIGUSR1 == child.wait(10)

    assert child.keep_alive()
    assert (0, None, []) == (child.restarts, child.exit_code(), caplog.messages)
    assert before != child.pid
    child.kill()
    child.wait(5)
    assert child.keep_alive()
    assert 1 == child.restarts, "the next time it is one"


def test_a_successor_is_of_the_next_generation(tmp_path: Path) -> None:
    """It is told, so that the two of them agree on who is the worker now."""
    program = ("/bin/sh", "-c", f"cat >> {tmp_path / 'briefs'}; echo >> {tmp_path / 'briefs'}")
    child = Child("worker-0", [], Settings(), program=program)
    for one in (child, child.successor(), child.successor().successor()):
        one.start()
        assert 0 == one.wait(10)

    briefs = (tmp_path / "briefs").read_bytes().splitlines()
    assert [0, 1, 2] == [read_brief(brief).generation for brief in briefs]


def test_a_successor_is_another_process_of_the_same_name(children: list[Child]) -> None:
    """It does the same work and goes on counting."""
    child = a_child(children, SLEEPS)
    child.start()
    child.kill()
    child.wait(5)
    child.keep_alive()

    children.append(child.successor())
    assert (0, 1, "worker-0") == (children[-1].pid, children[-1].restarts, children[-1].name)
    children[-1].start()

    assert (None, None) == (child.exit_code(), children[-1].exit_code())
    assert child.pid != children[-1].pid


def test_a_child_that_was_never_started_is_no_trouble() -> None:
    """A stop in the middle of a start meets such children."""
    child = Child("worker-0", [], Settings())

    child.terminate()
    child.kill()

    assert (0, 0, 0, None) == (child.pid, child.exit_code(), child.wait(0), child.due_in_s)


def test_a_program_that_cannot_run_is_said_at_the_start(children: list[Child]) -> None:
    """No interpreter, no memory: the operator reads it in words."""
    child = a_child(children, ("/no/such/program",))

    with pytest.raises(StartError, match=r"the worker-0 cannot be started: .*No such file"):
        child.start()


def test_a_restart_that_the_system_refuses_is_tried_again(children: list[Child], tmp_path: Path) -> None:
    """A machine that is out of processes for a minute must not cost a worker for good."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ncat > /dev/null\nexit 3\n")
    program.chmod(0o700)
    clock = Clock()
    child = a_child(children, (str(program),), clock)
    child.start()
    assert 3 == child.wait(10)
    program.rename(tmp_path / "away")

    assert not child.keep_alive()
    assert 15.0 == child.due_in_s
    (tmp_path / "away").rename(program)
    clock.now_s += 15.0

    assert child.keep_alive()


def test_a_child_whose_parent_is_already_gone_does_not_start() -> None:
    """It may die between the start of a child and the child's word to the kernel."""
    with subprocess.Popen([sys.executable, "-c", ENDS_WITH_PARENT, "1"], stderr=subprocess.PIPE) as process:
        _, said = process.communicate(timeout=30)

    assert b"StartError: the process that started this one is gone" in said
    assert 1 == process.returncode


def test_a_child_goes_on_with_its_own_parent() -> None:
    """The other half of the check."""
    command = [sys.executable, "-c", ENDS_WITH_PARENT, str(os.getpid())]

    assert 0 == subprocess.run(command, check=False, timeout=30).returncode


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", json.dumps({"parent": 1, "settings": {"no": 1}}).encode()])
def test_a_child_without_settings_says_what_to_run_instead(text: bytes) -> None:
    """Somebody may start the module by hand."""
    with pytest.raises(
        StartError, match="no usable settings came on standard input; `oversight serve` starts a server"
    ):
        read_brief(text)
