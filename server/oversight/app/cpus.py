"""How many CPUs this process may use, and which of them each worker stays on."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

from oversight.settings import Settings

__all__ = ["Cpus", "choose_cpu", "count_workers", "read_cpus"]

_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


class Cpus(NamedTuple):
    """
    What the operating system grants this process.

    `allowed` are the CPU numbers of its affinity mask; `machine` is how many the machine has; `quota` is the CPU time
    granted by control groups, in CPUs, or None; `in_container` says whether other containers may share the CPUs.
    """

    allowed: tuple[int, ...]
    machine: int
    quota: float | None
    in_container: bool


def read_cpus(root: Path = Path("/")) -> Cpus:
    """Ask the operating system; *root* is where its file systems stand (tests give another)."""
    in_container = any((root / mark.lstrip("/")).exists() for mark in _CONTAINER_MARKS)
    return Cpus(
        allowed=tuple(sorted(os.sched_getaffinity(0))),
        machine=os.cpu_count() or 1,
        quota=_read_quota(root),
        in_container=in_container or "KUBERNETES_SERVICE_HOST" in os.environ,
    )


def count_workers(settings: Settings, cpus: Cpus) -> int:
    """Return how many workers to run: as set, or one for each CPU available by affinity and quota, rounded up."""
    if settings.workers:
        return settings.workers
    by_quota = math.ceil(cpus.quota) if cpus.quota is not None else len(cpus.allowed)
    return max(1, min(len(cpus.allowed), by_quota))


def choose_cpu(index: int, mode: str, cpus: Cpus) -> int | None:
    """
    Return the CPU that worker *index* stays on, or None to let it move.

    A Python process can use only one CPU; unpinned, its threads pass the interpreter's lock between CPUs and lose
    16 to 30 %. With `auto` it moves all the same where pinning could harm: under a CPU quota, and in a container whose
    mask is the whole machine, where every other container would pin to the same low numbers.
    """
    if mode == "off":
        return None
    if mode == "auto":
        shares_machine = cpus.in_container and len(cpus.allowed) >= cpus.machine
        if cpus.quota is not None or shares_machine:
            return None
    return cpus.allowed[index % len(cpus.allowed)]


def _read_quota(root: Path) -> float | None:
    """Return the tightest CPU quota from this process's control group up to the root, version 2 or 1."""
    quotas: list[float] = []
    for group in _groups(root):
        for folder in (group, *group.parents):
            if folder in (root, root / "sys", root / "sys/fs"):
                break
            quota = _quota_v2(folder)
            if quota is None:
                quota = _quota_v1(folder)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def _groups(root: Path) -> list[Path]:
    """Return the folders of this process's control groups that can carry a CPU quota."""
    top = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return [top]
    groups = [top]
    for line in lines:
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "-", "")
        if controllers == "":
            groups += [top / path.lstrip("/"), top / "unified" / path.lstrip("/")]
        elif "cpu" in controllers.split(","):
            groups += [top / controllers / path.lstrip("/"), top / "cpu" / path.lstrip("/")]
    return groups


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
