"""What is said of a stop whose scope covers less than it reads; the stop is engaged all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from oversight.app.last_good import LastGood, LastGoodFile
from oversight.cli.stop_scope import notes_from_server, notes_of_folder
from oversight.policies import SnapshotSource
from threshold_desk import Desk
from threshold_port import Port

UNKNOWN = "no policy has the name 'elsewhere'; only messages that name just this department are stopped"
DEFAULT = "messages without a department are not stopped by this, though the policy 'centre' decides them"


@pytest.fixture
def port() -> Iterator[Port]:
    """An admin port whose policies are `centre`, the default, and `bank` and `cards` below it."""
    port = Port(Desk())
    yield port
    port.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that a server has used, with the same two names of policies."""
    (tmp_path / "serve.lock").touch()
    files = {f"{name}.yaml": f'policy: {name}\nversion: "1"\n' for name in ("centre", "bank")}
    LastGoodFile(tmp_path).keep(LastGood(SnapshotSource(files, "centre").to_document(), "d" * 64, 5))
    return tmp_path


@pytest.mark.parametrize(
    ("department", "intent", "notes"),
    [
        ("", "", []),
        ("bank", "card_lost", []),
        ("", "card_lost", []),
        ("elsewhere", "", [UNKNOWN]),
        ("centre", "", [DEFAULT]),
        ("", "order_statis", ["does not know the intent 'order_statis' (did you mean 'order_status'?); only messages"]),
        ("elsewhere", "fire", [UNKNOWN, "policy 'centre' does not know the intent 'fire'; only messages with"]),
    ],
)
def test_a_scope_that_covers_less_than_it_reads_is_said(run, port, department, intent, notes) -> None:
    """A typing error in an emergency stops nothing; so does a department that messages do not name."""
    words = [*(("--department", department) if department else ()), *(("--intent", intent) if intent else ())]
    result = run("stop", "engage", *words, "-m", "fire", "--admin", port.target)

    assert (0, 1) == (result.exit_code, len(port.desk.store.events))
    said = result.stdout.splitlines()[1:]
    assert [True] * len(notes) == [note in line for note, line in zip(notes, said, strict=True)], said
    found = json.loads(run("stop", "engage", *words, "-m", "fire", "--admin", port.target, "--json").stdout)
    assert ("RECORDED", len(notes)) == (found["state"], len(found.get("hints", ())))


def test_without_an_answer_there_is_no_note() -> None:
    """The stop holds; only the hint is missing."""
    assert [] == list(notes_from_server("bank", "", admin="127.0.0.1:1", timeout_s=1.0))
    assert [] == list(notes_from_server("bank", "", admin="elsewhere.example:1", timeout_s=1.0))


@pytest.mark.parametrize(("department", "note"), [("bank", ""), ("", ""), ("elsewhere", UNKNOWN), ("centre", DEFAULT)])
def test_of_a_stop_on_one_machine_the_same_is_said(run, folder, department, note) -> None:
    """By what was published last there: no server is asked."""
    words = ("--department", department) if department else ()
    result = run("stop", "engage", *words, "-m", "fire", "--data-dir", folder)

    assert (0, 2 + bool(note), True) == (
        *(result.exit_code, len(result.stdout.splitlines())),
        note in result.stdout.splitlines()[-1],
    )


def test_where_nothing_was_published_nothing_is_said_of_a_scope(tmp_path: Path) -> None:
    """Nor where another version published it."""
    assert [] == list(notes_of_folder("centre", tmp_path))
    document = json.dumps({"engine_version": 0, "files": {"centre.yaml": 'policy: centre\nversion: "1"\n'}})
    LastGoodFile(tmp_path).keep(LastGood(document, "d" * 64, 5))
    assert [] == list(notes_of_folder("centre", tmp_path))
