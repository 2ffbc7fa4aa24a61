"""A store's file that a disk has damaged costs what was in it, and nothing that comes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from e2e.on_record import ids_on_record, store_problem
from servers import ServerProcess, wait_until

PAGE_BYTES = 4096


def decide_and_store(server: ServerProcess, prefix: str) -> set[str]:
    """Return the ids of ten decisions that are in the store."""
    answered = {server.decide(f"{prefix}{number}").decision_id for number in range(10)}
    wait_until(lambda: answered <= ids_on_record(server), "the decisions in the store")
    return answered


@pytest.mark.parametrize(
    ("first", "pages", "words", "has_backup"),
    [(0, 1, "file is not a database", False), (1, 3, "database disk image is malformed", True)],
)
def test_a_server_goes_on_with_a_backup_or_anew(
    tmp_path: Path, first: int, pages: int, words: str, has_backup: bool
) -> None:
    """What docs/operators.md says of a damaged embedded store."""
    server = ServerProcess(tmp_path)
    file, backup = server.data_dir / "records.db", tmp_path / "copy.db"
    with server:
        saved = decide_and_store(server, "saved")
        with closing(sqlite3.connect(file)) as store, closing(sqlite3.connect(backup)) as copy:
            store.backup(copy)
        decide_and_store(server, "lost")
        assert 0 == server.terminate()
    with file.open("r+b") as damaged:
        damaged.seek(first * PAGE_BYTES)
        damaged.write(b"\xa5" * pages * PAGE_BYTES)

    with ServerProcess(tmp_path, shutdown_grace_s=0.5) as server:
        replies = [server.decide(f"later{number}") for number in range(10)]
        assert all(reply.recorded for reply in replies), "on record in the journal"
        wait_until(lambda: words in store_problem(server), "the damage to be said")
        assert words in server.command("status").stdout
        assert 0 == server.terminate()
    verified = server.command("verify")
    refusal = f"oversight: the store cannot be read: DatabaseError: {words}\n"
    assert (1, "", refusal) == (verified.returncode, verified.stdout, verified.stderr)

    file.rename(tmp_path / "records.db.damaged")
    if has_backup:
        backup.rename(file)
    later = {reply.decision_id for reply in replies}
    with ServerProcess(tmp_path) as server:
        kept = later | saved if has_backup else later
        wait_until(lambda: ids_on_record(server) == kept, "what waited in the journals in the store")
        assert 0 == server.terminate()
    verified = server.command("verify")
    assert (0, True) == (verified.returncode, "WHOLE" in verified.stdout), verified
    replayed = server.command("replay-record", "--all")
    equal = f"{len(kept)} decisions: {len(kept)} EQUAL, 0 ERASED, 0 DIFFERENT, 0 NOT_REPLAYABLE\n"
    assert (0, equal, "") == (replayed.returncode, replayed.stdout, replayed.stderr)
