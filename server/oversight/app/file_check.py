"""
Rule files that somebody sent, checked in a process of its own.

They may be made to take as long, or as much memory, as they can: a thousand policies that extend one of five thousand
rules are valid. The controller publishes meanwhile, and must do so afterwards (docs/adr/0027).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from oversight.app.apart import LimitExceededError, Limits, answer_apart, do_apart
from oversight.errors import Problem
from oversight.policies import SnapshotSource
from oversight.policy_check import CheckedFiles, check_source
from oversight.policy_versions import PolicyName
from oversight.settings import Settings

__all__ = ["FileCheck"]

LONGEST_S = 30
_LARGEST_BYTES = 1024 * 1024 * 1024
_MOST_PROBLEMS = 1_000


class FileCheck:
    """Checks files with this server's settings, in at most *longest_s* seconds and *largest_bytes* of memory."""

    def __init__(
        self, settings: Settings, *, longest_s: float = LONGEST_S, largest_bytes: int = _LARGEST_BYTES
    ) -> None:
        self._settings = settings
        self._limits = Limits(longest_s, largest_bytes)

    def __call__(self, files: Mapping[str, str], default_policy: str) -> CheckedFiles:
        """Return what is wrong with *files*; an empty *default_policy* is the server's."""
        source = SnapshotSource(
            files=files,
            default_policy=default_policy or self._settings.default_policy,
            max_policy_age_s=self._settings.max_policy_age_s,
            max_threshold_age_s=self._settings.max_threshold_age_s,
        )
        try:
            answer = do_apart(__name__, "the check of rule files", source.to_document().encode(), limits=self._limits)
        except LimitExceededError as limit:
            return _too_much(f"take more than {limit} to compile")
        return _read(answer)


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


def _check(document: bytes) -> bytes:
    found = check_source(SnapshotSource.from_document(document.decode()), most=_MOST_PROBLEMS)
    return json.dumps(asdict(found)).encode()


if __name__ == "__main__":
    sys.exit(answer_apart(_check, gives_way=True))
