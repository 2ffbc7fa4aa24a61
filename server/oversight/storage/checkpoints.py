"""Checkpoints: where a chain begins after retention has removed its oldest records, signed by the deployment."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from oversight.engine.identity import derive_key
from oversight.storage.chain import canonical_row

__all__ = ["Checkpoint", "CheckpointKey"]


class Checkpoint(NamedTuple):
    """
    A row of `retention_checkpoints`, in the order of its columns.

    `chain_seq` and `chain_hash` are those of the last record that retention removed of *writer*'s *chain*; `removed`
    is how many records it found up to there, all in all. Times are in microseconds since 1970 (UTC); `signature` is an
    HMAC-SHA-256 in hex over the other fields but `key_id`, which names its key.
    """

    writer: str
    chain: str
    chain_seq: int
    chain_hash: str
    cut_before_us: int
    removed: int
    created_at_us: int
    key_id: str = ""
    signature: str = ""


_SIGNED = Checkpoint._fields.index("key_id")


class CheckpointKey:
    """Signs checkpoints with a key that is derived for this alone from the deployment's *id_key*."""

    def __init__(self, id_key: bytes) -> None:
        self._key = derive_key(id_key, "retention checkpoint")
        self.key_id = sha256(self._key).hexdigest()[:16]

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return *checkpoint* with key id and signature."""
        return checkpoint._replace(key_id=self.key_id, signature=self._signature(checkpoint))

    def problem(self, checkpoint: Checkpoint) -> str:
        """Return what is wrong with the signature of *checkpoint*, or ""."""
        if checkpoint.key_id != self.key_id:
            return f"is signed with key {checkpoint.key_id}, not with this deployment's ({self.key_id})"
        if not hmac.compare_digest(checkpoint.signature.encode("utf-8"), self._signature(checkpoint).encode("ascii")):
            return "does not bear its signature: it was altered, or not made by retention"
        return ""

    def _signature(self, checkpoint: Checkpoint) -> str:
        return hmac.digest(self._key, canonical_row(checkpoint[:_SIGNED]), "sha256").hex()
