"""Commits that do not wait for a CPU, for a process that otherwise runs when nobody else does."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue

from sqlalchemy import Connection

__all__ = ["commit_promptly", "keep_commits_prompt"]

_Commit = tuple[Connection, "Future[None]"]

_queues: list[SimpleQueue[_Commit]] = []
"""That of the thread which commits, once there is one: as a priority does, it belongs to the process."""


def keep_commits_prompt() -> None:
    """
    Let commits of embedded databases keep the priority that the caller has now, whatever the process gives up later.

    Nobody else can read the file during a commit. One that is put off by a busy CPU puts off all of them (ADR 33).
    """
    commits: SimpleQueue[_Commit] = SimpleQueue()
    # A daemon: a commit that waits for somebody who reads must not keep the process from ending.
    threading.Thread(target=_commit, args=(commits,), name="commits", daemon=True).start()
    _queues.append(commits)


def commit_promptly(connection: Connection) -> None:
    """Commit in that thread and wait for it; do nothing where there is none. Raises as a commit does."""
    if not _queues:
        return
    done: Future[None] = Future()
    _queues[0].put((connection, done))
    done.result()


def _commit(commits: SimpleQueue[_Commit]) -> None:
    while True:
        connection, done = commits.get()
        try:
            # While others are shut out, the interpreter's lock is not needed: nor is whoever was put off with it.
            connection.exec_driver_sql("COMMIT")
        except BaseException as error:  # noqa: BLE001 - it is raised where the commit was asked for
            done.set_exception(error)
        else:
            done.set_result(None)
