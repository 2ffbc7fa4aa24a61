"""`oversight verify`, `retain` and `erase` on a store in a data folder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from contract.samples import a_record, a_request, an_outcome_record
from oversight.app.clock import now_us
from oversight.app.keys import make_keys
from oversight.settings import Settings
from oversight.storage.retention import months_before
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return a server's folder with ten old decisions and ten of now, of two customers."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    make_keys(Settings(data_dir=folder))
    store = SqlStore(file_url(folder / "records.db"), writer="local")
    now = now_us()
    times = {number: months_before(now, 14) if number <= 10 else now for number in range(1, 21)}
    store.add(
        [
            a_record(number, a_request(number, decided_at_us=time_us, subject_ref=("anna", "bob")[number % 2]))
            for number, time_us in times.items()
        ],
        [an_outcome_record(number, received_at_us=time_us) for number, time_us in times.items()],
    )
    store.close()
    return folder


def do(data_dir: Path, statement: str) -> None:
    with closing(sqlite3.connect(data_dir / "records.db")) as connection, connection:
        connection.execute(statement)


def test_a_whole_store_is_said_to_be_whole(run, data_dir):
    """The most common answer must be short, and its exit code 0."""
    result = run("verify", "--data-dir", str(data_dir))
    assert 0 == result.exit_code
    assert "WHOLE  40 records read in" in result.stdout
    assert "NOT" not in result.stdout


def test_what_is_wrong_is_named_for_people_and_for_machines(run, data_dir):
    """Number, id and what was done; exit code 1."""
    do(data_dir, "UPDATE decisions SET tier = 3 WHERE chain_seq = 4")
    do(data_dir, "DELETE FROM outcomes WHERE chain_seq BETWEEN 7 AND 9")

    shown = run("verify", "--data-dir", str(data_dir))
    told = run("verify", "--data-dir", str(data_dir), "--json")

    assert 1 == shown.exit_code == told.exit_code
    assert "NOT WHOLE  37 records read" in shown.stdout
    assert "7 to 9" in shown.stdout
    found = json.loads(told.stdout)
    assert {"altered": 1, "removed": 1} == found["counts"]
    assert ["00000000000000000000000000000004"] == found["findings"][0]["ids"]


def test_an_earlier_result_is_held_against_the_store(run, data_dir, tmp_path):
    """Only so a chain that was cut off with care is found."""
    earlier = tmp_path / "earlier.json"
    earlier.write_text(run("verify", "--data-dir", str(data_dir), "--json").stdout)
    do(data_dir, "DELETE FROM outcomes WHERE chain_seq = 20")
    do(
        data_dir,
        "UPDATE chain_heads SET chain_seq = 19,"
        " chain_hash = (SELECT chain_hash FROM outcomes WHERE chain_seq = 19) WHERE chain = 'outcomes'",
    )

    assert 0 == run("verify", "--data-dir", str(data_dir)).exit_code
    result = run("verify", "--data-dir", str(data_dir), "--against", str(earlier))
    assert 1 == result.exit_code
    assert "records that an earlier verification saw are missing" in result.stdout.replace("\n", " ")


def test_a_file_that_is_no_earlier_result_is_refused(run, data_dir, tmp_path):
    """A check against nothing would pass."""
    other = tmp_path / "other.json"
    other.write_text("{}")
    result = run("verify", "--data-dir", str(data_dir), "--against", str(other))
    assert 2 == result.exit_code
    assert "not what `oversight verify --json` prints" in result.stderr


@pytest.mark.parametrize("words", [("verify",), ("retain",), ("erase", "anna", "--yes")])
def test_a_folder_without_a_store_is_a_mistake_of_usage(run, tmp_path, words):
    """A typing error must not look like an empty store that is whole."""
    make_keys(Settings(data_dir=tmp_path))
    result = run(*words, "--data-dir", str(tmp_path))
    assert 2 == result.exit_code
    assert "there is no store at" in result.stderr
    assert not (tmp_path / "records.db").exists()


def test_what_would_go_is_shown_and_nothing_changed(run, data_dir):
    """Nobody deletes a year without looking first."""
    result = run("retain", "--dry-run", "--data-dir", str(data_dir))
    assert 0 == result.exit_code
    assert "20 records would go" in result.stdout
    told = json.loads(run("retain", "--dry-run", "--data-dir", str(data_dir), "--json").stdout)
    assert [("decisions", "acme", 10), ("outcomes", "", 10)] == [
        (one["chain"], one["tenant_id"], one["records"]) for one in told["would_remove"]
    ]
    assert "nothing would go" in run("retain", "--dry-run", "--months", "24", "--data-dir", str(data_dir)).stdout


def test_what_is_too_old_goes_and_the_store_is_whole_with_a_signed_checkpoint(run, data_dir):
    """The key is the server's own, in its data folder."""
    result = run("retain", "--data-dir", str(data_dir))
    assert 0 == result.exit_code
    assert "removed 10 decisions, 10 outcomes; recorded before" in result.stdout
    found = json.loads(run("verify", "--data-dir", str(data_dir), "--json").stdout)
    assert (True, 20) == (found["whole"], found["records"])
    assert ["signed", "signed"] == [one["checkpoint"] for one in found["chains"]]

    (data_dir / "keys" / "id.key").unlink()
    result = run("verify", "--data-dir", str(data_dir))
    assert 0 == result.exit_code
    assert "the signatures of checkpoints were not checked" in result.stdout
    result = run("retain", "--data-dir", str(data_dir))
    assert 2 == result.exit_code
    assert "there is no id key in" in result.stderr


