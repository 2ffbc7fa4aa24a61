"""
Rules compiled in a process of their own, which gives way to callers.

The controller's other threads must not: whoever waits for the interpreter's lock waits for the thread that holds it,
and that one for a CPU (docs/adr/0028).
"""

from __future__ import annotations

import marshal
import pickle
import sys
from pathlib import Path

from oversight.app.apart import answer_apart, do_apart
from oversight.app.snapshot_file import snapshot_stamp
from oversight.engine.compile import Blueprint
from oversight.errors import InvalidPolicyError
from oversight.policies import SnapshotSource, compile_source
from oversight.rules.load import RuleSet

__all__ = ["compile_apart", "compile_beside_callers"]


def compile_beside_callers(run: Path, source: SnapshotSource) -> tuple[Blueprint, RuleSet]:
    """Compile *source* apart where a snapshot in *run* decides meanwhile, and here where workers wait for the first."""
    return compile_source(source) if snapshot_stamp(run) is None else compile_apart(source)


def compile_apart(source: SnapshotSource) -> tuple[Blueprint, RuleSet]:
    """
    Return what `policies.compile_source` makes of *source*, made in another process.

    Raises `InvalidPolicyError` with every problem, and RuntimeError where that process ended without an answer. It
    may take as long as it needs, and ends with this one.
    """
    answer = do_apart(__name__, "the process that compiles rules", source.to_document().encode())
    blueprint, rules, problems = pickle.loads(answer)  # noqa: S301 - written by our own child
    if problems:
        raise InvalidPolicyError(problems)
    return marshal.loads(blueprint), rules  # noqa: S302 - as above


def _compile(document: bytes) -> bytes:
    try:
        blueprint, rules = compile_source(SnapshotSource.from_document(document.decode()))
    except InvalidPolicyError as error:
        return pickle.dumps((b"", None, tuple(error.problems)))
    # The blueprint holds code, which pickle does not know.
    return pickle.dumps((marshal.dumps(blueprint), rules, ()))


if __name__ == "__main__":
    sys.exit(answer_apart(_compile, gives_way=True))
