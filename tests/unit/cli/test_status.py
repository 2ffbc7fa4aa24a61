"""`oversight status`, from files that a server leaves."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, WorkerReport, write_report

DIGEST = "d" * 64


@pytest.fixture
def process():
    """A process that looks like one of the server's."""
    waits = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", waits, "oversight"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        # Its name is known to the system only once it runs.
        child.stdout.readline()
        yield child
        child.stdin.close()


@pytest.fixture
def reports(tmp_path, process):
    """The reports of a server that is well, and a way to write them."""
    now_us = time.time_ns() // 1_000
    run = tmp_path / "run"
    run.mkdir()
    pid = process.pid
    well: dict[str, Any] = {
        "supervisor": SupervisorReport(pid, "127.0.0.1:1", "127.0.0.1:2", now_us, 1, {"worker-0": 2}),
        "controller": ControllerReport(pid, now_us, now_us, DIGEST, "c0ffee-dirty", now_us, now_us, now_us),
        "keeper": KeeperReport(pid, now_us, now_us, pending_records=7, oldest_us=now_us, counted_at_us=now_us),
        "worker": WorkerReport(0, pid, now_us, now_us, 0, DIGEST, "c0ffee-dirty", now_us, 0, 1, {}),
    }

    def write(**changes):
        for name, report in well.items():
            write_report(run, replace(report, **changes.get(name, {})))
        return tmp_path

    return write


def test_a_server_that_is_well_is_one_screen_and_exit_code_0(run, reports):
    """At 3 a.m. the first word must be the answer."""
    result = run("status", "--data-dir", reports())
    lines = result.stdout.splitlines()
    assert 0 == result.exit_code
    assert lines[0].startswith("SERVING")
    assert len(lines) < 25
    for words in (
        "listening   127.0.0.1:1\n",
        "admin port  127.0.0.1:2\n",
        "worker-0 2",
        "digest dddddddddddd, commit c0ffee-dirty",
        "7 records",
    ):
        assert words in result.stdout


def test_one_on_standby_and_a_rolling_restart_are_said(run, reports):
    """Who sees more processes than expected must find out why."""
    said = run("status", "--data-dir", reports(supervisor={"standby": True, "rolling": True})).stdout
    assert "workers     1 and one on standby\n" in said
    assert "restarts    worker-0 2; a rolling restart is under way\n" in said


def test_outcomes_that_wait_are_said_where_there_are_any(run, reports):
    """They count nowhere yet; most days there is no such line."""
    assert "wait for" not in run("status", "--data-dir", reports()).stdout
    result = run("status", "--data-dir", reports(keeper={"waiting_outcomes": 12, "expired_outcomes": 3}))
    assert 0 == result.exit_code
    assert "12 wait for a decision that is not in the store, 3 for longer than records are kept" in result.stdout


def test_a_count_that_is_old_or_was_never_made_is_said(run, reports):
    """The number would pass for today's."""
    assert "counted" not in run("status", "--data-dir", reports()).stdout
    old = time.time_ns() // 1_000 - 90_000_000
    said = run("status", "--data-dir", reports(keeper={"counted_at_us": old})).stdout
    assert "7 records, 0 bytes not in the store yet, the oldest 0 s old (counted 90 s ago)\n" in said
    assert "pending     not counted yet\n" in run("status", "--data-dir", reports(keeper={"counted_at_us": 0})).stdout


def test_the_same_facts_are_one_json_object(run, reports):
    """For whatever watches many servers."""
    status = json.loads(run("status", "--data-dir", reports(), "--json").stdout)
    assert ("serving", DIGEST, 7, 0) == tuple(status[key] for key in ("state", "digest", "pending_records", "lost"))
    assert [] == status["alarms"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"controller": {"problems": ("a.yaml:2:3: bad",), "warnings": ("mind this",)}}, "a.yaml:2:3: bad"),
        ({"worker": {"records_lost": 3}}, "3 records could not be written"),
        ({"controller": {"admin_problem": "it is taken"}}, "nothing is served on the admin port: it is taken"),
        ({"worker": {"problem": "the disk is full"}}, "the disk is full"),
        ({"worker": {"at_us": 1}}, "has said nothing"),
        ({"worker": {"pid": 2**22 + 1}}, "is not running"),
    ],
)
def test_whatever_is_wrong_is_exit_code_1_and_said(run, reports, changes, said):
    """A probe sees the code, a person the sentence."""
    result = run("status", "--data-dir", reports(**changes))
    assert 1 == result.exit_code
    assert "IMPAIRED" in result.stdout
    assert said in result.stdout


def test_where_nothing_ever_ran_the_command_says_what_to_do(run, tmp_path):
    """Zeros would look like a quiet server."""
    result = run("status", "--data-dir", tmp_path)
    assert 1 == result.exit_code
    assert result.stdout.startswith("STOPPED")
    assert "start one with `oversight serve`" in result.stdout
    assert "decisions" not in result.stdout


def test_the_folder_is_the_servers_own_setting(run, reports):
    """Who set the variable for serve need not repeat it."""
    assert 0 == run("status", env={"OVERSIGHT_DATA_DIR": str(reports())}).exit_code


def test_workers_that_differ_are_told_apart(run, reports, tmp_path):
    """Two answers to one question, depending on the connection."""
    folder = reports()
    first = json.loads((tmp_path / "run" / "worker-0.0.json").read_text())
    write_report(tmp_path / "run", WorkerReport(**first | {"index": 1, "digest": "e" * 64}))
    result = run("status", "--data-dir", folder)
    assert 1 == result.exit_code
    assert "differs between workers" in result.stdout


def test_live_values_and_stops_are_listed(run, reports):
    """One screen says what is in force here, since when, and by whose word."""
    value = {
        "policy": "contact_centre",
        "name": "autonomy_confidence",
        "value": 0.97,
        "intent": None,
        "department": "bank",
        "currency": None,
        "expires_at_us": 1_800_000_000_000_000,
    }
    stop = {"department": None, "intent": None, "author": "anna", "at_us": 5, "justification": "wrong answers"}
    controller = {"values": (value,), "stops": (stop,), "local_stops": 1, "threshold_revision": 4}

    said = run("status", "--data-dir", reports(controller=controller, worker={"threshold_revision": 4})).stdout

    for words in (
        "thresholds  revision 4, 1 live, confirmed ",
        "autonomy_confidence 0.97 in contact_centre department bank until 2027-01-15T08:00:00Z",
        "stops       1 engaged, 1 more on this machine alone",
        "STOPPED everything by anna at 1970-01-01T00:00:00Z: wrong answers",
    ):
        assert words in said
