"""The hash chain over records: whoever removes, alters or reorders a row breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from json import JSONEncoder

__all__ = ["GENESIS", "canonical_row", "link", "seal"]

GENESIS = "0" * 64
"""What the first row of a chain is linked to."""

_encode = JSONEncoder(separators=(",", ":"), check_circular=False).encode


def canonical_row(values: Sequence[object]) -> bytes:
    """
    Return the bytes that stand for a row: an ASCII JSON array of its values, without spaces.

    *values* are those of every column but `chain_hash`, in the table's order. Numbers are written as Python's `repr`
    does (the shortest decimal that reads back as the same IEEE 754 double). NULLs at the end are left out: new columns
    are only ever added at the end of a table, so the bytes of older rows stay what they were.
    """
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return _encode(values if end == len(values) else values[:end]).encode("ascii")


def link(previous: str, canonical: bytes) -> str:
    """Return a row's chain hash: SHA-256 (FIPS 180-4) in hex over the *previous* row's hash and its own bytes."""
    return sha256(previous.encode("ascii") + canonical).hexdigest()


def seal(salt: bytes, part: str) -> str:
    """
    Return what a record holds in place of its personal *part*: SHA-256 in hex over salt and part.

    The random salt goes with the part when it is erased; what stays cannot be guessed from likely values.
    """
    return sha256(salt + part.encode("ascii")).hexdigest()
