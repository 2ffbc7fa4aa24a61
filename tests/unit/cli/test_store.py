"""`oversight store`: the layout of the store, shown and changed."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from contract.control_samples import AT_US, a_setting, an_event
from contract.samples import a_record, an_id
from oversight.app.last_control import LastControl, LastControlFile
from oversight.app.store import open_control_store
from oversight.cli.commands import app
from oversight.engine.control import ControlState, fold
from oversight.settings import Settings
from oversight.storage.schema import REVISION
from oversight.storage.sql import SqlStore
from postgres import PASSWORD


@pytest.fixture
def folder(tmp_path):
    """A data folder that is not there yet."""
    return tmp_path / "data"


def test_a_store_is_made_and_shown(run, folder):
    """Before the first start, for those who may not change tables later."""
    result = run("store", "status", "--data-dir", folder)
    assert 1 == result.exit_code
    assert "none, the database is empty" in result.stdout
    assert not folder.exists()

    assert f"revision  {REVISION} (was base)" in run("store", "migrate", "--data-dir", folder).stdout

    result = run("store", "status", "--data-dir", folder, "--json")
    assert 0 == result.exit_code
    assert {"store": f"{folder}/records.db", "revision": REVISION, "needed": REVISION} == json.loads(result.stdout)
    assert 0o700 == folder.stat().st_mode & 0o777


def test_a_store_is_brought_down_and_up_again_with_its_records(run, postgres_url):
    """On PostgreSQL, whose password comes from the environment alone."""
    store = SqlStore(postgres_url, writer="replica-1")
    store.add([a_record(1)], [])
    env = {"OVERSIGHT_STORE": postgres_url}

    down = run("store", "migrate", "--to", "0001", env=env)
    assert (0, True) == (down.exit_code, f"revision  0001 (was {REVISION})" in down.stdout)
    assert 1 == run("store", "status", env=env).exit_code
    up = run("store", "migrate", "--json", env=env)
    assert ("0001", REVISION) == (json.loads(up.stdout)["before"], json.loads(up.stdout)["revision"])
    assert "nothing to do" in run("store", "migrate", env=env).stdout

    assert store.find_decision(an_id(1)) is not None
    assert PASSWORD not in down.output + up.output
    store.close()


def test_a_password_in_a_file_goes_with_a_url_on_the_command_line(run, postgres_url, tmp_path):
    """Where every user of the machine can read the URL."""
    word = tmp_path / "password"
    word.write_text(PASSWORD)
    word.chmod(0o600)
    url = postgres_url.replace(f":{PASSWORD}", "")

    result = run("store", "migrate", "--store", url, "--store-password-file", word)

    assert 0 == result.exit_code
    assert f"store     {url}" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("migrate", "--to", "0009"), 2, "there is no revision '0009' of the store; known are 0001, 0002, 0003, "),
        (("status", "--to", "0001"), 2, "--to belongs to `oversight store migrate`"),
        (("status", "--yes"), 2, "--yes belongs to `oversight store accept`"),
        (("migrate", "--yes"), 2, "--yes belongs to `oversight store accept`"),
        (("drop",), 2, "'drop'"),
        (("status", "--store", "postgresql://u:swordfish@h/d"), 2, "--store has a password in it"),
        (("status", "--store", "postgresql://u@127.0.0.1:1/d"), 1, "the store cannot be read: OperationalError"),
        (("migrate", "--store", "postgresql://u@127.0.0.1:1/d"), 1, "the store cannot be migrated: OperationalError"),
    ],
)
def test_what_cannot_be_done_is_said(run, folder, words, code, said):
    """In one line, without a password and without a traceback."""
    result = run("store", *words, "--data-dir", folder)

    assert said in result.stderr
    assert "swordfish" not in result.output
    assert "Traceback" not in result.output
    assert code == result.exit_code


@pytest.fixture
def lost(folder):
    """A data folder in which another history was in force than its store has."""
    folder.mkdir()
    state = fold(ControlState(), [an_event(settings=(a_setting(0.9),))._replace(revision=1)])
    LastControlFile(folder).keep(LastControl(state, confirmed_at_us=AT_US, newest_at_us=AT_US))
    return folder


def test_another_history_is_accepted(run, lost):
    """Asked first; afterwards there is nothing to accept any more."""
    asked = run("store", "accept", "--data-dir", lost)
    assert (2, True) == (asked.exit_code, LastControlFile(lost).is_there())
    assert "--yes is needed where nobody can be asked" in asked.stderr

    accepted = run("store", "accept", "--data-dir", lost, "--yes", "--json")
    assert {"accepted": True, "revision": 0, "revision_before": 1} == json.loads(accepted.stdout)
    assert not LastControlFile(lost).is_there()
    assert "nothing to do" in run("store", "accept", "--data-dir", lost, "--yes").stdout
    assert not (lost / "control.db").exists()


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, True), ("y\n", 0, False)])
def test_who_accepts_is_told_what_is_at_stake(lost, monkeypatch, answer, code, left):
    """It may be the wrong store."""
    monkeypatch.setattr("oversight.cli.store.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    result = CliRunner().invoke(app, ["store", "accept", "--data-dir", str(lost)], input=answer)
    assert (code, left) == (result.exit_code, LastControlFile(lost).is_there())
    said = "in force here: revision 1 with 0 stop(s) and 1 live value(s); the store's newest revision: 0"
    assert said in " ".join(result.stderr.split())


def test_a_history_that_the_store_has_needs_no_accepting(run, folder):
    """Nothing is forgotten by it."""
    assert "nothing to do" in run("store", "accept", "--data-dir", folder, "--yes").stdout
    run("store", "migrate", "--data-dir", folder)
    store = open_control_store(Settings(data_dir=folder))
    store.append(an_event(settings=(a_setting(0.9),)), expected_revision=0)
    events = store.events_after(0)
    store.close()
    last = LastControlFile(folder)
    last.keep(LastControl(fold(ControlState(), events), confirmed_at_us=AT_US, newest_at_us=events[0].at_us))

    assert "nothing to do" in run("store", "accept", "--data-dir", folder, "--yes").stdout
    assert last.is_there()
