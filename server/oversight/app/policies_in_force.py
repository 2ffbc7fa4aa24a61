"""The policies in force with their versions, from what the data folder keeps of them: no store is asked."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from oversight.app.last_good import LastGoodFile
from oversight.policy_versions import PolicyName, read_version

__all__ = ["policies_of"]


def policies_of(data_dir: Path) -> tuple[PolicyName, ...]:
    """Return the policies that were published last; empty where *data_dir* holds none that can be read."""
    kept = LastGoodFile(data_dir).read()
    return () if kept is None else _policies(kept.document)


@lru_cache(maxsize=2)
def _policies(document: str) -> tuple[PolicyName, ...]:
    return read_version("", 0, document).policies
