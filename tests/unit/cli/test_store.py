"""`oversight store`: the layout of the store, shown and changed."""

import json

import pytest

from contract.samples import a_record, an_id
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
