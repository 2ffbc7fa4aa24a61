"""A process that waits for idle CPUs commits without that, and hears of a commit that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url

# A process of its own: the priority that it gives up does not come back.
PROGRAM = """
import os, sys
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from oversight.storage.open import open_database
from oversight.storage.prompt_commits import keep_commits_prompt

if sys.argv[2] == "prompt":
    os.nice(3)
    keep_commits_prompt()
os.nice(7)
database = open_database(sys.argv[1], read_only=False)

@event.listens_for(database.engine, "before_cursor_execute")
def say(connection, cursor, statement, *others):
    print(statement.split()[0], os.getpriority(os.PRIO_PROCESS, 0) - base, flush=True)

base = os.getpriority(os.PRIO_PROCESS, 0)
try:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
except OperationalError as error:
    print(type(error.orig).__name__, error.orig)
with database.engine.connect() as connection:
    print(connection.exec_driver_sql("SELECT count(*) FROM t").scalar())
"""

READS_MEANWHILE = """
import sys, threading, time
from oversight.storage.database import READING
from oversight.storage.open import open_database
from oversight.storage.prompt_commits import keep_commits_prompt

keep_commits_prompt()
database = open_database(sys.argv[1], read_only=False)

def write():
    with database.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    print("written")

writer = threading.Thread(target=write)
with database.engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
    print(connection.exec_driver_sql("SELECT count(*) FROM t").scalar())
    writer.start()
    time.sleep(0.5)
print("read")
writer.join()
"""


def commit_in_a_process(file: Path, how: str) -> list[str]:
    """Return what a process says of its transaction in *file*: each statement with its niceness beside the usual."""
    return run(PROGRAM, file_url(file), how)


def run(program: str, *arguments: str) -> list[str]:
    """Return the lines that *program* prints."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def make_table(file: Path) -> None:
    """Make a table in *file*."""
    database = open_database(file_url(file), read_only=False)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    database.engine.dispose()


def test_a_commit_keeps_the_priority_that_the_rest_has_given_up(tmp_path: Path) -> None:
    """Nobody can read during a commit: one that waits for a CPU makes all others wait, too."""
    make_table(tmp_path / "records.db")

    said = commit_in_a_process(tmp_path / "records.db", "prompt")

    # The commit by the priority of before (nice 3 of 10), everything else by that of now.
    assert ["BEGIN 0", "PRAGMA 0", "INSERT 0", "COMMIT -7", "BEGIN 0", "SELECT 0", "1"] == said


def test_others_commit_as_ever(tmp_path: Path) -> None:
    """The driver commits by itself, without a statement."""
    make_table(tmp_path / "records.db")

    said = commit_in_a_process(tmp_path / "records.db", "as ever")

    assert ["BEGIN 0", "PRAGMA 0", "INSERT 0", "BEGIN 0", "SELECT 0", "1"] == said


def test_a_commit_that_fails_is_heard_of(tmp_path: Path) -> None:
    """A segment of the journal is removed on the word of a commit."""
    make_table(tmp_path / "records.db")
    reader = open_database(file_url(tmp_path / "records.db"), read_only=True)
    with reader.engine.connect() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM t").scalar()

        said = commit_in_a_process(tmp_path / "records.db", "prompt")

    assert ["COMMIT -7", "OperationalError database is locked"] == said[3:5]
    assert "0" == said[-1], "nothing of it is in the file"
    reader.engine.dispose()


def test_whoever_has_read_does_not_wait_for_the_commit_that_waits_for_it(tmp_path: Path) -> None:
    """One thread commits for all: the end of a read behind a write's commit would hold both until one gives up."""
    make_table(tmp_path / "records.db")

    assert ["0", "read", "written"] == run(READS_MEANWHILE, file_url(tmp_path / "records.db"))
