r"""
Every command, file and program that the documents show, run as a reader would run it.

A document is read from top to bottom in a scratch copy of the repository's rules and documents:

* a ``console`` block is run: lines after ``$ `` are commands (``\`` continues one), the lines below a command are
  output that must appear, in order; ``...`` stands for anything, alone on its line for any number of lines
* a ``python`` block is run as a program
* ``<!-- file: PATH -->`` above a block saves the block as that file
* ``<!-- exit code: N -->`` above a block says how its last command ends, where that is not 0
* ``<!-- not run: REASON -->`` above a block leaves it out; the reason is in pytest's summary

``make serve`` and ``oversight serve`` are started in the background on free ports, and commands are pointed at them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from oversight.cli.credentials import Credentials
from oversight.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
]
DEFAULT_ADDRESS = "127.0.0.1:50051"
DEFAULT_ADMIN = "127.0.0.1:50052"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 120.0

_BLOCK = re.compile(
    r"(?P<marks>(?:^<!--[^\n]*-->\n+)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_MARK = re.compile(r"<!-- (file|exit code|not run): (.*) -->")
_CALLS = re.compile(r"\boversight (decide|outcome|replay|load|explain)\b(?!-)")
_ADMIN_CALLS = re.compile(
    r"\boversight (records|errors|warnings|quality|audits|report|export [a-z]+|policy|thresholds [a-z]+"
    r"|stop [a-z]+(?!.*--data-dir))\b"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block with the marks above it."""

    language: str
    text: str
    file: str = ""
    exit_code: int = 0
    not_run: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the output that must appear."""

    line: str
    output: tuple[str, ...]


def read_blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    blocks = []
    for match in _BLOCK.finditer(document):
        marks = dict(_MARK.findall(match["marks"]))
        blocks.append(
            Block(
                language=match["language"],
                text=match["text"],
                file=marks.get("file", ""),
                exit_code=int(marks.get("exit code", "0")),
                not_run=marks.get("not run", ""),
            )
        )
    return blocks


def read_commands(text: str) -> list[Command]:
    """Return the commands of a console block."""
    commands: list[tuple[str, list[str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        elif commands and line.strip():
            commands[-1][1].append(line)
    return [Command(line, tuple(output)) for line, output in commands]


def missing_line(expected: tuple[str, ...], output: str) -> str | None:
    """Return the first expected line that does not follow the ones before it in *output*; None if all are there."""
    rest = iter([" ".join(line.split()) for line in output.splitlines()])
    for line in expected:
        if line.strip() == "...":
            continue
        pattern = ".*".join(re.escape(part) for part in " ".join(line.split()).split("..."))
        if not any(re.fullmatch(pattern, seen) for seen in rest):
            return line
    return None


BLOCKS = {document: read_blocks((ROOT / document).read_text(encoding="utf-8")) for document in DOCUMENTS}


class Reader:
    """Follows one document in *folder*, with at most one server at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._address = f"127.0.0.1:{_free_port()}"
        self._admin = f"127.0.0.1:{_free_port()}"
        self._server: subprocess.Popen[bytes] | None = None
        # The one difference from a reader's shell: free ports, and output that depends on no terminal.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("OVERSIGHT_")} | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OVERSIGHT_LISTEN": self._address,
            "OVERSIGHT_ADMIN_LISTEN": self._admin,
            "OVERSIGHT_WORKERS": "1",
            "COLUMNS": "120",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }

    def follow(self, block: Block) -> None:
        """Do what a block asks of the reader."""
        if block.file:
            path = self._folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            self._run(shlex.join([sys.executable, "-c", block.text]), (), 0)
        elif block.language in ("console", "sh"):
            self._follow_commands(block)

    def close(self) -> None:
        """Stop the server, if one was started."""
        if self._server is not None:
            self._server.terminate()
            try:
                assert self._server.wait(STOP_TIMEOUT_S) == 0, self._log()
            finally:
                self._server.kill()
                self._server = None

    def _follow_commands(self, block: Block) -> None:
        commands = read_commands(block.text)
        assert commands, f"a console block without a command:\n{block.text}"
        for command in commands:
            words = shlex.split(command.line, comments=True)
            if words[:2] in (["make", "serve"], ["oversight", "serve"]) and not block.exit_code:
                self._serve(words[2:])
            elif words[0] != "source":  # PATH already leads to the environment that this test runs in
                self._run(command.line, command.output, block.exit_code if command is commands[-1] else 0)

    def _serve(self, arguments: list[str]) -> None:
        self.close()
        with (self._folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                ["oversight", "serve", *arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with grpc.insecure_channel(self._address) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=START_TIMEOUT_S, wait_for_ready=True
            )
        assert health_pb2.HealthCheckResponse.SERVING == reply.status, self._log()

    def _run(self, line: str, expected: tuple[str, ...], exit_code: int) -> None:
        line = _CALLS.sub(rf"oversight \1 --target {self._address}", line).replace(DEFAULT_ADDRESS, self._address)
        line = _ADMIN_CALLS.sub(rf"oversight \1 --admin {self._admin}", line).replace(DEFAULT_ADMIN, self._admin)
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            encoding="utf-8",
        )
        said = f"$ {line}\n{result.stdout}\n{self._log()}"
        assert exit_code == result.returncode, said
        missing = missing_line(expected, result.stdout)
        assert missing is None, f"not in the output: {missing}\n{said}"

    def _log(self) -> str:
        log = self._folder / "server.log"
        return f"server's log:\n{log.read_text(encoding='utf-8', errors='replace')}" if log.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Yield a reader in a scratch copy, so that following a document never changes the repository."""
    for folder in ("policy_rules", "docs", "proto"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("Makefile", "buf.yaml"):
        shutil.copy(ROOT / file, tmp_path)
    reader = Reader(tmp_path)
    yield reader
    reader.close()


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_reader_can_do_what_the_document_shows(reader: Reader, document: Path) -> None:
    """A command that does not work costs a newcomer's trust in everything else."""
    for block in BLOCKS[document]:
        if not block.not_run:
            reader.follow(block)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_what_is_left_out_is_said(document: Path) -> None:
    """Silence is not success: each command that nobody tried is in the summary, with its reason."""
    left_out = [block for block in BLOCKS[document] if block.not_run]
    assert all(" " in block.not_run for block in left_out), "a reason is more than a word"
    if left_out:
        pytest.skip("; ".join(f"{document}: not run, {block.not_run}" for block in left_out))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_to_a_file(document: Path) -> None:
    """A dead link ends the reading."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / document).read_text(encoding="utf-8"))
    assert [] == [link for link in links if not (ROOT / document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_setting_that_a_document_names_exists(document: Path) -> None:
    """A setting that is misspelt or gone is silently the default."""
    named = set(re.findall(r"\bOVERSIGHT_([A-Z_]+)\b", (ROOT / document).read_text(encoding="utf-8")))
    named.discard("STOP")  # a reason code
    # Those of the command that calls a server: what a caller shows.
    assert set() == {name.lower() for name in named} - set(Settings.model_fields) - set(Credentials._fields)


def test_output_that_is_missing_or_out_of_order_is_found() -> None:
    """The test above is worth what its comparison is worth."""
    output = "tier   HUMAN_ON_THE_LOOP\nid 4f2a\ndone\n"
    assert missing_line(("tier HUMAN_ON_THE_LOOP", "...", "id ...", "done"), output) is None
    assert "id 0000" == missing_line(("id 0000",), output)
    assert "tier ..." == missing_line(("done", "tier ..."), output)


def test_blocks_are_read_with_their_marks() -> None:
    """A mark that is not understood would silently leave a block out, or in."""
    document = "Text.\n\n<!-- exit code: 1 -->\n```console\n$ oversight check \\\n  rules\nwrong\n```\n"
    (block,) = read_blocks(document)
    assert Block("console", "$ oversight check \\\n  rules\nwrong\n", exit_code=1) == block
    assert [Command("oversight check    rules", ("wrong",))] == read_commands(block.text)
