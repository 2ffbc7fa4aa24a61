"""A server of the simulation's own: on free loopback ports, in a folder of its own, with a clock that can be set."""

from __future__ import annotations

import hashlib
import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from oversight.app.handover import run_folder
from oversight.app.reports import read_supervisor
from oversight.errors import SimulationError
from oversight.simulation.messages import START_US

__all__ = ["SimulatedServer"]

_STOP_S = 30.0
_LAST_WORDS = 5
"""Lines of the log that are shown: the reason stands above the last one."""
_WITHOUT = ("OVERSIGHT_", "OTEL_")


class SimulatedServer:
    """
    One `oversight serve` whose data are in *folder*; a context manager that ends it.

    *policy* is the folder of rule files, None for the default policy. *seed* makes the keys, so that the server draws
    the same audits again: they protect nobody, as these messages are nobody's. Raises `SimulationError` where the
    server does not come up. Enter it in the main thread: the server ends with the thread that starts it.
    """

    def __init__(self, folder: Path, *, seed: int, policy: Path | None = None) -> None:
        self.target = ""
        self.admin = ""
        self._folder = folder
        self._log = folder / "server.log"
        self._data_dir = folder / "data"
        self._clock_file = folder / "clock"
        self._write_keys(seed)
        self._clock_file.write_bytes(_encode(START_US))
        with self._clock_file.open("r+b") as file:
            self._clock = mmap.mmap(file.fileno(), 0)
        settings: dict[str, object] = {
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "data_dir": self._data_dir,
            "simulated_clock": self._clock_file,
            "workers": 1,
            "standby": False,
            "drain_interval_s": 0.05,
            # Between two steps of the clock nobody could have confirmed anything.
            "max_policy_age_s": 0,
            "max_threshold_age_s": 0,
            "log_level": "warning",
            "log_format": "text",
        }
        if policy is not None:
            settings["policy"] = policy.resolve()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_WITHOUT)}
        self._environment = inherited | {f"OVERSIGHT_{name.upper()}": str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[str] | None = None

    def set_clock(self, at_us: int) -> None:
        """Let it be *at_us*, microseconds since 1970 (UTC), for every process of the server."""
        self._clock[:] = _encode(at_us)

    def check(self) -> None:
        """Raise `SimulationError` where the server has ended."""
        if self._process is None or self._process.poll() is not None:
            raise SimulationError(f"the simulated server has ended:\n{self._last_words()}")

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "oversight.app", "serve", "--parent", str(os.getpid())]
        with self._log.open("ab") as log:
            # A group of its own: Ctrl-C in the terminal reaches the simulation, which stops the server in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait(self) -> None:
        """Wait for the announcement, which comes once every process serves; or for the end, which comes without."""
        process = self._process
        if process is None or process.stdout is None or not process.stdout.readline():
            raise SimulationError(f"the simulated server did not come up:\n{self._last_words()}")
        report = read_supervisor(run_folder(self._data_dir))
        if report is None:
            raise SimulationError(f"the simulated server does not say where it listens ({self._data_dir})")
        self.target, self.admin = report.listen, report.admin_listen

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _last_words(self) -> str:
        words = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(words[-_LAST_WORDS:]) or f"it said nothing ({self._log})"

    def _write_keys(self, seed: int) -> None:
        folder = self._data_dir / "keys"
        folder.mkdir(parents=True, mode=0o700)
        for name in ("id", "audit"):
            path = folder / f"{name}.key"
            path.write_text(hashlib.sha256(f"simulation {name} {seed}".encode()).hexdigest() + "\n", encoding="ascii")
            path.chmod(0o600)


def _encode(at_us: int) -> bytes:
    return at_us.to_bytes(8, "little", signed=True)
