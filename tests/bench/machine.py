"""What was measured, and on what."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

__all__ = ["ROOT", "describe_machine"]

ROOT = Path(__file__).resolve().parents[2]


def describe_machine(server_cpu: str, load_cpu: str) -> list[str]:
    """Return sentences about the date, the machine, the versions and the CPUs used."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    machine = f"{_cpu_model()}, {os.cpu_count()} CPUs, {_cpu_layout()}Linux {platform.release()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("grpcio", "protobuf", "oversightd"))
    return [
        f"Measured on {today} by `make bench`, on {machine}.",
        f"Python {platform.python_version()}, {libraries} at commit {_commit()}.",
        f"Servers on CPU {server_cpu}, load on CPU {load_cpu}; load average at the start {os.getloadavg()[0]:.1f}.",
    ]


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _cpu_layout() -> str:
    """Say where CPUs are threads of one core: what runs beside a server then takes from it."""
    siblings = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    try:
        shared = siblings.read_text().strip()
    except OSError:
        return ""
    return f"{shared} threads of one core, " if shared != "0" else ""


def _commit() -> str:
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return f"{head}{' with changes' if _git('status', '--porcelain', '--untracked-files=no') else ''}"
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
