"""The server as shipped: its processes in a folder of its own, on free loopback ports, ended by their own pids."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from oversight.app.status import Status, read_status
from oversight.v1 import decision_service_pb2, decision_service_pb2_grpc, outcome_service_pb2_grpc

SERVE = (str(Path(sys.executable).with_name("oversight")), "serve")
"""The command; settings come from the environment."""

LONGEST_WAIT_S = 180.0
Found = TypeVar("Found")

POLICY = """\
policy: contact_centre
version: "{version}"
description: A small policy for tests of the processes.
required_signals: [intent, response_confidence, sentiment_score]
intents: [order_status]
thresholds:
  autonomy_confidence:
    description: Lowest response confidence at which the AI may send without a person.
    default: 0.85
    min: 0.60
    max: 0.99
    tightens: raise
rules:
  - id: low_confidence
    when: {{response_confidence: {{below: $autonomy_confidence}}}}
    tier: human_in_the_loop
    reason: LOW_CONFIDENCE
    message: The AI is not sure enough of its reply.
"""


def wait_until(condition: Callable[[], Found | None], what: str, timeout_s: float = LONGEST_WAIT_S) -> Found:
    """Return the first true value of *condition*; fail saying *what* was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain: {what}"
        time.sleep(0.01)


def write_policy(folder: Path, version: str = "1") -> None:
    """Put the small policy there whole, as an editor that renames does; *version* makes its digest another."""
    folder.mkdir(exist_ok=True)
    partial = folder / ".contact_centre.yaml.swp"
    partial.write_text(POLICY.format(version=version), encoding="utf-8")
    partial.rename(folder / "contact_centre.yaml")


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_port() -> int:
    """Return a loopback port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """One `oversight serve`; a context manager that ends it, whatever happened to it."""

    def __init__(self, folder: Path, *, workers: int = 1, **settings: object) -> None:
        """Prepare a run in *folder*, which holds `policy` and `data`; *settings* are the server's by name."""
        self.data_dir = folder / "data"
        self.policy = folder / "policy"
        self.log = folder / "server.log"
        self.out = folder / "server.out"
        self.environment: dict[str, str] = {}
        self._settings: dict[str, object] = {
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "data_dir": self.data_dir,
            "policy": self.policy,
            "workers": workers,
            "policy_poll_s": 0.1,
            "drain_interval_s": 0.05,
            "worker_pinning": "off",
            # What a test says of one worker, it says of one process.
            "standby": False,
            "log_format": "json",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None
        if not self.policy.exists():
            write_policy(self.policy)

    def all_variables(self) -> dict[str, str]:
        """Return the environment of the process: nobody's settings but those given."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("OVERSIGHT_", "OTEL_"))
        }
        settings = {f"OVERSIGHT_{name.upper()}": str(value) for name, value in self._settings.items()}
        return environment | settings | self.environment

    def launch(self) -> None:
        """Start the process and return at once."""
        with self.log.open("ab") as log, self.out.open("ab") as out:
            self._process = subprocess.Popen(
                SERVE, env=self.all_variables(), stdout=out, stderr=log, stdin=subprocess.DEVNULL
            )

    def start(self) -> Self:
        """Start the process and wait until it serves."""
        offset = self.out.stat().st_size if self.out.exists() else 0
        self.launch()

        def is_ready() -> bool:
            assert self.exit_code() is None, f"the server ended while starting:\n{self.log.read_text()}"
            return b"Ctrl-C stops the server" in self.out.read_bytes()[offset:]

        wait_until(is_ready, "the server to be ready")
        return self

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()  # nobody else would: a context that was not entered is not left
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def target(self) -> str:
        """Address of the data port."""
        supervisor = self.status().supervisor
        assert supervisor is not None
        return supervisor.listen

    @property
    def admin_target(self) -> str:
        """Address of the admin port."""
        supervisor = self.status().supervisor
        assert supervisor is not None
        return supervisor.admin_listen

    def exit_code(self) -> int | None:
        """Return None while the process runs."""
        assert self._process is not None
        return self._process.poll()

    def wait(self, timeout_s: float = LONGEST_WAIT_S) -> int:
        """Return the exit code when the process ends."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def terminate(self) -> int:
        """Stop as an operator does, and return the exit code."""
        self.close_channel()
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End the supervisor at once, and wait until its children are gone too."""
        self.close_channel()
        if self._process is None or self._process.poll() is not None:
            return
        children = self.child_pids()
        self._process.kill()
        self._process.wait(LONGEST_WAIT_S)
        wait_until(lambda: not any(map(is_running, children)), "the children of a killed supervisor to end")

    def status(self) -> Status:
        """Return what `oversight status` shows."""
        return read_status(self.data_dir)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `oversight` on the data folder and return what came of it."""
        line = [SERVE[0], *words, "--data-dir", str(self.data_dir)]
        return subprocess.run(line, check=False, capture_output=True, text=True, timeout=60)

    def ask_store(self, statement: str) -> list[Any]:
        """Return the rows that *statement* finds in the embedded store, once that has been made."""
        # As the product's readers do: with mode=ro nobody could roll back what was left half-written.
        address = f"file:{self.data_dir / 'records.db'}?mode=rw"

        def found() -> tuple[list[Any]] | None:
            try:
                with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as store:
                    store.execute("PRAGMA query_only=ON")
                    return (store.execute(statement).fetchall(),)
            except sqlite3.OperationalError as problem:
                if str(problem).startswith(("unable to open", "no such table")):
                    return None
                raise

        return wait_until(found, "the store to be made")[0]

    def child_pids(self) -> list[int]:
        """Return the process ids of controller, keeper and workers, from the kernel's own list."""
        tasks = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with contextlib.suppress(FileNotFoundError):
            return [int(pid) for pid in tasks.read_text().split()]
        return []

    def worker_pid(self, index: int = 0) -> int:
        """Return the process id of a worker, as it says itself."""
        return self.status().workers[index].pid

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the log so far; lines that are no JSON are messages of a start that failed."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def channel(self) -> grpc.Channel:
        """Return the channel to the data port, made at the first call."""
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.target)
        return self._channel

    def close_channel(self) -> None:
        """Forget the channel; the next call makes another."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def decide(self, request_id: str = "", **fields: Any) -> decision_service_pb2.DecideResponse:
        """Ask for one decision about a routine message."""
        stub = decision_service_pb2_grpc.DecisionServiceStub(self.channel())
        return stub.Decide(a_request(request_id, **fields), timeout=10, wait_for_ready=True)

    def outcomes(self) -> outcome_service_pb2_grpc.OutcomeServiceStub:
        """Return the stub of the outcome service."""
        return outcome_service_pb2_grpc.OutcomeServiceStub(self.channel())

    def find(self, decision_id: str) -> decision_service_pb2.Decision:
        """Read one decision back."""
        stub = decision_service_pb2_grpc.DecisionServiceStub(self.channel())
        return stub.GetDecision(
            decision_service_pb2.GetDecisionRequest(decision_id=decision_id), timeout=10, wait_for_ready=True
        )


def a_request(request_id: str = "", **fields: Any) -> decision_service_pb2.DecideRequest:
    """Return a routine request, but for *fields*."""
    given: dict[str, Any] = {"intent": "order_status", "response_confidence": 0.97, "sentiment_score": 0.3, **fields}
    return decision_service_pb2.DecideRequest(request_id=request_id, **given)


@contextlib.contextmanager
def started(folder: Path, environment: Mapping[str, str] | None = None, **settings: object) -> Iterator[ServerProcess]:
    """Yield a server that serves in *folder*, and end it."""
    server = ServerProcess(folder, **settings)  # type: ignore[arg-type]  # workers is one of the settings
    server.environment = dict(environment or {})
    with server:
        yield server
