"""How many workers, and where they stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oversight.app.cpus import Cpus, choose_cpu, count_workers, read_cpus
from oversight.settings import Settings

MACHINE = Cpus(allowed=(0, 1, 2, 3), machine=4, quota=None, in_container=False)


def a_root(tmp_path: Path, files: dict[str, str]) -> Path:
    """Return a root folder with these files."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="no control groups"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5, id="version 2"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000"}, None, id="version 2, none"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "100000 100000",
                "sys/fs/cgroup/a/b/cpu.max": "300000 100000",
            },
            1.0,
            id="the tightest of all parents",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/pod\n1:name=systemd:/\n",
                "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us": "250000",
                "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
            },
            2.5,
            id="version 1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "3:cpu:/pod\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
            id="version 1, none",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "50000 100000",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000",
            },
            0.5,
            id="a parent's, where its own is none",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "200000 100000"},
            2.0,
            id="version 2, seen from within a namespace",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/unified/a/cpu.max": "100000 100000"},
            1.0,
            id="version 2 beside version 1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpuacct,cpu:/kubepods/pod1/c1\n",
                "sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_quota_us": "150000",
                "sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu/kubepods/pod1/c1/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/kubepods/pod1/c1/cpu.cfs_period_us": "100000",
            },
            1.5,
            id="version 1, a parent's",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/c1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            0.5,
            id="version 1, its path mounted as the root",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "0 100000"}, None, id="a quota of nothing"
        ),
        pytest.param(
            {"proc/self/cgroup": "nonsense\n", "sys/fs/cgroup/cpu.max": "a b c"}, None, id="nothing that can be read"
        ),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0"}, None, id="no period"),
    ],
)
def test_the_quota_is_read_from_either_version(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    """A container with half a CPU must not start as many workers as the machine has CPUs."""
    assert expected == read_cpus(a_root(tmp_path, files)).quota


def test_the_affinity_mask_is_the_kernels() -> None:
    """What is granted, not what the machine has."""
    assert tuple(sorted(os.sched_getaffinity(0))) == read_cpus().allowed


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_is_known_by_its_marks(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker and Podman leave one each, Kubernetes a variable."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not read_cpus(tmp_path / "elsewhere").in_container
    assert read_cpus(a_root(tmp_path, {mark: ""})).in_container
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert read_cpus(tmp_path / "elsewhere").in_container


@pytest.mark.parametrize(
    ("setting", "cpus", "expected"),
    [
        (0, MACHINE, 4),
        (7, MACHINE, 7),
        (0, MACHINE._replace(quota=1.5), 2),
        (0, MACHINE._replace(quota=0.2), 1),
        (0, MACHINE._replace(quota=2.0), 2),
        (0, MACHINE._replace(quota=2.01), 3),
        (0, MACHINE._replace(quota=64.0), 4),
        (0, MACHINE._replace(quota=3.0, allowed=(0, 1)), 2),
        (0, MACHINE._replace(allowed=(3,)), 1),
    ],
)
def test_there_is_a_worker_for_each_cpu_available(setting: int, cpus: Cpus, expected: int) -> None:
    """By affinity and quota, unless the operator knows better."""
    assert expected == count_workers(Settings(workers=setting), cpus)


@pytest.mark.parametrize(
    ("mode", "cpus", "expected"),
    [
        pytest.param("auto", MACHINE, [0, 1, 2, 3, 0], id="each its own, then round again"),
        pytest.param("auto", MACHINE._replace(allowed=(2, 3)), [2, 3, 2, 3, 2], id="inside its own mask"),
        pytest.param("auto", MACHINE._replace(quota=2.0), [None] * 5, id="not under a quota"),
        pytest.param("auto", MACHINE._replace(in_container=True), [None] * 5, id="not where all containers would"),
        pytest.param(
            "auto", MACHINE._replace(in_container=True, allowed=(1,)), [1] * 5, id="in a container with CPUs of its own"
        ),
        pytest.param(
            "auto",
            MACHINE._replace(in_container=True, allowed=(1,), quota=1.0),
            [None] * 5,
            id="nor there under a quota",
        ),
        pytest.param("on", MACHINE._replace(in_container=True, quota=1.0), [0, 1, 2, 3, 0], id="on is on"),
        pytest.param("off", MACHINE, [None] * 5, id="off is off"),
    ],
)
def test_workers_stay_where_that_helps(mode: str, cpus: Cpus, expected: list[int | None]) -> None:
    """Pinned, a worker does up to a third more; pinned beside a stranger, it does half."""
    assert expected == [choose_cpu(index, mode, cpus) for index in range(5)]
