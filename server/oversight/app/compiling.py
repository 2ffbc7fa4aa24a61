"""
Rules compiled in a process of their own, which gives way to callers.

The controller's other threads must not: whoever waits for the interpreter's lock waits for the thread that holds it,
and that one for a CPU (docs/adr/0028).
"""

from __future__ import annotations

import marshal
import os
import pickle
import subprocess
import sys
from pathlib import Path

from oversight.app.children import end_with_parent
from oversight.app.snapshot_file import snapshot_stamp
from oversight.app.yielding import lower_priority, yield_to_callers
from oversight.engine.compile import Blueprint
from oversight.errors import InvalidPolicyError
from oversight.policies import SnapshotSource, compile_source
from oversight.rules.load import RuleSet

__all__ = ["compile_apart", "compile_beside_callers"]

_SAID_BYTES = 2_000


def compile_beside_callers(run: Path, source: SnapshotSource) -> tuple[Blueprint, RuleSet]:
    """Compile *source* apart where a snapshot in *run* decides meanwhile, and here where workers wait for the first."""
    return compile_source(source) if snapshot_stamp(run) is None else compile_apart(source)


def compile_apart(source: SnapshotSource) -> tuple[Blueprint, RuleSet]:
    """
    Return what `policies.compile_source` makes of *source*, made in another process.

    Raises `InvalidPolicyError` with every problem, and RuntimeError where that process ended without an answer. It
    may take as long as it needs, and ends with this one.
    """
    # -P: as for the server's other processes (app.children).
    command = [sys.executable, "-P", "-m", __name__, str(os.getpid())]
    done = subprocess.run(  # noqa: S603 - this very module, by this very interpreter
        command, input=source.to_document().encode(), capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-_SAID_BYTES:]
        raise RuntimeError(f"the process that compiles rules ended with {done.returncode}: {said}")
    blueprint, rules, problems = pickle.loads(done.stdout)  # noqa: S301 - written by our own child
    if problems:
        raise InvalidPolicyError(problems)
    return marshal.loads(blueprint), rules  # noqa: S302 - as above


def _compile(document: str) -> bytes:
    try:
        blueprint, rules = compile_source(SnapshotSource.from_document(document))
    except InvalidPolicyError as error:
        return pickle.dumps((b"", None, tuple(error.problems)))
    # The blueprint holds code, which pickle does not know.
    return pickle.dumps((marshal.dumps(blueprint), rules, ()))


if __name__ == "__main__":
    lower_priority()
    yield_to_callers()
    end_with_parent(int(sys.argv[1]))
    sys.stdout.buffer.write(_compile(sys.stdin.read()))
