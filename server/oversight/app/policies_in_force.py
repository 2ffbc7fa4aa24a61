"""The policies of a snapshot with their versions, from what the data folder holds of it: no store is asked."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from oversight.app.last_good import LastGoodFile
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.policy_versions import PolicyName, read_version

__all__ = ["policies_of"]


def policies_of(data_dir: Path, digest: str) -> tuple[PolicyName, ...]:
    """Return the policies of the snapshot *digest*; empty where *data_dir* does not hold its source."""
    if not digest:
        return ()
    document = SnapshotOutbox(data_dir).get(digest)
    if document is None:
        kept = LastGoodFile(data_dir).read()
        document = kept.document if kept is not None and kept.digest == digest else ""
    return _policies(digest, document)


@lru_cache(maxsize=2)
def _policies(digest: str, document: str) -> tuple[PolicyName, ...]:
    return read_version(digest, 0, document).policies
