"""Cerbos, an established decision service, as a contender: the same question, its decisions in a log too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ruamel.yaml import YAML

from bench.bodies import SIGNALS
from bench.contenders import Contender
from bench.figures import NotMeasuredError

__all__ = ["VERSION", "cerbos", "check_message", "find_cerbos"]

VERSION = "0.55.0"
_PACKAGE = "@cerbos/cerbos-linux-x64"
_FILES = Path(__file__).with_name("cerbos")
_METHOD = "cerbos.svc.v1.CerbosService/CheckResources"
_ACTIONS = ("send_unreviewed", "send_after_review")
_REVIEWED = {"send_unreviewed": 2, "send_after_review": 1}
"""Effects of a reply that says human_in_the_loop: 1 is allowed, 2 is denied."""
_INSTALLS_WITHIN_S = 300.0
_ANSWERS_WITHIN_S = 30.0


def find_cerbos() -> Path:
    """Return Cerbos' program, fetched once into the user's cache; raise `NotMeasuredError` where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "oversight-bench" / f"cerbos-{VERSION}"
    program = cache / "node_modules" / _PACKAGE / "cerbos-linux-x64"
    if program.exists():
        return program
    if not shutil.which("npm"):
        raise NotMeasuredError("npm is missing, which fetches Cerbos: apt-get install npm")
    cache.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(cache), f"{_PACKAGE}@{VERSION}"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_INSTALLS_WITHIN_S, check=False
    )
    if not program.exists():
        raise NotMeasuredError(f"npm could not fetch {_PACKAGE}@{VERSION}: {done.stderr.strip()[-200:]}")
    return program


def cerbos(*, rules: int, batch: int = 0) -> Contender:
    """Return Cerbos with the first *rules* conditions of its policy; *batch* resources to a call, 0 for one."""
    return Contender(
        name=f"Cerbos, {rules} rules",
        command=partial(_serve, find_cerbos(), rules),
        method=_METHOD,
        message=check_message(batch or 1),
        check=partial(_check, batch or 1),
        count=partial(_count_entries, batch or 1),
        per_call=batch or 1,
        environment={"GOMAXPROCS": "1"},
    )


def check_message(resources: int) -> bytes:
    """Return a CheckResourcesRequest about *resources* messages."""
    asked = _message("CheckResourcesRequest")(request_id="c-77")
    asked.principal.id = "gateway"
    asked.principal.roles.append("contact_centre")
    for number in range(resources):
        entry = asked.resources.add(actions=_ACTIONS)
        entry.resource.kind, entry.resource.id = "ai_message", f"m-{number}"
        for name, value in SIGNALS.items():
            signal = entry.resource.attr[name]
            if isinstance(value, str):
                signal.string_value = value
            else:
                signal.number_value = value
        entry.resource.attr["human_requested"].bool_value = False
    message: bytes = asked.SerializeToString()
    return message


def _serve(program: Path, rules: int, ports: Sequence[int], folder: Path) -> Sequence[str]:
    """Write policy and configuration into *folder*, and return the command."""
    policy = YAML(typ="safe").load((_FILES / "policy.yaml").read_text("utf-8"))
    policy["resourcePolicy"]["rules"] = policy["resourcePolicy"]["rules"][: rules + 1]  # the first allows everything
    (folder / "policies").mkdir()
    (folder / "policies" / "ai_message.json").write_text(json.dumps(policy), encoding="utf-8")
    shutil.copy(_FILES / "config.yaml", folder)
    listen = (f"--set=server.grpcListenAddr=127.0.0.1:{ports[0]}", f"--set=server.httpListenAddr=127.0.0.1:{ports[1]}")
    return (str(program), "server", "--config=config.yaml", "--log-level=error", *listen)


def _check(resources: int, channel: grpc.Channel) -> None:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{_METHOD}")
    reply = _message("CheckResourcesResponse").FromString(
        call(check_message(resources), timeout=_ANSWERS_WITHIN_S, wait_for_ready=True)
    )
    effects = [dict(result.actions) for result in reply.results]
    if [_REVIEWED] * resources != effects:
        raise NotMeasuredError(f"Cerbos does not answer human_in_the_loop: {effects[:2]}")


def _count_entries(per_call: int, folder: Path) -> int:
    """Return how many decisions Cerbos' log has: one line a call."""
    try:
        with (folder / "decisions.log").open("rb") as log:
            return per_call * sum(1 for _ in log)
    except FileNotFoundError:
        return 0


def _message(name: str) -> Any:
    """Return the class of one of Cerbos' messages."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"cerbos.svc.v1.{name}"))


@lru_cache(maxsize=1)
def _pool() -> descriptor_pool.DescriptorPool:
    """Compile the few fields that are needed, apart from all other messages of this process."""
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as made:
        out = Path(made) / "descriptors"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_FILES}", f"--descriptor_set_out={out}"]
        subprocess.run([*command, "--include_imports", "check_resources.proto"], check=True, timeout=60)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool
