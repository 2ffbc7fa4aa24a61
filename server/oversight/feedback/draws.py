"""Draws: the number by which a decision stays in an equal-probability sample or leaves it."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["equalising_draw"]

_BITS = 53


def equalising_draw(decision_id: str) -> float:
    """
    Return the number in [0, 1) that a decision's id draws for the equal-probability sample.

    The first 53 bits of BLAKE2b (RFC 7693) of the id, under a personalisation of its own: the draw of the audit sample
    (an HMAC under another key) says nothing about it. The same id always draws the same, so asking twice gives the
    same answer.
    """
    drawn = blake2b(decision_id.encode("ascii", "backslashreplace"), digest_size=8, person=b"equalise").digest()
    return (int.from_bytes(drawn, "big") >> (64 - _BITS)) / (1 << _BITS)
