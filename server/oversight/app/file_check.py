"""
Rule files that somebody sent, checked in a process of its own.

They may be made to take as long, or as much memory, as they can: a thousand policies that extend one of five thousand
rules are valid. The controller publishes meanwhile, and must do so afterwards (docs/adr/0027).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict

from oversight.app.children import end_with_parent
from oversight.app.yielding import lower_priority, yield_to_callers
from oversight.errors import Problem
from oversight.policies import SnapshotSource
from oversight.policy_check import CheckedFiles, check_source
from oversight.policy_versions import PolicyName
from oversight.settings import Settings

__all__ = ["FileCheck"]

LONGEST_S = 30
_LARGEST_BYTES = 1024 * 1024 * 1024
_MOST_PROBLEMS = 1_000
_NO_ROOM = 3


class FileCheck:
    """Checks files with this server's settings, in at most *longest_s* seconds and *largest_bytes* of memory."""

    def __init__(
        self, settings: Settings, *, longest_s: float = LONGEST_S, largest_bytes: int = _LARGEST_BYTES
    ) -> None:
        self._settings = settings
        self._longest_s = longest_s
        self._largest_bytes = largest_bytes

    def __call__(self, files: Mapping[str, str], default_policy: str) -> CheckedFiles:
        """Return what is wrong with *files*; an empty *default_policy* is the server's."""
        source = SnapshotSource(
            files=files,
            default_policy=default_policy or self._settings.default_policy,
            max_policy_age_s=self._settings.max_policy_age_s,
            max_threshold_age_s=self._settings.max_threshold_age_s,
        )
        # -P: as for the server's other processes (app.children).
        command = [sys.executable, "-P", "-m", __name__, str(os.getpid()), str(self._largest_bytes)]
        try:
            done = subprocess.run(  # noqa: S603 - this very module, by this very interpreter
                command,
                input=source.to_document().encode(),
                capture_output=True,
                timeout=self._longest_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _too_much(f"take more than {self._longest_s:g} s to compile")
        if done.returncode == _NO_ROOM:
            return _too_much(f"take more than {self._largest_bytes:,} bytes of memory to compile")
        if done.returncode:
            said = done.stderr.decode(errors="replace")[-2_000:]
            raise RuntimeError(f"the check of rule files ended with {done.returncode}: {said}")
        return _read(done.stdout)


def _too_much(what: str) -> CheckedFiles:
    message = f"these files {what}: have fewer rules, fewer policies that extend each other, or fewer overrides"
    return CheckedFiles("", (), (Problem("rule files", 0, 0, message),), 1)


def _read(answer: bytes) -> CheckedFiles:
    fields = json.loads(answer)
    return CheckedFiles(
        digest=fields["digest"],
        policies=tuple(PolicyName(*one) for one in fields["policies"]),
        problems=tuple(Problem(**one) for one in fields["problems"]),
        count=fields["count"],
    )


def _check(document: str) -> int:
    """Print what is wrong with the source *document*, as JSON; return an exit code."""
    try:
        sys.stdout.write(json.dumps(asdict(check_source(SnapshotSource.from_document(document), most=_MOST_PROBLEMS))))
    except MemoryError:
        return _NO_ROOM
    return 0


if __name__ == "__main__":
    lower_priority()
    yield_to_callers()
    parent, largest_bytes = map(int, sys.argv[1:])
    end_with_parent(parent)
    resource.setrlimit(resource.RLIMIT_AS, (largest_bytes, largest_bytes))
    sys.exit(_check(sys.stdin.read()))
