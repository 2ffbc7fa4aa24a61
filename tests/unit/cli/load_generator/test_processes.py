"""The same work in several processes."""

import os
import time

import pytest

from oversight.cli.failures import CommandError
from oversight.cli.load_generator.processes import run_in_processes
from unit.cli.load_generator.work_of_processes import die, fail, say_nothing, say_who


def test_one_process_is_this_one():
    """No second interpreter is started for nothing."""
    ((number, pid, _),) = run_in_processes(say_who, 1, timeout_s=10)
    assert (0, os.getpid()) == (number, pid)


def test_several_processes_begin_at_the_same_moment():
    """Shares of one load that began one after the other would be a ramp."""
    first, second = run_in_processes(say_who, 2, timeout_s=30)
    assert (0, 1) == (first[0], second[0])
    assert 3 == len({first[1], second[1], os.getpid()})
    assert first[2] == second[2]
    assert abs(time.monotonic() - first[2]) < 30


def test_a_process_that_fails_is_named_and_why():
    """Its share is missing: what the others measured is not the load that was asked for."""
    with pytest.raises(CommandError, match=r"failed: ValueError at work_of_processes.py:\d+: no such thing"):
        run_in_processes(fail, 2, timeout_s=30)


def test_a_process_that_dies_is_not_waited_for():
    """The kernel may kill it for want of memory."""
    with pytest.raises(CommandError, match="ended before it had a result"):
        run_in_processes(die, 2, timeout_s=30)


def test_a_process_that_hangs_is_given_up_and_ended():
    """Every wait has its end."""
    with pytest.raises(CommandError, match="said nothing for"):
        run_in_processes(say_nothing, 2, timeout_s=0.3)
