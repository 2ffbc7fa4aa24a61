"""The servers that take turns: started on a CPU of their own, checked by a real call, counted, stopped by their pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import grpc

from bench.figures import NotMeasuredError

__all__ = ["Contender", "Place", "Server", "cpu_s", "last_words", "resident_mib", "started", "wait_for"]

_STARTS_WITHIN_S = 120.0
_STOPS_WITHIN_S = 30.0
_SETTLES_WITHIN_S = 120.0


class Place(NamedTuple):
    """Where servers run: a folder for their files, and their CPUs as taskset takes them."""

    folder: Path
    cpus: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """
    A server to measure.

    *command* is made from the ports it gets and the folder it runs in. *check* makes one call and raises
    `NotMeasuredError` where the reply is not what it should be. *count* says how many decisions the server itself has
    on record, None where it keeps no record; *per_call* is how many decisions a call has.
    """

    name: str
    command: Callable[[Sequence[int], Path], Sequence[str]]
    method: str
    message: bytes
    check: Callable[[grpc.Channel], None]
    count: Callable[[Path], int] | None = None
    per_call: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Server:
    """A contender that serves. *decided* is what it was asked to decide so far."""

    contender: Contender
    port: int
    pid: int
    folder: Path
    decided: int = 0

    @property
    def data_dir(self) -> Path:
        """The data folder of `oversight serve`."""
        return self.folder / "data"

    def settle(self) -> None:
        """Wait until the server has every decision on record; raise `NotMeasuredError` where its count is another."""
        count = self.contender.count
        if count is None:
            return
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: count(self.folder) >= self.decided, "", _SETTLES_WITHIN_S)
        if (found := count(self.folder)) != self.decided:
            raise NotMeasuredError(f"{self.contender.name}: {self.decided:,} decided, {found:,} on record")


@contextlib.contextmanager
def started(contender: Contender, place: Place, number: int = 0) -> Iterator[Server]:
    """Start *contender* in a folder of its own, yield it once it answers as it should, and stop it."""
    folder = place.folder / f"{contender.name}-{number}".replace(" ", "-")
    folder.mkdir(parents=True)
    ports = _free_ports(2)
    hidden = ("OVERSIGHT_", "OTEL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            ["taskset", "-c", place.cpus, *contender.command(ports, folder)],
            cwd=folder,
            env={**environment, **contender.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends us, and we end it
        )
    try:
        _wait_until_open(contender.name, process, ports[0], folder / "server.log")
        with grpc.insecure_channel(f"127.0.0.1:{ports[0]}") as channel:
            try:
                contender.check(channel)
            except grpc.RpcError as error:
                raise NotMeasuredError(f"{contender.name}: {error}") from error
        yield Server(contender, ports[0], process.pid, folder, contender.per_call)
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all below it (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own_s + sum(cpu_s(int(child)) for child in children)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process (proc(5), VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def last_words(text: str) -> str:
    """Return the last lines of what a program printed, as one short line."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" ^~")]
    return "; ".join(lines[-2:])[-300:]


def wait_for(condition: Callable[[], bool], what: str, within_s: float = _STARTS_WITHIN_S) -> None:
    """Return once *condition* holds; raise TimeoutError saying *what* was waited for."""
    ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {within_s:.0f} s in vain: {what}")
        time.sleep(0.1)


def _wait_until_open(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def is_open() -> bool:
        if process.poll() is not None:
            raise NotMeasuredError(f"{name} ended while starting: {last_words(log.read_text(errors='replace'))}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return True
        return False

    try:
        wait_for(is_open, "its port")
    except TimeoutError as error:
        raise NotMeasuredError(f"{name}: {error}") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, as an operator would; end it where it does not. Its children end with it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOPS_WITHIN_S)


def _free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody has at the moment."""
    with contextlib.ExitStack() as opened:
        probes = [opened.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
