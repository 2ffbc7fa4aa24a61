"""Erasing a person while the server runs: not a byte is left of them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from contract.samples import a_record
from contract.samples import a_request as a_stored_request
from oversight.app.clock import now_us
from oversight.storage.retention import months_before
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.v1 import decision_pb2
from servers import SERVE, ServerProcess, started, wait_until

MARKER = "anna-4d1f9c"
OTHER = "bob-77a2e1"


def oversight(server: ServerProcess, *words: str) -> tuple[int, dict[str, Any]]:
    """Run a command as an operator would; return its exit code and what it printed."""
    done = subprocess.run(
        [SERVE[0], *words, "--json"],
        env=server.all_variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def files_with(folder: Path, word: str) -> list[str]:
    """Return every file under *folder* in which *word* stands."""
    wanted = word.encode()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if wanted in path.read_bytes()]


def decide(server: ServerProcess, subject: str, first: int, count: int) -> list[str]:
    """Decide about a customer whose pseudonym is in every personal field."""
    note = decision_pb2.AttributeValue(string_value=f"note about {subject}")
    return [
        server.decide(
            f"request-{subject}-{number}",
            subject_ref=subject,
            conversation_id=f"conversation-{subject}",
            attributes={"note": note},
        ).decision_id
        for number in range(first, first + count)
    ]


def on_record(server: ServerProcess) -> int:
    return int(server.ask_store("SELECT count(*) FROM decisions")[0][0])


def test_not_a_byte_of_an_erased_person_is_left_and_the_chain_is_whole(server: ServerProcess) -> None:
    """In the store, in journals, in segments kept aside as torn: whoever is forgotten is forgotten everywhere."""
    with server:
        first = decide(server, MARKER, 0, 20) + decide(server, OTHER, 0, 5)
        wait_until(lambda: on_record(server) == 25, "everything to be on record")
        with closing(sqlite3.connect(server.data_dir / "records.db", isolation_level=None, timeout=10)) as store:
            store.execute("BEGIN EXCLUSIVE")
            waiting = decide(server, MARKER, 20, 5)
            server.kill()
            store.execute("ROLLBACK")
    for segment in (server.data_dir / "journal").rglob("*.journal"):
        with segment.open("ab") as file:
            file.write(f"a record that was cut off: {MARKER}".encode())
    assert {"journal", "records.db"} == {name.partition("/")[0] for name in files_with(server.data_dir, MARKER)}

    code, erased = oversight(server, "erase", MARKER, "--yes")

    assert (1, 20) == (code, erased["parts"])
    assert erased["pending_segments"]

    with server:
        wait_until(lambda: on_record(server) == 30, "what waited to be on record")
        code, erased = oversight(server, "erase", MARKER, "--yes", "--wait", "30")

        assert (0, 0, []) == (code, erased["parts"], erased["pending_segments"])
        assert erased["blanked_files"]
        assert [] == files_with(server.data_dir, MARKER)
        assert "records.db" in files_with(server.data_dir, OTHER)
        found = [server.find(decision_id) for decision_id in (first[0], waiting[0], first[-1])]
        assert [True, True, False] == [one.erased for one in found]
        code, verified = oversight(server, "verify")
        assert (0, True, 30, 25) == (code, verified["whole"], verified["records"], verified["erased"])
    assert [] == files_with(server.data_dir, MARKER)


def test_records_are_verified_and_removed_while_the_server_decides(server: ServerProcess) -> None:
    """Nobody stops a contact centre for an audit."""
    with server:
        decide(server, OTHER, 0, 10)
        wait_until(lambda: on_record(server) == 10, "everything to be on record")
        code, removed = oversight(server, "retain")
        assert 0 == code
        assert dict.fromkeys(("decisions", "outcomes", "snapshots", "erasures", "evidence"), 0) == removed["removed"]
        with closing(sqlite3.connect(server.data_dir / "records.db", timeout=10)) as store, store:
            store.execute("UPDATE decisions SET tier = 3 WHERE chain_seq = 4")

        code, verified = oversight(server, "verify")

        assert (1, {"altered": 1}) == (code, verified["counts"])
        assert [("altered", "decisions", 4, 4)] == [
            (one["kind"], one["chain"], one["first"], one["last"]) for one in verified["findings"]
        ]


def test_the_server_removes_what_is_too_old_by_itself(tmp_path: Path) -> None:
    """A retention that somebody has to remember is none."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    store = SqlStore(file_url(data_dir / "records.db"), writer="local")
    for number, months in enumerate((8, 7, 5, 1)):
        decided_at_us = months_before(now_us(), months)
        store.add([a_record(number, a_stored_request(number, decided_at_us=decided_at_us))], [])
    store.close()

    with started(tmp_path, retention_months=6) as server:
        wait_until(lambda: on_record(server) == 2, "what is too old to be gone")
        code, verified = oversight(server, "verify")

    assert (0, ["signed"]) == (code, [one["checkpoint"] for one in verified["chains"]])
