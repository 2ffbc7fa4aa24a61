"""
The Dockerfile's own steps, run without a container engine.

The build stage is followed word for word with its absolute folders moved into a scratch folder: only what it copies is
there, so a forgotten file is found. The final stage is read for its environment, entry point and health check, which
are run as another user. What only an engine can do (the base image, the user it makes) is left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from authority import Authority

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
STEP_TIMEOUT_S = 600.0
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
# The folders that the build stage writes to, longest first.
MOVED = ("/opt/oversight", "/wheels", "/src")

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass(slots=True)
class Stage:
    """One stage of a Dockerfile: its instructions in order, as (name, rest of the line)."""

    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Return what follows each *name*."""
        return [rest for instruction, rest in self.instructions if instruction == name]

    def only(self, name: str) -> str:
        """Return what follows the one *name*."""
        (rest,) = self.all(name)
        return rest


def read_stages(dockerfile: str) -> list[Stage]:
    """Return the stages of a Dockerfile."""
    without_comments = "\n".join(line for line in dockerfile.splitlines() if not line.startswith("#"))
    stages: list[Stage] = []
    for line in without_comments.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage())
        elif name:
            stages[-1].instructions.append((name, rest.strip()))
    return stages


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    """Return the stages of our Dockerfile."""
    return read_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Yield a folder that every user may enter (pytest's own are for their owner alone)."""
    folder = Path(tempfile.mkdtemp(prefix="oversight-image-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(stages: list[Stage], scratch: Path) -> Path:
    """Return the scratch folder with the build stage carried out."""
    _reach_the_package_index()
    build, _ = stages
    _copy(build, scratch / build.only("WORKDIR").removeprefix("/"))
    python = _python_for_everyone()
    shims = scratch / "bin"
    shims.mkdir()
    (shims / "python").symlink_to(python)
    (shims / "pip").write_text(f'#!/bin/sh\nexec {sys.executable} -m pip "$@"\n', encoding="utf-8")
    (shims / "pip").chmod(0o755)
    for step in build.all("RUN"):
        result = subprocess.run(
            ["sh", "-euc", _moved(step, scratch)],
            cwd=scratch / "src",
            env={**os.environ, "PATH": f"{shims}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
        assert 0 == result.returncode, f"{step}\n{result.stdout}"
    return scratch


@pytest.mark.parametrize("tls", [False, True])
def test_the_image_serves_as_another_user(image: Path, stages: list[Stage], *, tls: bool) -> None:
    """The image must work for a user who owns nothing but the data folder, and be found healthy with TLS, too."""
    _, final = stages
    data = image / f"data-{'tls' if tls else 'plain'}"
    data.mkdir(mode=0o700)
    files = Authority().write_server(data) if tls else {}
    shown = ["--ca-file", str(data / "ca.pem")] if tls else []
    user = _other_user()
    if user is not None:
        for path in (data, *data.iterdir()):
            os.chown(path, user, user)
    address = f"127.0.0.1:{_free_port()}"
    environment = _environment(final, image, data, address)
    environment |= {f"OVERSIGHT_{name.upper()}": str(path) for name, path in files.items()}
    entry = [*json.loads(final.only("ENTRYPOINT")), *json.loads(final.only("CMD"))]
    with (image / "server.log").open("wb") as log:
        server = subprocess.Popen(
            entry, cwd=data, env=environment, user=user, group=user, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_healthy(final, environment, image / "server.log")
        decided = subprocess.run(
            ["oversight", "decide", "--target", address, "--json", "--intent", "order_status", *shown],
            env=environment, stdout=subprocess.PIPE, timeout=START_TIMEOUT_S, check=True,
        )  # fmt: skip
        assert json.loads(decided.stdout)["recorded"] is True
        server.terminate()
        assert 0 == server.wait(STOP_TIMEOUT_S), _text(image / "server.log")
    finally:
        server.kill()
        server.wait()
    written = [path for path in data.rglob("*") if path.is_file()]
    assert written
    assert {user or os.getuid()} == {path.stat().st_uid for path in written}


def test_the_image_never_runs_as_root(stages: list[Stage]) -> None:
    """A fault in the service must not be a fault in the machine."""
    _, final = stages
    user, group = (int(part) for part in final.only("USER").split(":"))
    assert user > 0
    assert group > 0


def test_the_image_keeps_its_records_in_a_volume(stages: list[Stage]) -> None:
    """A record that ends with the container is no record."""
    _, final = stages
    assert f"OVERSIGHT_DATA_DIR={final.only('VOLUME')}" in final.only("ENV").split()


def test_the_image_serves_loopback_only_unless_told_otherwise(stages: list[Stage]) -> None:
    """Without TLS and authentication, reaching beyond loopback is a decision for whoever runs the image."""
    _, final = stages
    assert ["serve"] == json.loads(final.only("CMD"))
    assert not re.search(r"OVERSIGHT_(LISTEN|INSECURE)", final.only("ENV"))


def _copy(build: Stage, folder: Path) -> None:
    folder.mkdir(parents=True)
    for line in build.all("COPY"):
        *sources, target = line.split()
        for source in sources:
            found = ROOT / source
            if found.is_dir():
                shutil.copytree(found, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, folder / target)


def _moved(text: str, scratch: Path) -> str:
    for folder in MOVED:
        text = re.sub(rf"(?<![\w/]){re.escape(folder)}\b", str(scratch / folder.removeprefix("/")), text)
    return text


def _environment(final: Stage, image: Path, data: Path, address: str) -> dict[str, str]:
    """Return what the image sets, and nothing of ours but the search path behind it and free ports."""
    path = os.environ["PATH"]
    settings = dict(part.split("=", 1) for part in _moved(final.only("ENV"), image).replace("$PATH", path).split())
    return settings | {
        "OVERSIGHT_DATA_DIR": str(data),
        "OVERSIGHT_LISTEN": address,
        "OVERSIGHT_ADMIN_LISTEN": f"127.0.0.1:{_free_port()}",
        "OVERSIGHT_WORKERS": "1",
    }


def _wait_until_healthy(final: Stage, environment: dict[str, str], log: Path) -> None:
    """Run the image's own health check, as it stands, until it passes."""
    check = json.loads(final.only("HEALTHCHECK").partition("CMD ")[2])
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        result = subprocess.run(check, env=environment, timeout=START_TIMEOUT_S, capture_output=True, check=False)
        if result.returncode == 0:
            return
        assert time.monotonic() < deadline, f"{result.stderr.decode()}\n{_text(log)}"


def _reach_the_package_index() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "hatchling"],
        capture_output=True, timeout=STEP_TIMEOUT_S, check=False,
    )  # fmt: skip
    if result.returncode:
        pytest.skip(f"no package index can be reached: {result.stderr.decode().strip()[-200:]}")


def _other_user() -> int | None:
    """Return the user to run as; None, with the reason printed, where we may not become another."""
    if os.getuid() == 0:
        return NOBODY
    sys.stdout.write(f"run as the present user {os.getuid()}: only root can become another\n")
    return None


def _python_for_everyone() -> Path:
    """Return a Python that the other user can start too; the one of this test may lie in somebody's home."""
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        if not candidate.exists() or (os.getuid() == 0 and not _open_to_all(candidate.resolve())):
            continue
        usable = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
        if subprocess.run([candidate, "-c", usable], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip("no Python 3.11 or later with venv that another user may start")


def _open_to_all(file: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (file, *file.parents))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