def test_less_than_six_months_are_refused(run, data_dir):
    """The law asks for six."""
    result = run("retain", "--months", "5", "--data-dir", str(data_dir))
    assert 2 == result.exit_code
    assert "retention-months" in result.stderr
    assert "greater than or equal to 6" in result.stderr


def test_a_person_is_erased_and_the_journals_are_looked_through(run, data_dir):
    """Done is said only where it is done."""
    worker = data_dir / "journal" / "worker-0"
    worker.mkdir(parents=True)
    (worker / "000000000001-aa.journal").write_bytes(b"something about anna")
    (worker / "000000000002-bb.torn").write_bytes(b"something about anna")

    result = run("erase", "anna", "--yes", "--data-dir", str(data_dir))

    assert 1 == result.exit_code
    assert "10 personal parts erased" in result.stdout
    assert "not done yet: 1 journal files" in result.stdout
    assert "blanked what belonged to the subject in" in result.stdout
    assert bytes(20) == (worker / "000000000002-bb.torn").read_bytes()
    (worker / "000000000001-aa.journal").unlink()
    assert 0 == run("erase", "anna", "--yes", "--data-dir", str(data_dir)).exit_code
    found = json.loads(run("verify", "--data-dir", str(data_dir), "--json").stdout)
    assert (True, 10) == (found["whole"], found["erased"])


def test_of_one_tenant_nobody_else_s_are_erased(run, data_dir):
    """Pseudonyms of two companies may be the same."""
    words = ("erase", "bob", "--yes", "--data-dir", str(data_dir), "--json", "--tenant")
    assert 0 == json.loads(run(*words, "other").stdout)["parts"]
    assert 10 == json.loads(run(*words, "acme").stdout)["parts"]


def test_nothing_is_erased_where_nobody_can_be_asked(run, data_dir):
    """A script must say that it means it."""
    result = run("erase", "anna", "--data-dir", str(data_dir))
    assert 2 == result.exit_code
    assert "--yes is needed" in result.stderr
    assert 0 == json.loads(run("verify", "--data-dir", str(data_dir), "--json").stdout)["erased"]


def test_an_empty_subject_is_refused(run, data_dir):
    """An empty shell variable must not erase anything."""
    assert 2 == run("erase", "", "--yes", "--data-dir", str(data_dir)).exit_code
